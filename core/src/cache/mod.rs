//! A cache of tokens that have been verified.

mod builder;
mod front;
mod grounds;
mod hash;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod shared;
mod size;
mod token_cache;

pub(crate) use self::grounds::{Grounds, VerifierId};
pub use self::{builder::TokenCacheBuilder, token_cache::TokenCache};
