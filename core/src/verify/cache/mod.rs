//! A cache of tokens that have been verified.

mod builder;
mod hash;
mod local;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod scope;
mod shared;
mod size;
mod token_cache;

pub(crate) use self::scope::{CacheScope, VerifierId};
pub use self::{builder::TokenCacheBuilder, token_cache::TokenCache};
