//! The identifier of a session (`sid`).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::jose::base64url;

/// The public name of a session: the claim `sid` of its access tokens.
///
/// 22 characters of base64url, 128 bits. It is derived from a secret that only the client has, so
/// it identifies a session and opens nothing. It is chosen anew at each login.
///
/// # Examples
///
/// ```
/// use countersign::session::SessionId;
///
/// assert!(SessionId::parse("AAECAwQFBgcICQoLDA0ODw").is_some());
/// assert!(SessionId::parse("../etc/passwd").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Box<str>);

impl SessionId {
    /// The length in bytes before encoding.
    pub(crate) const BYTES: usize = 16;

    #[cfg(feature = "sessions")]
    pub(crate) fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(base64url::encode(bytes).into_boxed_str())
    }

    /// Reads the text of an id, such as [`VerifiedToken::session_id`](crate::VerifiedToken::session_id); `None` when it
    /// cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = base64url::decode(text)?;
        (bytes.len() == Self::BYTES).then(|| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[cfg(feature = "sessions")]
    pub(crate) fn bytes(&self) -> [u8; Self::BYTES] {
        let bytes = base64url::decode(&*self.0).and_then(|bytes| bytes.try_into().ok());
        // Both ways to make one saw to it.
        bytes.expect("16 bytes in base64url")
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a session id"))
    }
}
