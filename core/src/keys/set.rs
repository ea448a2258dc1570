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
        Self::parse(json, algorithms, Origin::Local)
    }

    /// Reads a JWK set that was fetched: as [`from_json`](Self::from_json), without secrets.
    ///
    /// A secret that somebody publishes is none, so `oct` keys are left out.
    ///
    /// # Errors
    ///
    /// When the text is no JWK set, or leaves no usable key.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::KeySet;
    ///
    /// let secret = r#"{"keys":[{"kty":"oct","alg":"HS256","k":"QW4gZXhhbXBsZSBzZWNyZXQgb2YgMzIgYnl0ZXMgb3IgbW9yZQ"}]}"#;
    /// assert!(KeySet::from_json(secret).is_ok());
    /// assert!(KeySet::from_remote_json(secret).is_err());
    /// ```
    pub fn from_remote_json(json: &str) -> Result<Self, ConfigError> {
        Self::parse(json, Self::DEFAULT_ALGORITHMS, Origin::Remote)
    }

    pub(super) fn parse(
        json: &str,
        algorithms: &[Algorithm],
        origin: Origin,
    ) -> Result<Self, ConfigError> {
        let parsed = parse_set(json, algorithms, origin)?;
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

    /// Whether one of the keys has this id.
    pub(crate) fn has_key(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id() == Some(id))
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
    /// 1. If keys have the token's `kid` as their id, only they are looked at.
    /// 2. Else the keys without an id are, made from a secret or a PEM: they have no other name.
    /// 3. A token without `kid` may be by any key.
    ///
    /// At most four keys are tried, so that a token cannot buy more work than that.
    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        key_id: Option<&str>,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<&Key, AuthErrorKind> {
        let is_named = |key: &&Key| key_id.is_some() && key.id() == key_id;
        let named = self.keys.iter().any(|key| is_named(&key));
        let mut candidates = self
            .keys
            .iter()
            .filter(|key| match key_id {
                Some(_) if named => is_named(key),
                Some(_) => key.id().is_none(),
                None => true,
            })
            .peekable();
        if candidates.peek().is_none() {
            return Err(AuthErrorKind::UnknownKey);
        }
        let mut tried = 0;
        for key in candidates.filter(|key| key.algorithm().matches(algorithm)) {
            if tried == Self::MOST_TRIES {
                return Err(AuthErrorKind::AmbiguousKey);
            }
            if key.verify(signed, signature) {
                return Ok(key);
            }
            tried += 1;
        }
        // In a set that names its keys, the one that is meant may be a newer one.
        let names_keys = self.keys.iter().any(|key| key.id().is_some());
        Err(match tried {
            _ if key_id.is_some() && !named && names_keys => AuthErrorKind::UnknownKey,
            0 => AuthErrorKind::WrongAlgorithm,
            _ => AuthErrorKind::BadSignature,
        })
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
