//! A ring in a store, sealed.

use std::{error::Error, fmt, sync::Arc};

use zeroize::Zeroizing;

use super::{
    document::RingDocument,
    json::within,
    sealing::SealingKeys,
    store::{AnyRingStore, RingStore},
};
use crate::{
    clock::{Clock, SystemClock},
    error::{ConfigError, StoreError, quoted},
};

/// The [document](RingDocument) of a ring in a store, with its private keys, sealed under a [key](SealingKeys) of the
/// operator's.
///
/// For nodes that share a store and no disk. Nodes [load](crate::SigningKeys::open_sealed) it and follow its changes;
/// the operator's tool, or the first node, makes it. Several rings can be in one store, each under its name: usually
/// that of the issuer.
///
/// Whoever reads the store, or a backup of it, learns no key and nothing of the document but its length. Whoever
/// writes there can remove the ring, or bring an older one back, and make no other: AES-256-GCM finds each bit that was
/// changed, and a ring of another name. Running nodes refuse an older one that drops a key whose tokens live.
///
/// Changes of several operators or nodes at once are made one after the other.
///
/// # Examples
///
/// ```
/// use countersign::{
///     MemoryStore, SigningKey, SigningKeys,
///     issue::{RingDocument, RingTimes, SealedRing, SealingKeys},
/// };
///
/// # futures_executor::block_on(async {
/// let store = MemoryStore::new(); // in practice one that nodes share
/// let key = SealingKeys::from_base64("14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1uQ=")?;
/// let ring = SealedRing::new(store, "https://id.example", key)?;
///
/// // By each node: one of them makes the ring, all use it.
/// ring.create_if_missing(|now| {
///     RingDocument::new(&SigningKey::generate_es256()?, RingTimes::new(), now)
/// })
/// .await?;
/// let keys = SigningKeys::open_sealed(ring.clone()).await?;
///
/// // Every few months, by the operator:
/// let next = SigningKey::generate_es256()?;
/// ring.change(|document, now| document.rotate(&next, now)).await?;
/// # drop(keys);
/// # Ok::<(), countersign::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct SealedRing {
    store: Arc<dyn AnyRingStore>,
    name: Arc<str>,
    keys: SealingKeys,
    clock: Arc<dyn Clock>,
}

/// A ring as it is in the store, and its document.
type Found = (Zeroizing<Vec<u8>>, RingDocument);

impl SealedRing {
    /// The longest name, in bytes.
    const LONGEST_NAME: usize = 255;

    /// The most attempts of a change. Of all that are made at once, one succeeds each time.
    const ATTEMPTS: u32 = 100;

    /// Names a ring in a store, which need not exist yet.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when the name has not 1 to 255 bytes, or contains a control character.
    pub fn new(
        store: impl RingStore,
        name: impl Into<String>,
        keys: SealingKeys,
    ) -> Result<Self, ConfigError> {
        let name = name.into();
        if !(1..=Self::LONGEST_NAME).contains(&name.len()) || name.contains(char::is_control) {
            return Err(ConfigError::InvalidSetting(
                "the name of a ring has 1 to 255 bytes without control characters".into(),
            ));
        }
        Ok(Self {
            store: Arc::new(store),
            name: name.into(),
            keys,
            clock: Arc::new(SystemClock),
        })
    }

    /// Sets the clock, by which keys take turns. Default [`SystemClock`].
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Reads the document and its keys.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] when there is no ring of this name, or the store cannot be asked;
    /// [`ConfigError::InvalidKey`] when it is sealed under another key, or was changed; else as for
    /// [`RingDocument::from_json`]. The error names the ring, and shows no part of a key.
    pub async fn load(&self) -> Result<RingDocument, ConfigError> {
        self.read().await.map(|(_, document)| document)
    }

    /// Creates the document. `make` is called with the time of now.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when there is one already, [`ConfigError::Missing`] when the store cannot be asked, and
    /// those of `make`.
    pub async fn create(
        &self,
        make: impl FnOnce(i64) -> Result<RingDocument, ConfigError>,
    ) -> Result<(), ConfigError> {
        match self.create_if_missing(make).await? {
            true => Ok(()),
            false => Err(self.named(ConfigError::Conflict("there is a ring already".into()))),
        }
    }

    /// Creates the document unless there is one, and returns whether it did. Of several nodes that start at once, one
    /// does. `make` is called with the time of now.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] when the store cannot be asked, and those of `make`.
    pub async fn create_if_missing(
        &self,
        make: impl FnOnce(i64) -> Result<RingDocument, ConfigError>,
    ) -> Result<bool, ConfigError> {
        if self.sealed().await?.is_some() {
            return Ok(false);
        }
        let document = make(self.clock.now())?;
        self.replace(None, &document).await
    }

    /// Changes the document and saves it, if it may follow the present one. `change` is called with the time of now, and
    /// again with another document when somebody else has changed that in between.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Self::load) and of `change`; [`ConfigError::InvalidSetting`] when a key would be published
    /// before every node has read the document. The ring then is as it was. [`ConfigError::Missing`] when the store
    /// cannot be asked: whether the change was made, [`load`](Self::load) tells.
    pub async fn change<T>(
        &self,
        mut change: impl FnMut(&mut RingDocument, i64) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        for _ in 0..Self::ATTEMPTS {
            let (sealed, before) = self.read().await?;
            let mut document = before.clone();
            let now = self.clock.now();
            let result = change(&mut document, now)?;
            document.check_successor_of(&before, now)?;
            document.check_announcement(&before, now)?;
            if self.replace(Some(&sealed), &document).await? {
                return Ok(result);
            }
        }
        Err(self.named(ConfigError::Conflict(
            "others change it all the time".into(),
        )))
    }

    /// Seals the ring under the first key, unless it is, and returns whether it did. Afterwards nobody needs the old key,
    /// but for backups.
    ///
    /// # Errors
    ///
    /// Those of [`change`](Self::change).
    pub async fn reseal(&self) -> Result<bool, ConfigError> {
        let sealed = self.sealed().await?;
        if sealed.is_some_and(|sealed| self.keys.seals_with_first(&sealed)) {
            self.load().await?;
            return Ok(false);
        }
        self.change(|_, _| Ok(true)).await
    }

    /// Reads the ring, unless it is the one that was seen last.
    pub(in crate::issue) async fn look(&self, seen: &[u8]) -> Result<Option<Found>, ConfigError> {
        let sealed = self.present().await?;
        match *sealed == seen {
            true => Ok(None),
            false => self.open(sealed).map(Some),
        }
    }

    pub(in crate::issue) async fn read(&self) -> Result<Found, ConfigError> {
        self.open(self.present().await?)
    }

    pub(in crate::issue) fn shared_clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    async fn present(&self) -> Result<Zeroizing<Vec<u8>>, ConfigError> {
        let none = || self.named(ConfigError::Missing("there is no such ring".into()));
        self.sealed().await?.map(Zeroizing::new).ok_or_else(none)
    }

    async fn sealed(&self) -> Result<Option<Vec<u8>>, ConfigError> {
        let answer = self.store.read(&self.name).await;
        answer.map_err(|error| self.unavailable(&error))
    }

    fn open(&self, sealed: Zeroizing<Vec<u8>>) -> Result<Found, ConfigError> {
        let text = self.keys.open(&self.name, &sealed);
        let document = text.and_then(|text| RingDocument::from_json(&text, self.clock.now()));
        let document = document.map_err(|error| self.named(error))?;
        Ok((sealed, document))
    }

    async fn replace(
        &self,
        from: Option<&[u8]>,
        document: &RingDocument,
    ) -> Result<bool, ConfigError> {
        let text = Zeroizing::new(document.to_json()?);
        // As it will be read: what nobody could open must not take the place of what is there.
        RingDocument::from_json(&text, self.clock.now())?;
        let sealed = self.keys.seal(&self.name, &text)?;
        let answer = self.store.replace(&self.name, from, &sealed).await;
        answer.map_err(|error| self.unavailable(&error))
    }

    fn unavailable(&self, error: &StoreError) -> ConfigError {
        let cause = error.source().map(|cause| format!(": {cause}"));
        self.named(ConfigError::Missing(format!(
            "{error}{}",
            cause.unwrap_or_default()
        )))
    }

    /// Says in which ring something is wrong.
    fn named(&self, error: ConfigError) -> ConfigError {
        within(&format!("ring {}", quoted(Some(&self.name))), error)
    }
}

impl fmt::Debug for SealedRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedRing")
            .field("name", &self.name)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
