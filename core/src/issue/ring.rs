//! The signing keys of an issuer, and how they take turns.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;

use crate::{
    clock::Clock,
    config_error::ConfigError,
    jose::{Key, SigningKey},
    keys::{KeySet, KeySource, Keys, KeysUnavailable},
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
struct Ring {
    active: SigningKey,
    next: Option<SigningKey>,
    retired: Vec<Retired>,
    verifying: Arc<KeySet>,
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
            active,
            next: None,
            retired: Vec::new(),
            verifying: Arc::default(),
        };
        Self(Arc::new(ArcSwap::from_pointee(ring.with_set())))
    }

    /// Publishes the key that will sign after the next rotation.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when the ring has a key with this id already, or a next key.
    pub fn publish(&self, next: &SigningKey) -> Result<(), ConfigError> {
        self.change(|ring| {
            let known = ring
                .verifying
                .keys()
                .iter()
                .any(|key| key.id() == Some(next.id()));
            if known || ring.next.is_some() {
                return Err(ConfigError::Conflict(
                    "the ring has this key, or another next key, already".into(),
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
            Ok(())
        })
    }

    /// Drops the retired keys whose time has passed at `now`, in seconds since 1970.
    pub fn prune(&self, now: i64) {
        self.update(|ring| ring.retired.retain(|retired| now <= retired.until));
    }

    /// Drops a retired or next key at once, for example because it leaked. Its tokens are refused
    /// from now on. The key that signs cannot be dropped: rotate first.
    pub fn remove(&self, id: &str) {
        self.update(|ring| {
            ring.retired.retain(|retired| retired.key.id() != Some(id));
            ring.next = ring.next.take().filter(|next| next.id() != id);
        });
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

    pub(super) fn active(&self) -> SigningKey {
        self.0.load().active.clone()
    }

    fn update(&self, mut f: impl FnMut(&mut Ring)) {
        self.0.rcu(|ring| {
            let mut ring = Ring::clone(ring);
            f(&mut ring);
            ring.with_set()
        });
    }

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
                Ok(()) => Arc::new(changed.with_set()),
                Err(_) => Arc::clone(ring),
            }
        });
        result
    }
}

impl Ring {
    fn with_set(mut self) -> Self {
        let keys = std::iter::once(self.active.verifying_key())
            .chain(self.next.as_ref().map(SigningKey::verifying_key))
            .chain(self.retired.iter().map(|retired| retired.key.clone()));
        self.verifying = Arc::new(KeySet::new(keys));
        self
    }
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
}

impl KeySource for SigningKeys {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        Ok(Arc::clone(&self.0.load().verifying))
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
