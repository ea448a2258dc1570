//! Stores of sessions.

mod capabilities;
mod digest;
mod mark;
pub(crate) mod memory;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod previous_token;
mod record;
mod session_store;

pub(crate) use self::session_store::AnyStore;
pub use self::{
    capabilities::StoreCapabilities,
    digest::TokenHash,
    mark::StoreMark,
    previous_token::PreviousToken,
    record::{EndedSession, StoredSession},
    session_store::SessionStore,
};
pub use crate::error::StoreError;
