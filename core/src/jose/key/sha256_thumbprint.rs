//! SHA-256 thumbprints of keys and certificates, as a token's `cnf` has them.

// Without it, only the rows of sessions have one.
#![cfg_attr(not(feature = "proof"), allow(dead_code, unreachable_pub))]

use std::fmt;

use subtle::ConstantTimeEq;

use crate::jose::base64url;
#[cfg(feature = "proof")]
use crate::jose::crypto;

/// The SHA-256 thumbprint of a public key (`jkt`, RFC 7638 section 3) or of a certificate (`x5t#S256`, RFC 8705
/// section 3.1).
///
/// Compared in constant time. Its text is base64url without padding, 43 characters.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "proof")] {
/// use countersign::proof::Thumbprint;
///
/// let text = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
/// let thumbprint = Thumbprint::parse(text).expect("32 bytes in base64url");
/// assert_eq!(thumbprint.to_string(), text);
/// assert!(Thumbprint::parse("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I=").is_none());
/// # }
/// ```
#[derive(Clone, Copy, Eq)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// Takes the bytes as they are.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads base64url without padding; `None` unless it is the one text of 32 bytes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != base64url::encoded_length(32) {
            return None;
        }
        let bytes = base64url::decode(text)?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Hashes what a thumbprint stands for: a canonical JWK, or a certificate as DER.
    #[cfg(feature = "proof")]
    pub(crate) fn of(hashed: &[u8]) -> Self {
        Self(crypto::sha256(hashed))
    }
}

impl PartialEq for Thumbprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}
