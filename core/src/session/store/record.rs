//! The row of a session.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{details::SessionDetails, digest::TokenHash, previous_token::PreviousToken};
use crate::{
    claims::{Realm, SessionId},
    revocation::{RevocationEntry, Revoked},
};

/// A session as a store keeps it: one row. Times in seconds since 1970.
///
/// A reader of the store may see all of it: there is no token in it, and none can be computed from it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSession {
    /// The id, and the key of the row. It is unique over all realms.
    pub id: SessionId,
    /// The realm that it belongs to.
    pub realm: Realm,
    /// The user: 1 to 255 bytes without control characters. A store finds all sessions of a subject
    /// in a realm.
    pub subject: String,
    /// The label by which the user knows the device; at most 255 bytes.
    pub label: Option<String>,
    /// A hash that the app supplies, which the client must present besides the token.
    pub binding: Option<TokenHash>,
    /// The time when the login began.
    pub created_at: i64,
    /// The time when the refresh token was last exchanged for the next one; at first, the login.
    pub last_used_at: i64,
    /// The time when it ends if it is not used again: never after `absolute_expires_at`.
    pub expires_at: i64,
    /// The time when it ends in any case. It never changes.
    pub absolute_expires_at: i64,
    /// No verifier accepts one of its access tokens after this second, the largest leeway included. A
    /// revocation of them has to be remembered until then. It only grows.
    pub tokens_until: i64,
    /// The SHA-256 hash of the one refresh token that is valid.
    pub current: TokenHash,
    /// The refresh tokens before it, the newest first: those that may still get an answer. At most
    /// [`PreviousToken::MOST`].
    pub previous: Vec<PreviousToken>,
    /// The facts of the login, one text. They never change; absent in rows of an earlier version.
    #[serde(default)]
    pub details: SessionDetails,
    /// The data of the app, a JSON text of at most 2 KiB. Only
    /// [`set_data`](crate::session::store::SessionStore::set_data) changes it; absent in rows of an earlier version.
    #[serde(default)]
    pub data: Option<String>,
}

impl StoredSession {
    /// Returns when the user was authenticated, in seconds since 1970.
    pub(crate) fn auth_time(&self) -> i64 {
        self.details.auth_time.unwrap_or(self.created_at)
    }

    /// Returns the time for this session: never before it was last used, whatever this node's clock says.
    pub(crate) fn time(&self, now: i64) -> i64 {
        now.max(self.last_used_at)
    }
}

/// A session that [`SessionStore::end`](crate::session::store::SessionStore::end) or
/// [`end_all`](crate::session::store::SessionStore::end_all) has removed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndedSession {
    /// The id.
    pub id: SessionId,
    /// Its [`tokens_until`](StoredSession::tokens_until).
    pub tokens_until: i64,
}

impl EndedSession {
    /// Chooses what a store logs when it removes this session: the revocation that it was given, or,
    /// where the tokens of the session live for longer, that the session is revoked until then.
    ///
    /// The session may have been refreshed since the caller of
    /// [`end`](crate::session::store::SessionStore::end) has read it.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{
    ///     revocation::{RevocationEntry, Revoked}, session::{SessionId, store::EndedSession},
    /// };
    ///
    /// let id = SessionId::parse("AAECAwQFBgcICQoLDA0ODw").expect("22 characters");
    /// let given = RevocationEntry { revoked: Revoked::Session(id.clone()), until: 1_800_000_000 };
    /// let removed = EndedSession { id, tokens_until: 1_800_000_900 };
    /// assert_eq!(removed.to_log(&given).until, 1_800_000_900);
    /// ```
    #[must_use]
    pub fn to_log(&self, given: &RevocationEntry) -> RevocationEntry {
        match self.tokens_until > given.until {
            true => self.revocation(),
            false => given.clone(),
        }
    }

    /// Returns the revocation of its access tokens, by its id.
    #[must_use]
    pub fn revocation(&self) -> RevocationEntry {
        RevocationEntry {
            revoked: Revoked::Session(self.id.clone()),
            until: self.tokens_until,
        }
    }
}

/// No hashes, and no subject: it may be an address.
impl fmt::Debug for StoredSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredSession")
            .field("id", &self.id)
            .field("realm", &self.realm)
            .field("created_at", &self.created_at)
            .field("last_used_at", &self.last_used_at)
            .field("expires_at", &self.expires_at)
            .field("tokens_until", &self.tokens_until)
            .finish_non_exhaustive()
    }
}
