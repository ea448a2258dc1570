//! The tokens that a login or a refresh gives the client.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::view::Session;
use crate::issue::IssuedToken;

/// An access token and the refresh token that gets the next one.
///
/// It serialises as RFC 6749 section 5.1 says: `access_token`, `token_type`, `expires_in` and
/// `refresh_token`. An answer that contains it needs `Cache-Control: no-store`. `Debug` shows neither
/// token.
#[derive(Clone)]
pub struct TokenPair {
    pub(super) access: IssuedToken,
    pub(super) refresh: String,
    pub(super) refresh_expires_in: i64,
    pub(super) session: Session,
}

impl TokenPair {
    /// The access token.
    #[must_use]
    pub fn access_token(&self) -> &IssuedToken {
        &self.access
    }

    /// The refresh token: 64 characters of base64url, opaque.
    #[must_use]
    pub fn refresh_token(&self) -> &str {
        &self.refresh
    }

    /// Returns how long the session lives if it is not refreshed, in seconds.
    #[must_use]
    pub fn refresh_expires_in(&self) -> i64 {
        self.refresh_expires_in
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }
}

impl Serialize for TokenPair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pair = serializer.serialize_struct("TokenPair", 4)?;
        pair.serialize_field("access_token", self.access.as_str())?;
        pair.serialize_field("token_type", self.session.token_type())?;
        pair.serialize_field("expires_in", &self.access.expires_in())?;
        pair.serialize_field("refresh_token", &self.refresh)?;
        pair.end()
    }
}

impl fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenPair")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
