//! An API key, as the app and its user see it.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::session::store::{ApiKeyId, StoredApiKey};

/// An API key without its secret. Serialises as a JSON object for a list of keys, without the subject.
///
/// `Debug` does not show the subject and the label.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    id: ApiKeyId,
    #[serde(skip)]
    subject: String,
    label: String,
    #[serde(serialize_with = "as_list")]
    scopes: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl ApiKey {
    /// Returns its id: the claim `jti` of its tokens.
    #[must_use]
    pub fn id(&self) -> &ApiKeyId {
        &self.id
    }

    /// Returns the user: the claim `sub` of its tokens.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the label by which the user knows it.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Returns the scopes.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.split_ascii_whitespace()
    }

    /// Returns when it was made, in seconds since 1970.
    #[must_use]
    pub fn created_at(&self) -> i64 {
        self.created_at
    }

    /// Returns when it expires, in seconds since 1970. `None`: never.
    #[must_use]
    pub fn expires_at(&self) -> Option<i64> {
        self.expires_at
    }

    /// Returns when it was last used, in seconds since 1970: up to an hour too early. `None`: not yet.
    #[must_use]
    pub fn last_used_at(&self) -> Option<i64> {
        self.last_used_at
    }
}

fn as_list<S: Serializer>(scopes: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(scopes.split_ascii_whitespace())
}

impl From<StoredApiKey> for ApiKey {
    fn from(stored: StoredApiKey) -> Self {
        Self {
            id: stored.id,
            subject: stored.subject,
            label: stored.label,
            scopes: stored.scopes,
            created_at: stored.created_at,
            expires_at: stored.expires_at,
            last_used_at: stored.last_used_at,
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("id", &self.id)
            .field("created_at", &self.created_at)
            .field("expires_at", &self.expires_at)
            .field("last_used_at", &self.last_used_at)
            .finish_non_exhaustive()
    }
}
