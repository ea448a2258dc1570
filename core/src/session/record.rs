//! A session, as a store keeps it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::session::{Digest, SessionId};

/// A session as a store keeps it: one row. Times in seconds since 1970.
///
/// All of it may be read by whoever reads the store: there is no token in it, and none can be
/// computed from it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSession {
    /// Its name, and the key of the row.
    pub id: SessionId,
    /// Whose session it is. A store finds all sessions of a subject.
    pub subject: String,
    /// What the user knows the device by; at most 255 bytes.
    pub label: Option<String>,
    /// What the client must present besides the token, as a hash that the app supplies.
    pub binding: Option<Digest>,
    /// When the user logged in.
    pub created_at: i64,
    /// When the refresh token was last exchanged for the next one; at first, the login.
    pub last_used_at: i64,
    /// When it ends if it is not used again: never after `absolute_expires_at`.
    pub expires_at: i64,
    /// When it ends in any case. It never changes.
    pub absolute_expires_at: i64,
    /// The SHA-256 hash of the one refresh token that is valid.
    pub current: Digest,
    /// The refresh token before it. `None` until the first rotation.
    pub previous: Option<Predecessor>,
}

impl StoredSession {
    /// The time, for this session: never before it was last used, whatever this node's clock says.
    pub(super) fn time(&self, now: i64) -> i64 {
        now.max(self.last_used_at)
    }
}

/// The refresh token that was exchanged for the current one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predecessor {
    /// Its SHA-256 hash.
    pub hash: Digest,
    /// With it, and only together with the predecessor itself, the current token can be computed
    /// again. Alone it tells nothing.
    pub salt: Digest,
}

/// No hashes, and no subject: it may be an address.
impl fmt::Debug for StoredSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSession")
            .field("id", &self.id)
            .field("created_at", &self.created_at)
            .field("last_used_at", &self.last_used_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Predecessor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Predecessor").finish_non_exhaustive()
    }
}
