//! Shared secrets as people keep them: in base64, with a line feed at the end, or too short.

use std::fmt;

use zeroize::Zeroizing;

use crate::{error::ConfigError, jose::base64url};

/// The bytes of a shared secret, read from a text. `Debug` does not show them.
///
/// # Examples
///
/// ```
/// use countersign::{Key, keys::Secret};
///
/// // What `openssl rand -base64 32` prints.
/// let secret = Secret::from_base64("14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1uQ=\n")?;
/// assert_eq!(secret.as_ref().len(), 32);
/// let key = Key::hs256(&secret)?;
/// # drop(key);
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Reads base64 (RFC 4648): in the standard or the URL-safe alphabet, with or without padding. White space
    /// around the text does not count.
    ///
    /// Whether a secret *is* base64 is for its owner to know: `jsonwebtoken` and most libraries take the text
    /// itself as the secret unless told otherwise, and 64 hexadecimal digits are also base64.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidKey`] when the text is not base64, with the position of the mistake, and never
    /// with a part of the text.
    pub fn from_base64(text: impl AsRef<str>) -> Result<Self, ConfigError> {
        let text = text.as_ref().trim_ascii();
        let body = text.trim_end_matches('=');
        let foreign = |byte: u8| !byte.is_ascii_alphanumeric() && !b"+/-_".contains(&byte);
        if let Some(at) = body.bytes().position(foreign) {
            return Err(not_base64(&format!(
                "byte {} is not a character of base64",
                at + 1
            )));
        }
        if body.contains(['+', '/']) && body.contains(['-', '_']) {
            return Err(not_base64(
                "it mixes the standard alphabet (+/) with the URL-safe one (-_)",
            ));
        }
        if body.len() != text.len() && text.len() != body.len().next_multiple_of(4) {
            return Err(not_base64("its padding (=) is not what its length needs"));
        }
        let canonical = Zeroizing::new(body.replace('+', "-").replace('/', "_"));
        match base64url::decode(canonical.as_bytes()) {
            Some(bytes) if bytes.is_empty() => Err(not_base64("it is empty")),
            Some(bytes) => Ok(Self(Zeroizing::new(bytes))),
            None => Err(not_base64(
                "it ends amid a byte: characters are missing at the end",
            )),
        }
    }
}

impl Secret {
    pub(crate) fn from_bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self(Zeroizing::new(bytes.as_ref().to_vec()))
    }
}

impl AsRef<[u8]> for Secret {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

/// Copies a secret, unless it is a key in text form: whoever knows the public key could sign with it.
///
/// Warns of a line feed at the end: it belongs to the secret here, but perhaps not where tokens are made.
pub(crate) fn read(secret: &[u8]) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
    let text = secret.trim_ascii_start();
    let is_jwk = || serde_json::from_slice::<KeyText>(text).is_ok();
    if text.starts_with(b"-----BEGIN ") || (text.starts_with(b"{") && is_jwk()) {
        return Err(ConfigError::InvalidKey(
            "this is a key in PEM or JWK form, not a secret; there are other constructors for it"
                .into(),
        ));
    }
    if ends_in_line_feed(secret) {
        tracing::warn!(
            target: "countersign",
            "a secret ends in a line feed, which is part of it: trim it, unless tokens are signed with it as well",
        );
    }
    Ok(Zeroizing::new(secret.to_vec()))
}

/// Checks for the end of a line of a text file, which few people mean to be a part of a secret.
pub(super) fn ends_in_line_feed(secret: &[u8]) -> bool {
    secret.ends_with(b"\n")
}

/// The member that tells a JWK from any other text.
#[derive(serde::Deserialize)]
struct KeyText {
    #[serde(rename = "kty")]
    _kty: serde::de::IgnoredAny,
}

fn not_base64(problem: &str) -> ConfigError {
    ConfigError::InvalidKey(format!("the secret is not base64: {problem}"))
}
