//! Values that an app exchanges with sessions: a session, a client.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    claims::{Confirmation, SessionId},
    session::store::{SessionDetails, StoredSession, TokenHash},
};

/// A session, as the app and its user see it. Serialises as a JSON object for a list of devices.
///
/// `Debug` does not show the subject, the label and the data. The object has neither the subject, nor how the user was
/// authenticated, nor the data.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Session {
    id: SessionId,
    #[serde(skip)]
    subject: String,
    label: Option<String>,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
    #[serde(skip)]
    auth_time: i64,
    #[serde(skip)]
    details: Box<SessionDetails>,
    #[serde(skip)]
    data: Option<String>,
}

impl Session {
    /// The largest [data](Self::data) of a session, as JSON: 2 KiB.
    pub const MAX_DATA_BYTES: usize = 2 << 10;

    /// Returns its id: the claim `sid` of its access tokens.
    #[must_use]
    pub fn id(&self) -> &SessionId {
        &self.id
    }

    /// Returns the user: the claim `sub` of its access tokens.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the key and the certificate to which the session is bound; `None` if it is bound to nothing.
    #[cfg(feature = "proof")]
    #[must_use]
    pub fn confirmation(&self) -> Option<Confirmation> {
        Some(self.details.confirmation()).filter(|cnf| !cnf.is_empty())
    }

    /// Returns the type of its access tokens (RFC 6749 section 7.1): `DPoP` if they are bound to a key, else `Bearer`.
    #[must_use]
    pub fn token_type(&self) -> &'static str {
        match self.details.confirmation().key {
            Some(_) => "DPoP",
            None => "Bearer",
        }
    }

    /// Returns the label by which the user knows the device.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// Returns when the user logged in, in seconds since 1970.
    #[must_use]
    pub fn created_at(&self) -> i64 {
        self.created_at
    }

    /// Returns when it was last refreshed, in seconds since 1970; at first, the login.
    #[must_use]
    pub fn last_used_at(&self) -> i64 {
        self.last_used_at
    }

    /// Returns when it ends if it is not used again, in seconds since 1970.
    #[must_use]
    pub fn expires_at(&self) -> i64 {
        self.expires_at
    }

    /// Returns when the user was authenticated, in seconds since 1970: the claim `auth_time` of its access tokens
    /// (OpenID Connect Core section 2).
    #[must_use]
    pub fn auth_time(&self) -> i64 {
        self.auth_time
    }

    /// Returns the authentication context class: the claim `acr` of its access tokens (RFC 9068 section 2.2.1).
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.details.acr.as_deref()
    }

    /// Returns the authentication methods: the claim `amr` of its access tokens (RFC 8176).
    pub fn amr(&self) -> impl Iterator<Item = &str> {
        self.details.amr.iter().map(String::as_str)
    }

    /// Reads the data that the app keeps in the session, as it was when the session was read. `None`: there is none.
    ///
    /// # Errors
    ///
    /// [`serde_json::Error`] when it is no `T`.
    pub fn data<T: DeserializeOwned>(&self) -> Result<Option<T>, serde_json::Error> {
        self.data.as_deref().map(serde_json::from_str).transpose()
    }
}

impl From<&StoredSession> for Session {
    fn from(stored: &StoredSession) -> Self {
        Self {
            id: stored.id.clone(),
            subject: stored.subject.clone(),
            label: stored.label.clone(),
            created_at: stored.created_at,
            last_used_at: stored.last_used_at,
            expires_at: stored.expires_at,
            auth_time: stored.auth_time(),
            details: Box::new(stored.details.clone()),
            data: stored.data.clone(),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("id", &self.id)
            .field("created_at", &self.created_at)
            .field("last_used_at", &self.last_used_at)
            .field("expires_at", &self.expires_at)
            .field("auth_time", &self.auth_time)
            .field("acr", &self.details.acr)
            .field("amr", &self.details.amr)
            .finish_non_exhaustive()
    }
}

/// The client, a device or a browser, that logs in or refreshes, as far as it is known.
///
/// # Examples
///
/// ```
/// use countersign::session::{ClientInfo, store::TokenHash};
///
/// let thumbprint = [7; 32]; // SHA-256 of the client's TLS certificate, for example
/// let client = ClientInfo::new()
///     .label("Firefox on Linux")
///     .binding(TokenHash::from_bytes(thumbprint));
/// ```
#[derive(Clone, Default)]
pub struct ClientInfo {
    pub(super) label: Option<String>,
    pub(super) binding: Option<TokenHash>,
    /// What the client has proven that it has.
    pub(super) proven: Confirmation,
}

impl ClientInfo {
    /// The longest label in bytes. A longer one is cut.
    pub const LONGEST_LABEL: usize = 255;

    /// Makes a client of which nothing is known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the label by which the user will know the device. Control characters become spaces.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        let mut label = label.into().replace(char::is_control, " ");
        while label.len() > Self::LONGEST_LABEL {
            label.pop();
        }
        self.label = Some(label).filter(|label| !label.trim().is_empty());
        self
    }

    /// Adds what the client of a request has proven to what the app knows of it.
    pub(super) fn and_proven(mut self, proven: Confirmation) -> Self {
        self.proven.key = proven.key.or(self.proven.key);
        self.proven.certificate = proven.certificate.or(self.proven.certificate);
        self
    }

    /// Sets a hash of something that only this client can present: a key, a certificate. A session that
    /// was started with it is refreshed only with it (RFC 9700 section 4.14.2).
    #[must_use]
    pub fn binding(mut self, hash: TokenHash) -> Self {
        self.binding = Some(hash);
        self
    }

    /// Sets the key and the certificate that the client has proven to have. A session that is started with them is bound to
    /// them: each of its access tokens names them (`cnf`), and it is refreshed only with them.
    ///
    /// For logins of your own. [`SessionRoutes::dpop`](crate::SessionRoutes::dpop) does it for their requests.
    #[cfg(feature = "proof")]
    #[must_use]
    pub fn proven(mut self, confirmation: Confirmation) -> Self {
        self.proven = confirmation;
        self
    }
}

impl fmt::Debug for ClientInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientInfo").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_cut_at_a_character_and_has_no_control_characters() {
        let label = |text: &str| ClientInfo::new().label(text).label;
        assert_eq!(label("a\r\nb").as_deref(), Some("a  b"));
        assert_eq!(label(&"\u{e9}".repeat(200)).unwrap().len(), 254);
        assert_eq!(label(" \n"), None);
    }
}
