//! Stores of sessions.
//!
//! `countersign-redis` and `countersign-sqlx` have stores. Look here to implement one of your own: a
//! [`SessionStore`] keeps rows of hashes, and never sees a token. `testing::store_suite` tells whether it is right. An
//! [`ApiKeyStore`] keeps those of API keys.

mod any_api_key_store;
mod any_store;
mod api_key_id;
mod api_key_store;
mod capabilities;
mod details;
mod digest;
mod mark;
pub(crate) mod memory;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod previous_token;
mod record;
mod session_store;

pub(crate) use self::{
    any_api_key_store::AnyApiKeyStore,
    any_store::{AnyStore, WatchedStore},
};
pub use self::{
    api_key_id::ApiKeyId,
    api_key_store::{ApiKeyStore, StoredApiKey},
    capabilities::StoreCapabilities,
    details::SessionDetails,
    digest::TokenHash,
    mark::StoreMark,
    previous_token::PreviousToken,
    record::{EndedSession, StoredSession},
    session_store::SessionStore,
};
pub use crate::{error::StoreError, revocation::StoreEpoch};
