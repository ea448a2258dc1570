//! The signing keys of an issuer: a ring that its clones share.

use std::{fmt, sync::Arc};

use super::ring::Ring;
use crate::{
    clock::Clock,
    error::ConfigError,
    jose::{Key, SigningKey},
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

impl SigningKeys {
    /// A ring with one key, which signs.
    #[must_use]
    pub fn new(active: SigningKey) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Ring::new(active))))
    }

    /// Publishes the key that will sign after the next rotation.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when the ring has a key with this id already, or a next key;
    /// [`ConfigError::InvalidSetting`] when verifiers do not read the
    /// key's id: it has more than 256 bytes, or many characters that JSON escapes.
    pub fn publish(&self, next: &SigningKey) -> Result<(), ConfigError> {
        self.change(|ring| ring.publish(next))
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
        self.change(|ring| ring.rotate(until))
    }

    /// Drops the retired keys whose time has passed at `now`, in seconds since 1970.
    pub fn prune(&self, now: i64) {
        self.update(|ring| ring.has_outdated(now), |ring| ring.prune(now));
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
        self.change(|ring| ring.remove(id))
    }

    /// Replaces a signing key that leaked, at once.
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
        self.change(|ring| ring.replace_active(new))
    }

    /// Returns every key that verifies: the active one, the next one, the retired ones.
    #[must_use]
    pub fn verifying_keys(&self) -> Vec<Key> {
        self.0.load().verifying.keys().to_vec()
    }

    /// Returns the JWK set to publish (RFC 7517 section 5): public keys only, so without any HMAC key.
    #[must_use]
    pub fn jwks(&self) -> String {
        let ring = self.0.load();
        let keys = ring.verifying.keys().iter();
        let keys: Vec<String> = keys.filter_map(Key::to_jwk).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// Returns the ring as it is now.
    pub(super) fn now(&self) -> Guard<Arc<Ring>> {
        self.0.load()
    }

    /// Has the header for tokens of this type made, once for each key that comes to sign.
    pub(super) fn prepare(&self, token_type: &str) {
        self.update(
            |ring| ring.header(token_type).is_none(),
            |ring| ring.prepare(token_type),
        );
    }

    /// Replaces a ring that has to change. Any other stays as it is, and so does the set of keys by which
    /// caches know their tokens.
    fn update(&self, has_to_change: impl Fn(&Ring) -> bool, change: impl Fn(&mut Ring)) {
        if has_to_change(&self.0.load()) {
            // Another thread may have been first, so the ring is looked at again.
            let _ = self.change(|ring| has_to_change(ring).then(|| change(ring)).ok_or(()));
        }
    }

    /// Replaces the ring by a changed one; on an error it stays as it is.
    fn change<E>(&self, change: impl Fn(&mut Ring) -> Result<(), E>) -> Result<(), E> {
        let mut result = Ok(());
        self.0.rcu(|ring| {
            let mut changed = Ring::clone(ring);
            result = change(&mut changed);
            match result {
                Ok(()) => Arc::new(changed),
                Err(_) => Arc::clone(ring),
            }
        });
        result
    }
}

/// A ring with a clock, by which retired keys leave it in time.
pub(super) struct ClockedKeys {
    pub(super) keys: SigningKeys,
    pub(super) clock: Arc<dyn Clock>,
}

impl KeySource for ClockedKeys {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        let now = self.clock.now();
        self.keys.prune(now);
        self.keys.snapshot()
    }

    fn current_id(&self) -> Option<KeySetId> {
        let now = self.clock.now();
        let ring = self.keys.0.load();
        // An outdated key is about to leave: the snapshot sees to it.
        (!ring.has_outdated(now)).then(|| ring.verifying.id())
    }

    fn can_refresh(&self) -> bool {
        self.keys.can_refresh()
    }
}

impl KeySource for SigningKeys {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        Ok(Arc::clone(&self.0.load().verifying))
    }

    fn current_id(&self) -> Option<KeySetId> {
        Some(self.0.load().verifying.id())
    }

    /// Every change of the ring is seen here at once: there is nothing to fetch.
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
