//! The signing keys of an issuer: a ring that its clones share.

use std::{fmt, sync::Arc};

use super::{
    reading::{Followed, Source},
    ring::{KeyFolder, Ring, RingDocument, SealedRing},
};
use crate::{
    clock::Clock,
    error::ConfigError,
    future::BoxFuture,
    jose::{Key, SigningKey},
    keys::{KeySet, KeySetId, KeySource, Keys, KeysUnavailable, RefreshReason},
    sync::{ArcSwap, Guard},
};

/// The signing keys of an issuer: one signs, the next is published ahead, retired ones still verify.
///
/// A handle: its clones share the ring, so an issuer and its verifiers see a rotation at once.
/// Verifiers elsewhere cache the published set, so publish the next key at least that long before
/// it signs, and keep a retired one until its last token has expired.
///
/// | a ring | its keys | changes |
/// |---|---|---|
/// | [`new`](Self::new) | in this process | by hand: [`publish`](Self::publish), [`rotate`](Self::rotate), [`remove`](Self::remove) |
/// | [`open`](Self::open) | in a [folder](KeyFolder), for any number of nodes, over restarts | with the folder, read by [`follow`](Self::follow) |
/// | [`open_sealed`](Self::open_sealed) | [sealed in a store](SealedRing), for any number of nodes, over restarts | with the store, read by [`follow`](Self::follow) |
/// | [`from_document`](Self::from_document) | in a [document](RingDocument) from elsewhere, such as the environment or a vault | with the document: [`adopt`](Self::adopt) |
///
/// The last three follow the clock: all nodes with one document change at the same second.
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
pub struct SigningKeys(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) ring: ArcSwap<Ring>,
    /// The clock of a ring with a document, and its source; `None` for a ring that is changed by hand.
    pub(super) followed: Option<Followed>,
}

impl SigningKeys {
    /// A ring with one key, which signs.
    #[must_use]
    pub fn new(active: SigningKey) -> Self {
        Self::of(Ring::new(active), None)
    }

    /// Loads the ring of a folder. [`follow`](Self::follow) reads its changes.
    ///
    /// # Errors
    ///
    /// As for [`KeyFolder::load`].
    pub fn open(folder: KeyFolder) -> Result<Self, ConfigError> {
        let (seen, document) = folder.read()?;
        Self::of_document(document, Followed::source(Source::Folder(folder), seen))
    }

    /// Loads the ring that is sealed in a store. [`follow`](Self::follow) reads its changes.
    ///
    /// # Errors
    ///
    /// As for [`SealedRing::load`].
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{ConfigError, SigningKeys, issue::SealedRing};
    ///
    /// # mod tokio {
    /// #     pub fn spawn<F: Future + Send + 'static>(_: F) {}
    /// #     pub mod time { pub async fn sleep(_: std::time::Duration) {} }
    /// # }
    /// async fn keys(ring: SealedRing) -> Result<SigningKeys, ConfigError> {
    ///     let keys = SigningKeys::open_sealed(ring).await?;
    ///     tokio::spawn(keys.follow(|| tokio::time::sleep(SigningKeys::RELOAD_INTERVAL)));
    ///     Ok(keys)
    /// }
    /// # drop(keys);
    /// ```
    pub async fn open_sealed(ring: SealedRing) -> Result<Self, ConfigError> {
        let (seen, document) = ring.read().await?;
        Self::of_document(document, Followed::source(Source::Store(ring), seen))
    }

    /// Makes the ring of a document, with the clock by which its keys take turns: usually
    /// [`SystemClock`](crate::SystemClock). Issuers that sign with it go by the same clock.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] when no key of the document can sign.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Clock, ConfigError, SigningKeys, SystemClock, issue::RingDocument};
    ///
    /// fn keys() -> Result<SigningKeys, ConfigError> {
    ///     let document = RingDocument::from_env("SIGNING_KEYS", SystemClock.now())?;
    ///     SigningKeys::from_document(document, SystemClock)
    /// }
    /// # drop(keys());
    /// ```
    pub fn from_document(document: RingDocument, clock: impl Clock) -> Result<Self, ConfigError> {
        Self::of_document(document, Followed::clock(clock))
    }

    fn of_document(document: RingDocument, followed: Followed) -> Result<Self, ConfigError> {
        let ring = Ring::from_document(document.into(), followed.now())?;
        Ok(Self::of(ring, Some(followed)))
    }

    fn of(ring: Ring, followed: Option<Followed>) -> Self {
        Self(Arc::new(Inner {
            ring: ArcSwap::from_pointee(ring),
            followed,
        }))
    }

    /// Replaces the document that the ring follows. For one in a folder or a store, [`reload`](Self::reload) does it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the document drops a key whose tokens live without naming it in `revoked`, brings a revoked
    /// one back, or lets tokens live shorter than an issuer here does; [`ConfigError::Conflict`] when the ring is changed
    /// by hand. Either way, the old one goes on.
    pub fn adopt(&self, document: RingDocument) -> Result<(), ConfigError> {
        let now = self.0.followed.as_ref().map_or(0, Followed::now);
        let document = Arc::new(document);
        self.change(|ring| ring.adopt(Arc::clone(&document), now))
    }

    /// Publishes the key that will sign after the next rotation.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when the ring has a key with this id already, or a next key;
    /// [`ConfigError::InvalidSetting`] when verifiers do not read the
    /// key's id: it has more than 256 bytes, or many characters that JSON escapes. As for all changes by hand,
    /// [`ConfigError::Conflict`] also when the ring follows a document.
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

    /// Drops the retired keys whose time has passed at `now`, in seconds since 1970. A ring with a document follows its
    /// own clock instead.
    pub fn prune(&self, now: i64) {
        if self.0.followed.is_none() {
            drop(self.at(now));
        }
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
        self.now().verifying.keys().to_vec()
    }

    /// Returns the JWK set to publish (RFC 7517 section 5): public keys only, so without any HMAC key.
    #[must_use]
    pub fn jwks(&self) -> String {
        let ring = self.now();
        let keys = ring.moment.published();
        let keys: Vec<String> = keys.filter_map(|key| key.to_jwk()).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// Returns the ring as it is now, by its own clock if it has one.
    pub(super) fn now(&self) -> Guard<Arc<Ring>> {
        match &self.0.followed {
            None => self.0.ring.load(),
            Some(followed) => self.at(followed.now()),
        }
    }

    /// Returns the ring at a second.
    pub(super) fn at(&self, now: i64) -> Guard<Arc<Ring>> {
        let ring = self.0.ring.load();
        match ring.is_of(now) {
            true => ring,
            false => self.advance(now),
        }
    }

    #[cold]
    fn advance(&self, now: i64) -> Guard<Arc<Ring>> {
        self.update(|ring| !ring.is_of(now), |ring| ring.advance(now));
        self.0.ring.load()
    }

    /// Lets an issuer sign with the ring: has the header for tokens of its type made, once for each key that comes
    /// to sign. Its tokens live so long, leeway included.
    pub(super) fn serve(
        &self,
        issuer: &str,
        token_type: &str,
        token_lifetime: i64,
    ) -> Result<(), ConfigError> {
        self.change(|ring| ring.serve(issuer, token_lifetime))?;
        self.prepare(token_type);
        self.report_reading();
        Ok(())
    }

    /// Has the header for tokens of this type made.
    pub(super) fn prepare(&self, token_type: &str) {
        self.update(
            |ring| ring.header(token_type).is_none(),
            |ring| ring.prepare(token_type),
        );
    }

    /// Replaces a ring that has to change. Any other stays as it is, and so does the set of keys by which
    /// caches know their tokens.
    fn update(&self, has_to_change: impl Fn(&Ring) -> bool, change: impl Fn(&mut Ring)) {
        if has_to_change(&self.0.ring.load()) {
            // Another thread may have been first, so the ring is looked at again.
            let _ = self.change(|ring| has_to_change(ring).then(|| change(ring)).ok_or(()));
        }
    }

    /// Replaces the ring by a changed one; on an error it stays as it is.
    fn change<E>(&self, change: impl Fn(&mut Ring) -> Result<(), E>) -> Result<(), E> {
        let mut result = Ok(());
        let before = self.0.ring.rcu(|ring| {
            let mut changed = Ring::clone(ring);
            result = change(&mut changed);
            match result {
                Ok(()) => Arc::new(changed),
                Err(_) => Arc::clone(ring),
            }
        });
        if result.is_ok() {
            self.0.ring.load().report_change(&before);
        }
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
        Ok(Arc::clone(&self.keys.at(self.clock.now()).verifying))
    }

    fn current_id(&self) -> Option<KeySetId> {
        Some(self.keys.at(self.clock.now()).verifying.id())
    }

    fn can_refresh(&self) -> bool {
        self.keys.can_refresh()
    }

    fn refresh(&self, why: RefreshReason<'_>) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        self.keys.refresh(why)
    }
}

impl KeySource for SigningKeys {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        Ok(Arc::clone(&self.now().verifying))
    }

    fn current_id(&self) -> Option<KeySetId> {
        Some(self.now().verifying.id())
    }

    /// Every change of a ring is seen here at once, but for those of a folder or a store.
    fn can_refresh(&self) -> bool {
        self.0.followed.as_ref().is_some_and(Followed::has_source)
    }

    /// Reads the document early, for an emergency that this node has not read of yet: once a second at most.
    fn refresh(&self, why: RefreshReason<'_>) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        match why {
            RefreshReason::UnknownKey(id) => self.reload_early(id),
            _ => None,
        }
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
        let moment = &self.0.ring.load().moment;
        let next: Vec<_> = moment.next.iter().map(SigningKey::id).collect();
        f.debug_struct("SigningKeys")
            .field("active", &moment.active.id())
            .field("next", &next)
            .field("retired", &moment.retired.len())
            .finish_non_exhaustive()
    }
}
