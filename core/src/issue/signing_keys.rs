//! The signing keys of an issuer, and how they take turns.

use std::{fmt, sync::Arc};

use serde::Serialize;

use crate::{
    clock::Clock,
    error::ConfigError,
    jose::{Header, HeaderBuffer, HeaderView, Key, SigningKey, base64url},
    keys::{KeySet, KeySetId, KeySource, Keys, KeysUnavailable},
    sync::{ArcSwap, Guard},
};

/// The signing keys of an issuer: one signs, the next is published ahead, retired ones still verify.
///
/// A handle: its clones share the ring, so an issuer and its verifiers see a rotation at once.
/// Verifiers elsewhere cache the published set, so publish the next key at least that long before
/// it signs, and keep a retired one until its last token has expired.
///
/// # Examples
///
/// ```
/// use countersign::{ConfigError, SigningKey, SigningKeys};
///
/// let keys = SigningKeys::new(SigningKey::generate_es256()?);
///
/// keys.publish(&SigningKey::generate_es256()?)?; // today: in the JWK set, signs nothing
/// keys.rotate(1_800_000_000 + 3_600)?; // tomorrow: it signs; the old one verifies for an hour
/// keys.prune(1_800_003_601); // then the old one leaves the set
/// assert_eq!(keys.verifying_keys().len(), 1);
/// # Ok::<(), ConfigError>(())
/// ```
#[derive(Clone)]
pub struct SigningKeys(Arc<ArcSwap<Ring>>);

#[derive(Clone)]
pub(super) struct Ring {
    active: SigningKey,
    next: Option<SigningKey>,
    retired: Vec<Retired>,
    verifying: Arc<KeySet>,
    /// The headers under the active key, one for each type of token.
    headers: Vec<EncodedHeader>,
}

#[derive(Clone)]
struct EncodedHeader {
    token_type: Arc<str>,
    /// In base64url, and the dot behind it.
    encoded: String,
}

#[derive(Clone)]
struct Retired {
    key: Key,
    /// The last second of its last token.
    until: i64,
}

impl SigningKeys {
    /// A ring with one key, which signs.
    #[must_use]
    pub fn new(active: SigningKey) -> Self {
        let ring = Ring {
            verifying: Arc::new(KeySet::new([active.verifying_key()])),
            active,
            next: None,
            retired: Vec::new(),
            headers: Vec::new(),
        };
        Self(Arc::new(ArcSwap::from_pointee(ring)))
    }

    /// Publishes the key that will sign after the next rotation.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when the ring has a key with this id already, or a next key;
    /// [`ConfigError::InvalidSetting`] when verifiers do not read the
    /// key's id: it has more than 256 bytes, or many characters that JSON escapes.
    pub fn publish(&self, next: &SigningKey) -> Result<(), ConfigError> {
        self.change(|ring| {
            ring.check_new(next)?;
            if ring.next.is_some() {
                return Err(ConfigError::Conflict(
                    "the ring has another next key already".into(),
                ));
            }
            ring.next = Some(next.clone());
            Ok(())
        })
    }

    /// Lets the published key sign. The one that signed before verifies until `until`, in seconds
    /// since 1970: the expiry of the last token it signed, plus the verifiers' leeway.
    ///
    /// The ring has no clock. [`Issuer::verifier`](crate::Issuer::verifier) has one, and drops the
    /// key in time; elsewhere [`prune`](Self::prune) does. Issuers that share a ring call this with
    /// the longest lifetime among them.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] when no next key was published.
    pub fn rotate(&self, until: i64) -> Result<(), ConfigError> {
        self.change(|ring| {
            let next = ring
                .next
                .take()
                .ok_or_else(|| ConfigError::Missing("no next key was published".into()))?;
            let before = std::mem::replace(&mut ring.active, next);
            ring.retired.push(Retired {
                key: before.verifying_key(),
                until,
            });
            ring.renew_headers();
            Ok(())
        })
    }

    /// Drops the retired keys whose time has passed at `now`, in seconds since 1970.
    pub fn prune(&self, now: i64) {
        let is_over = |retired: &Retired| now > retired.until;
        self.update(
            |ring| ring.retired.iter().any(is_over),
            |ring| {
                ring.retired.retain(|retired| !is_over(retired));
                ring.renew_set();
            },
        );
    }

    /// Drops a retired or next key at once, for example because it leaked. Its tokens are refused
    /// from now on, also those in a cache.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when this key signs: see [`replace_active`](Self::replace_active).
    /// [`ConfigError::Missing`] when the ring has no key with this id. Either way, nothing was dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{ConfigError, SigningKey, SigningKeys};
    ///
    /// let keys = SigningKeys::new(SigningKey::generate_es256()?.with_id("2027-01"));
    /// keys.publish(&SigningKey::generate_es256()?.with_id("2027-02"))?;
    ///
    /// keys.remove("2027-02")?;
    /// assert!(matches!(keys.remove("2027-02"), Err(ConfigError::Missing(_))));
    /// assert!(matches!(keys.remove("2027-01"), Err(ConfigError::Conflict(_))));
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn remove(&self, id: &str) -> Result<(), ConfigError> {
        self.change(|ring| {
            if ring.active.id() == id {
                return Err(ConfigError::Conflict(
                    "this key signs: `replace_active` puts another one in its place".into(),
                ));
            }
            if !ring.verifying.has_key(id) {
                return Err(ConfigError::Missing(
                    "the ring has no key with this id".into(),
                ));
            }
            ring.retired.retain(|retired| retired.key.id() != Some(id));
            ring.next = ring.next.take().filter(|next| next.id() != id);
            Ok(())
        })
    }

    /// Lets a new key sign in the place of one that leaked, at once.
    ///
    /// The old key verifies nothing from now on: all its tokens are refused, also those in a cache.
    /// Verifiers elsewhere take them until they fetch the JWK set again, and refuse those of the new key
    /// as long. A next key stays the next one. Where one is published, [`rotate`](Self::rotate) to it and
    /// [`remove`](Self::remove) the old key instead: verifiers elsewhere know it already.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when the ring has a key with this id, and
    /// [`ConfigError::InvalidSetting`] as for [`publish`](Self::publish). The old key still signs then.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{ConfigError, SigningKey, SigningKeys};
    ///
    /// let keys = SigningKeys::new(SigningKey::generate_es256()?);
    /// let leaked = keys.verifying_keys().remove(0);
    ///
    /// keys.replace_active(&SigningKey::generate_es256()?)?;
    /// assert!(keys.verifying_keys().iter().all(|key| key.id() != leaked.id()));
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn replace_active(&self, new: &SigningKey) -> Result<(), ConfigError> {
        self.change(|ring| {
            ring.check_new(new)?;
            ring.active = new.clone();
            ring.renew_headers();
            Ok(())
        })
    }

    /// Every key that verifies: the active one, the next one, the retired ones.
    #[must_use]
    pub fn verifying_keys(&self) -> Vec<Key> {
        self.0.load().verifying.keys().to_vec()
    }

    /// The JWK set to publish (RFC 7517 section 5): public keys only, so without any HMAC key.
    #[must_use]
    pub fn jwks(&self) -> String {
        let ring = self.0.load();
        let keys: Vec<String> = ring
            .verifying
            .keys()
            .iter()
            .filter_map(Key::to_jwk)
            .collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// The ring as it is now.
    pub(super) fn now(&self) -> Guard<Arc<Ring>> {
        self.0.load()
    }

    /// Has the header for tokens of this type made, once for each key that comes to sign.
    pub(super) fn prepare(&self, token_type: &str) {
        self.update(
            |ring| ring.header(token_type).is_none(),
            |ring| {
                ring.headers.push(EncodedHeader {
                    token_type: token_type.into(),
                    encoded: encoded_header(&ring.active, token_type),
                });
            },
        );
    }

    /// Puts a changed ring in the place of one that is to change. Any other stays as it is, and with
    /// it the set of keys by which caches know their tokens.
    fn update(&self, is_to_change: impl Fn(&Ring) -> bool, f: impl Fn(&mut Ring)) {
        if !is_to_change(&self.0.load()) {
            return;
        }
        self.0.rcu(|ring| {
            // Somebody else may have been first.
            if !is_to_change(ring) {
                return Arc::clone(ring);
            }
            let mut changed = Ring::clone(ring);
            f(&mut changed);
            Arc::new(changed)
        });
    }

    /// Changes which keys are in the ring, or their parts.
    fn change(
        &self,
        mut f: impl FnMut(&mut Ring) -> Result<(), ConfigError>,
    ) -> Result<(), ConfigError> {
        let mut result = Ok(());
        // On an error the ring is put back as it was.
        self.0.rcu(|ring| {
            let mut changed = Ring::clone(ring);
            result = f(&mut changed);
            match result {
                Ok(()) => {
                    changed.renew_set();
                    Arc::new(changed)
                }
                Err(_) => Arc::clone(ring),
            }
        });
        result
    }
}

impl Ring {
    /// The key that signs.
    pub(super) fn active(&self) -> &SigningKey {
        &self.active
    }

    /// The header of tokens of this type: base64url, and the dot behind it.
    pub(super) fn header(&self, token_type: &str) -> Option<&str> {
        let header = |header: &&EncodedHeader| *header.token_type == *token_type;
        Some(&self.headers.iter().find(header)?.encoded)
    }

    /// Whether this key can come: verifiers read its headers, and no other has its id.
    fn check_new(&self, key: &SigningKey) -> Result<(), ConfigError> {
        check_header(key, "JWT")?;
        for header in &self.headers {
            check_header(key, &header.token_type)?;
        }
        if self.verifying.has_key(key.id()) {
            return Err(ConfigError::Conflict(
                "the ring has a key with this id already".into(),
            ));
        }
        Ok(())
    }

    /// Makes the headers for the key that signs now.
    fn renew_headers(&mut self) {
        for header in &mut self.headers {
            header.encoded = encoded_header(&self.active, &header.token_type);
        }
    }

    /// Makes the set of the keys that are here now. It ends what caches know by the old one, so it is
    /// made when keys came, went or took turns, and at no other time.
    fn renew_set(&mut self) {
        let keys = std::iter::once(self.active.verifying_key())
            .chain(self.next.as_ref().map(SigningKey::verifying_key))
            .chain(self.retired.iter().map(|retired| retired.key.clone()));
        self.verifying = Arc::new(KeySet::new(keys));
    }
}

/// Whether verifiers take tokens of this type that name this key.
pub(super) fn check_header(key: &SigningKey, token_type: &str) -> Result<(), ConfigError> {
    let encoded = encoded_header(key, token_type);
    let mut buffer = HeaderBuffer::new();
    let header = encoded.strip_suffix('.');
    let wrong = match header.map(|header| HeaderView::parse(header, &mut buffer)) {
        Some(Ok(_)) => return Ok(()),
        _ if key.id().len() > Header::LONGEST_KEY_ID => "the key's id has more than 256 bytes",
        _ => "verifiers read no header with this token type and this id of the key",
    };
    Err(ConfigError::InvalidSetting(wrong.into()))
}

fn encoded_header(key: &SigningKey, token_type: &str) -> String {
    #[derive(Serialize)]
    struct EncodedHeader<'a> {
        alg: &'a str,
        typ: &'a str,
        kid: &'a str,
    }
    // Writing texts to memory cannot fail.
    let json = serde_json::to_string(&EncodedHeader {
        alg: key.algorithm().name(),
        typ: token_type,
        kid: key.id(),
    })
    .unwrap_or_default();
    let mut encoded = base64url::encode(json);
    encoded.push('.');
    encoded
}

/// The keys that verify at the time of a clock.
pub(super) struct InTime {
    pub(super) keys: SigningKeys,
    pub(super) clock: Arc<dyn Clock>,
}

impl KeySource for InTime {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        let now = self.clock.now();
        let over = |retired: &Retired| now > retired.until;
        if self.keys.0.load().retired.iter().any(over) {
            self.keys.prune(now);
        }
        self.keys.snapshot()
    }

    fn current(&self) -> Option<KeySetId> {
        let now = self.clock.now();
        let ring = self.keys.0.load();
        // Then the ring is about to change: the snapshot sees to it.
        let is_due = ring.retired.iter().any(|retired| now > retired.until);
        (!is_due).then(|| ring.verifying.id())
    }

    fn can_refresh(&self) -> bool {
        self.keys.can_refresh()
    }
}

impl KeySource for SigningKeys {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        Ok(Arc::clone(&self.0.load().verifying))
    }

    fn current(&self) -> Option<KeySetId> {
        Some(self.0.load().verifying.id())
    }

    /// Whoever changes the ring changes what is seen here: there is nothing to fetch.
    fn can_refresh(&self) -> bool {
        false
    }
}

impl From<SigningKey> for SigningKeys {
    fn from(key: SigningKey) -> Self {
        Self::new(key)
    }
}

impl From<SigningKeys> for Keys {
    fn from(keys: SigningKeys) -> Self {
        Self::from_source(keys)
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ring = self.0.load();
        f.debug_struct("SigningKeys")
            .field("active", &ring.active.id())
            .field("next", &ring.next.as_ref().map(SigningKey::id))
            .field("retired", &ring.retired.len())
            .finish_non_exhaustive()
    }
}
