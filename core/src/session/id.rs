//! What a session is called, and the fingerprint of a refresh token.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use subtle::ConstantTimeEq;

use crate::jose::base64url;

/// The public name of a session: the claim `sid` of its access tokens.
///
/// 22 characters of base64url, 128 bits. It is derived from a secret that only the client holds, so
/// it identifies a session and opens nothing. It is chosen anew at each login.
///
/// # Examples
///
/// ```
/// use countersign::SessionId;
///
/// assert!(SessionId::parse("AAECAwQFBgcICQoLDA0ODw").is_some());
/// assert!(SessionId::parse("../etc/passwd").is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Box<str>);

impl SessionId {
    /// The length in bytes before encoding.
    pub(crate) const BYTES: usize = 16;

    pub(crate) fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(base64url::encode(bytes).into_boxed_str())
    }

    /// Reads the text of an id; `None` when it cannot be one.
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

/// 32 bytes that a store keeps and compares: a SHA-256 hash, or a salt. Never a token.
///
/// Compared in constant time. In JSON it is base64url text.
#[derive(Clone, Copy, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Takes the bytes as they are, for example from a column of a table.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Takes the bytes as they are; `None` unless there are 32.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digest").finish_non_exhaustive()
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64url::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        base64url::decode(&text)
            .and_then(|bytes| Self::from_slice(&bytes))
            .ok_or_else(|| D::Error::custom("not 32 bytes in base64url"))
    }
}
