//! A cache of tokens that have been verified.

mod builder;
mod key;
mod local;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod shared;
mod token_cache;

pub(crate) use self::key::{CacheScope, VerifierId};
pub use self::{builder::TokenCacheBuilder, token_cache::TokenCache};
