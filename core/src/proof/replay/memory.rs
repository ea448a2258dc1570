//! A store of used proofs in memory.

use std::{
    fmt,
    future::ready,
    hash::BuildHasher,
    sync::{Arc, PoisonError, atomic::Ordering},
};

use super::{
    ReplayKey, ReplayStore,
    shard::{Bounds, MANY, Refusal, Shard},
};
use crate::{
    error::{ConfigError, StoreError},
    future::BoxFuture,
    sync::{AtomicUsize, Mutex, MutexGuard, RandomState},
};

/// A store of used proofs in the memory of one process (RFC 9449 section 11.1). Its clones share the proofs.
///
/// For a server of one node. Where there are several, each would accept a proof once: share a store, or a client's proofs
/// can be used again at the other nodes for as long as they are fresh. A restart forgets all proofs, too.
///
/// It has a bound, by default 100,000 proofs, and a quota for each key, by default 1,000 of them. It never forgets a proof
/// before its time to make room: at a bound, a new proof is an error, which clients see as 503. A proof is forgotten some
/// seconds after its time. A clock that goes back by more than that finds an error as well, until it is where it was: the proofs
/// of that time are forgotten.
///
/// # Examples
///
/// ```
/// use countersign::proof::MemoryReplayStore;
///
/// let store = MemoryReplayStore::new();
/// let small = MemoryReplayStore::builder()
///     .proofs(10_000)
///     .proofs_of_a_key(200)
///     .build()?;
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct MemoryReplayStore(Arc<Shards>);

struct Shards {
    shards: [Mutex<Shard>; SHARDS],
    /// Chooses a shard in a way that no client can know.
    hasher: RandomState,
    total: AtomicUsize,
    bounds: Bounds,
}

impl MemoryReplayStore {
    /// Makes an empty store with the default bounds.
    #[must_use]
    pub fn new() -> Self {
        Self::bounded(MemoryReplayStoreBuilder::default().0)
    }

    /// Starts the settings.
    pub fn builder() -> MemoryReplayStoreBuilder {
        MemoryReplayStoreBuilder::default()
    }

    fn bounded(bounds: Bounds) -> Self {
        Self(Arc::new(Shards {
            shards: Default::default(),
            hasher: RandomState::new(),
            total: AtomicUsize::new(0),
            bounds,
        }))
    }

    fn insert_now(&self, key: ReplayKey, now: i64, until: i64) -> Result<bool, Refusal> {
        let Shards { total, bounds, .. } = &*self.0;
        let insert = || self.shard(&key).insert(key, (now, until), *bounds, total);
        match insert() {
            Err(Refusal::Full(_)) => {
                self.forget_everywhere(now);
                insert()
            }
            done => done,
        }
    }

    /// Forgets proofs of clients that come no more: one shard after the other, so that no two threads wait for each other.
    fn forget_everywhere(&self, now: i64) {
        for shard in &self.0.shards {
            lock(shard).forget(now, MANY / SHARDS, &self.0.total);
        }
    }

    fn shard(&self, key: &ReplayKey) -> MutexGuard<'_, Shard> {
        let hash = self.0.hasher.hash_one(key.owner());
        // Fewer shards than a byte has values.
        let [last, ..] = hash.to_le_bytes();
        lock(&self.0.shards[usize::from(last) % SHARDS])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // Nothing that runs under the lock leaves it half done.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ReplayStore for MemoryReplayStore {
    fn insert(&self, key: ReplayKey, now: i64, until: i64) -> BoxFuture<Result<bool, StoreError>> {
        let done = self.insert_now(key, now, until).map_err(StoreError::new);
        Box::pin(ready(done))
    }

    fn is_shared(&self) -> bool {
        false
    }
}

impl Default for MemoryReplayStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryReplayStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReplayStore")
            .field("proofs", &self.0.total.load(Ordering::Relaxed))
            .field("bounds", &self.0.bounds)
            .finish_non_exhaustive()
    }
}

/// The bounds of a [`MemoryReplayStore`].
///
/// # Examples
///
/// ```
/// use countersign::proof::MemoryReplayStore;
///
/// let store = MemoryReplayStore::builder().proofs(1_000_000).proofs_of_a_key(50_000);
/// let store = store.build()?;
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct MemoryReplayStoreBuilder(Bounds);

impl MemoryReplayStoreBuilder {
    /// The default for [`proofs`](Self::proofs): 100,000.
    pub const DEFAULT_PROOFS: usize = 100_000;
    /// The default for [`proofs_of_a_key`](Self::proofs_of_a_key): 1,000.
    pub const DEFAULT_PROOFS_OF_A_KEY: usize = 1_000;

    /// Sets the most proofs that are remembered at a time. Default 100,000, at least 1.
    ///
    /// It bounds the requests of all clients in the time for which a proof is remembered: with 100 seconds, the default is for
    /// 1,000 requests a second. A proof takes up to some 250 bytes.
    pub fn proofs(mut self, most: usize) -> Self {
        self.0.proofs = most;
        self
    }

    /// Sets the most proofs of one key that are remembered at a time. Default 1,000, at least 1, at most
    /// [`proofs`](Self::proofs).
    ///
    /// It bounds what one client takes of the room of all: with 100 seconds, the default is for 10 requests a second. Raise it
    /// for a service that asks more often.
    pub fn proofs_of_a_key(mut self, most: usize) -> Self {
        self.0.proofs_of_a_key = most;
        self
    }

    /// Checks the bounds, and makes the store.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a bound is 0, or that of one key is above that of all.
    pub fn build(self) -> Result<MemoryReplayStore, ConfigError> {
        let Bounds {
            proofs,
            proofs_of_a_key,
        } = self.0;
        if proofs == 0 || proofs_of_a_key == 0 {
            return Err(ConfigError::InvalidSetting(
                "`proofs` and `proofs_of_a_key` of a store of used proofs are at least 1".into(),
            ));
        }
        if proofs_of_a_key > proofs {
            return Err(ConfigError::Conflict(format!(
                "`proofs_of_a_key` is {proofs_of_a_key}, and `proofs` only {proofs}: one key could fill the store"
            )));
        }
        Ok(MemoryReplayStore::bounded(self.0))
    }
}

impl Default for MemoryReplayStoreBuilder {
    fn default() -> Self {
        Self(Bounds {
            proofs: Self::DEFAULT_PROOFS,
            proofs_of_a_key: Self::DEFAULT_PROOFS_OF_A_KEY,
        })
    }
}

/// The number of locks: clients seldom meet at one.
const SHARDS: usize = 16;
