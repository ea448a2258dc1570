//! An immutable set of verification keys.

use std::fmt;

use crate::{
    config_error::ConfigError,
    error::{AuthError, AuthErrorKind},
    jose::{Algorithm, Compact, Header, Key, Origin, SkippedKey, base64url, parse_set},
};

/// An immutable set of verification keys.
///
/// The token's `kid` and `alg` only select among the keys; each key verifies the one algorithm it
/// was made for.
///
/// # Examples
///
/// ```
/// use countersign::{Algorithm, KeySet, SigningKey};
///
/// let key = SigningKey::generate_es256()?;
/// let jwk = key.verifying_key().to_jwk().unwrap_or_default();
/// let set = KeySet::from_json(&format!(r#"{{"keys":[{jwk},{{"kty":"new"}}]}}"#))?;
/// assert_eq!(set.keys().len(), 1);
/// assert_eq!(set.skipped().len(), 1);
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone, Default)]
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<SkippedKey>,
}

impl KeySet {
    /// The algorithms a JWK without `alg` is used for, unless said otherwise: one for each type
    /// and curve, so that one key never verifies two (RFC 8725 section 3.1).
    pub const DEFAULT_ALGORITHMS: &'static [Algorithm] = &[
        Algorithm::EdDSA,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::HS256,
        Algorithm::RS256,
    ];

    /// The longest token, in bytes.
    const LARGEST_TOKEN: usize = 64 << 10;

    /// How many keys are tried for a token that names none.
    const MOST_TRIES: usize = 4;

    /// A set of these keys.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Self {
        Self {
            keys: keys.into_iter().collect(),
            skipped: Vec::new(),
        }
    }

    /// Reads a JWK set (RFC 7517 section 5) of your own, for example from a file.
    ///
    /// Each key is read by itself: one that is unknown, weak, malformed or not for signatures is
    /// left out and listed in [`skipped`](Self::skipped). At most 100 keys and 256 KiB.
    ///
    /// # Errors
    ///
    /// When the text is no JWK set, mixes symmetric and asymmetric keys, or leaves no usable key.
    pub fn from_json(json: &str) -> Result<Self, ConfigError> {
        Self::from_json_for(json, Self::DEFAULT_ALGORITHMS)
    }

    /// Reads a JWK set, with the algorithms that a JWK without `alg` is used for.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json).
    pub fn from_json_for(json: &str, algorithms: &[Algorithm]) -> Result<Self, ConfigError> {
        let parsed = parse_set(json, algorithms, Origin::Local)?;
        if parsed.keys.is_empty() {
            let reasons: Vec<String> = parsed
                .skipped
                .iter()
                .map(|key| key.reason().to_string())
                .collect();
            return Err(ConfigError::InvalidKey(format!(
                "the JWK set has no usable key ({})",
                if reasons.is_empty() {
                    "it is empty".to_owned()
                } else {
                    reasons.join("; ")
                }
            )));
        }
        Ok(Self {
            keys: parsed.keys,
            skipped: parsed.skipped,
        })
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The keys that [`from_json`](Self::from_json) left out, and why.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// Checks the signature of a token, *and nothing else*; returns the payload's bytes.
    ///
    /// No claim is looked at: the token may have expired, or be meant for somebody else. For a
    /// payload that is no set of claims (RFC 7515). To let somebody in, use a
    /// [`Verifier`](crate::Verifier).
    ///
    /// # Errors
    ///
    /// [`AuthError`] when the form, the header or the signature is not good. At most 64 KiB.
    pub fn verify_signature_only(&self, token: &str) -> Result<Vec<u8>, AuthError> {
        let compact = Compact::parse(token, Self::LARGEST_TOKEN)?;
        let header = Header::parse(compact.header)?;
        let signature = decode(compact.signature)?;
        self.verify(
            header.algorithm(),
            header.key_id(),
            compact.signed.as_bytes(),
            &signature,
        )?;
        Ok(decode(compact.payload)?)
    }

    /// Finds the key for a header and checks the signature with it.
    ///
    /// A key with an id verifies tokens with that `kid`, or with none. A key without an id, made
    /// from a secret or a PEM, verifies whatever `kid` says. Without a `kid` at most four keys are
    /// tried, so that a token cannot buy more work than that.
    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        key_id: Option<&str>,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<&Key, AuthErrorKind> {
        let named = |key: &&Key| match (key.id(), key_id) {
            (Some(id), Some(key_id)) => id == key_id,
            _ => true,
        };
        if !self.keys.iter().any(|key| named(&key)) {
            return Err(AuthErrorKind::UnknownKey);
        }
        let mut candidates = self
            .keys
            .iter()
            .filter(|key| key.algorithm().matches(algorithm))
            .filter(named)
            .peekable();
        if candidates.peek().is_none() {
            return Err(AuthErrorKind::WrongAlgorithm);
        }
        for (tried, key) in candidates.enumerate() {
            if tried == Self::MOST_TRIES {
                return Err(AuthErrorKind::AmbiguousKey);
            }
            if key.verify(signed, signature) {
                return Ok(key);
            }
        }
        Err(AuthErrorKind::BadSignature)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, AuthErrorKind> {
    base64url::decode(part.as_bytes()).ok_or(AuthErrorKind::MalformedToken)
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet")
            .field("keys", &self.keys)
            .field("skipped", &self.skipped)
            .finish()
    }
}
