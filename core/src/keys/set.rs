//! An immutable set of verification keys.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    error::{AuthError, AuthErrorKind, ConfigError},
    jose::{
        Algorithm, Buffer, Compact, HeaderBuffer, HeaderView, Key, KeyDocument, KeyNote,
        SkippedKey, base64url, parse_set,
    },
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
#[derive(Clone)]
pub struct KeySet {
    id: KeySetId,
    keys: Vec<Key>,
    /// The [tags](tag) of the keys, in order, with their places.
    by_tag: Vec<(u32, usize)>,
    skipped: Vec<SkippedKey>,
    notes: Vec<KeyNote>,
}

impl KeySet {
    /// The algorithms that a JWK without `alg` is used for by default: one for each type and curve, so
    /// that one key never verifies two (RFC 8725 section 3.1).
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

    /// The most keys that are tried for a token that names none.
    const MOST_TRIES: usize = 4;

    /// The longest signature that needs no allocation, in bytes: by an RSA key of 4096 bits.
    const USUAL_SIGNATURE: usize = 512;

    /// Makes a set of these keys.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = Key>) -> Self {
        Self::of(keys.into_iter().collect(), Vec::new(), Vec::new())
    }

    /// Reads a JWK set (RFC 7517 section 5) of your own, for example from a file.
    ///
    /// Each key is read by itself: one that is unknown, weak, malformed or not for signatures is
    /// left out and listed in [`skipped`](Self::skipped). At most 100 keys and 256 KiB.
    ///
    /// A public key that is not in the canonical form of RFC 7518, but has exactly one reading, is read and
    /// listed in [`notes`](Self::notes). A secret, and a single key of [`Key::from_jwk`], must be in that form.
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
        Self::parse(json, algorithms, KeyDocument::LocalJwks)
    }

    /// Reads a `JwkSet` of the crate [`jsonwebtoken`](https://docs.rs/jsonwebtoken) 12. Feature `jsonwebtoken`.
    ///
    /// # Errors
    ///
    /// As [`from_json`](Self::from_json).
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::KeySet;
    /// use jsonwebtoken::jwk::JwkSet;
    ///
    /// let old: JwkSet = serde_json::from_str(
    ///     r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#,
    /// )?;
    /// assert_eq!(KeySet::from_jwk_set(&old)?.keys().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "jsonwebtoken")]
    pub fn from_jwk_set(set: &jsonwebtoken::jwk::JwkSet) -> Result<Self, ConfigError> {
        let json = zeroize::Zeroizing::new(serde_json::to_string(set).map_err(|_| {
            ConfigError::InvalidKey("the JWK set cannot be written as JSON".into())
        })?);
        Self::from_json(&json)
    }

    /// Reads a JWK set that was fetched: as [`from_json`](Self::from_json), without secrets.
    ///
    /// A published secret is none, so `oct` keys are left out.
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
        Self::parse(json, Self::DEFAULT_ALGORITHMS, KeyDocument::RemoteJwks)
    }

    /// Reads a map of certificates in PEM by the ids of their keys, `{"kid": "-----BEGIN CERTIFICATE-----.."}`, as
    /// Google publishes it for Firebase.
    ///
    /// Of a certificate, only the public key counts. Its dates, issuer and signature are not looked at, as with
    /// [`Key::from_pem`]: a key is good for as long as its provider publishes it. One that cannot be used is
    /// left out and listed in [`skipped`](Self::skipped), where its index is that among the sorted names.
    ///
    /// # Errors
    ///
    /// When the text is no object without duplicate names, or leaves no usable key.
    pub fn from_certificates(json: &str) -> Result<Self, ConfigError> {
        Self::parse(json, Self::DEFAULT_ALGORITHMS, KeyDocument::Certificates)
    }

    pub(crate) fn parse(
        json: &str,
        algorithms: &[Algorithm],
        document: KeyDocument,
    ) -> Result<Self, ConfigError> {
        let parsed = parse_set(json, algorithms, document)?;
        if parsed.keys.is_empty() {
            let reasons = parsed.skipped.iter().map(|key| key.reason().to_string());
            let mut why = reasons.collect::<Vec<_>>().join("; ");
            if why.is_empty() {
                why = match document {
                    KeyDocument::SpiffeBundle => "none is for JWT-SVIDs".to_owned(),
                    _ => "it is empty".to_owned(),
                };
            }
            return Err(ConfigError::InvalidKey(format!(
                "the key set has no usable key ({why})"
            )));
        }
        Ok(Self::of(parsed.keys, parsed.skipped, parsed.notes))
    }

    fn of(keys: Vec<Key>, skipped: Vec<SkippedKey>, notes: Vec<KeyNote>) -> Self {
        let tags = keys.iter().map(|key| tag(key.id()));
        let mut by_tag: Vec<_> = tags.zip(0..).collect();
        by_tag.sort_unstable();
        Self {
            id: KeySetId::next(),
            by_tag,
            keys,
            skipped,
            notes,
        }
    }

    /// Returns what tells this set from every other one of this process, even of equal keys. Clones share it.
    #[must_use]
    pub fn id(&self) -> KeySetId {
        self.id
    }

    /// Returns the keys.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Returns the keys that [`from_json`](Self::from_json) left out, and why.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// Returns what is to be said about published keys that are used.
    #[must_use]
    pub fn notes(&self) -> &[KeyNote] {
        &self.notes
    }

    /// Checks whether one of the keys has this id.
    pub(crate) fn has_key(&self, id: &str) -> bool {
        self.with_id(Some(id)).next().is_some()
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
        let mut buffer = HeaderBuffer::new();
        let header = HeaderView::parse(compact.header, &mut buffer)?;
        let candidates = self.candidates(header.algorithm(), header.key_id())?;
        self.verify(&candidates, &compact)?;
        let payload = base64url::decode(compact.payload);
        Ok(payload.ok_or(AuthErrorKind::MalformedToken)?)
    }

    /// Finds the keys that may have signed a token with this header.
    ///
    /// 1. If keys have the token's `kid` as their id, only they count.
    /// 2. Else the keys without an id do, made from a secret or a PEM: they have no other name.
    /// 3. A token without `kid` may be signed by any key.
    ///
    /// More than four are too many, and none of them is tried: a token cannot buy that much work.
    pub(crate) fn candidates(
        &self,
        algorithm: Algorithm,
        key_id: Option<&str>,
    ) -> Result<Candidates, AuthErrorKind> {
        let mut found = Candidates {
            places: [None; Self::MOST_TRIES],
            otherwise: AuthErrorKind::BadSignature,
        };
        let mut add = |place: usize| {
            if self.keys[place].algorithm().matches(algorithm) {
                let free = found.places.iter_mut().find(|place| place.is_none());
                *free.ok_or(AuthErrorKind::AmbiguousKey)? = Some(place);
            }
            Ok(())
        };
        let mut may_be_newer = self.keys.is_empty();
        if key_id.is_none() {
            (0..self.keys.len()).try_for_each(add)?;
        } else {
            let mut is_named = false;
            for place in self.with_id(key_id) {
                is_named = true;
                add(place)?;
            }
            if !is_named {
                // In a set that names its keys, the one that is meant may be a newer one.
                may_be_newer |= self.by_tag.last().is_some_and(|(tag, _)| *tag != UNNAMED);
                self.with_id(None).try_for_each(add)?;
            }
        }
        if may_be_newer {
            found.otherwise = AuthErrorKind::UnknownKey;
        }
        match found.places[0] {
            None if may_be_newer => Err(AuthErrorKind::UnknownKey),
            None => Err(AuthErrorKind::WrongAlgorithm),
            Some(_) => Ok(found),
        }
    }

    /// Checks the signature of a token with these keys of this set; returns the one that verified it.
    pub(crate) fn verify(
        &self,
        candidates: &Candidates,
        compact: &Compact<'_>,
    ) -> Result<&Key, AuthErrorKind> {
        let mut buffer = Buffer::<{ Self::USUAL_SIGNATURE }>::new();
        let signature = buffer.decode(compact.signature);
        let signature = signature.ok_or(AuthErrorKind::MalformedToken)?;
        let places = candidates.places.iter().flatten();
        let mut keys = places.filter_map(|place| self.keys.get(*place));
        keys.find(|key| key.verify(compact.signed.as_bytes(), signature))
            .ok_or(candidates.otherwise)
    }

    /// Returns the places of the keys with this id, or of those without any, in order.
    fn with_id(&self, id: Option<&str>) -> impl Iterator<Item = usize> {
        let tag = tag(id);
        let from = match tag {
            // The lowest.
            UNNAMED => 0,
            _ => self.by_tag.partition_point(|(own, _)| *own < tag),
        };
        let alike = self.by_tag[from..]
            .iter()
            .take_while(move |(own, _)| *own == tag);
        alike
            .map(|(_, place)| *place)
            .filter(move |place| self.keys[*place].id() == id)
    }
}

impl Default for KeySet {
    /// A set without a key, which verifies nothing.
    fn default() -> Self {
        Self::new([])
    }
}

/// The identity of a [`KeySet`]. Only the set itself gives it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeySetId(u64);

impl KeySetId {
    /// Makes one that no set has had.
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The keys of a set that may have signed a token: at least one.
pub(crate) struct Candidates {
    places: [Option<usize>; KeySet::MOST_TRIES],
    /// The refusal when none of them has.
    otherwise: AuthErrorKind,
}

/// The tag of a key without an id.
const UNNAMED: u32 = 0;

/// Returns a number for an id, from its length and its end. Two ids may have the same.
fn tag(id: Option<&str>) -> u32 {
    /// An odd number whose bits look random, as multiplication wants it: 2^64 by the golden ratio.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

    let Some(id) = id.map(str::as_bytes) else {
        return UNNAMED;
    };
    let end = match id.last_chunk::<8>() {
        Some(end) => *end,
        None => {
            let mut end = [0; 8];
            end[..id.len()].copy_from_slice(id);
            end
        }
    };
    let spread = (u64::from_be_bytes(end) ^ id.len() as u64).wrapping_mul(SPREAD);
    // Odd: an id is not without one.
    1 | (spread >> 32) as u32
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet")
            .field("keys", &self.keys)
            .field("skipped", &self.skipped)
            .field("notes", &self.notes)
            .finish()
    }
}

mod spiffe;
#[cfg(test)]
mod tests;
