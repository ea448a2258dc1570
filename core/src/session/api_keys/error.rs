//! The errors of making, listing and ending API keys.

use crate::error::StoreError;

/// The reason why an API key was not made, listed or ended.
///
/// The texts are for clients, too: they contain no key, and nothing of the store.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// The label, a scope, the subject or the expiry is not what a key can have.
    #[error("{0}")]
    Invalid(&'static str),
    /// The system gave no random bytes.
    #[error("no API key could be made")]
    NoRandomness,
    /// The subject has [as many keys as it can](crate::session::ApiKeysBuilder::per_subject).
    #[error("there are as many API keys as there can be: end one of them")]
    TooMany,
    /// The store is away.
    #[error("the service cannot handle API keys right now")]
    Unavailable(#[source] StoreError),
}

impl From<StoreError> for ApiKeyError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}
