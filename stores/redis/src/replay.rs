//! Used proofs in Redis: each a key with an expiry.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use countersign::{
    keys::BoxFuture,
    proof::{ReplayKey, ReplayStore},
    session::store::StoreError,
};

use crate::RedisStore;

/// Used proofs in Redis or Valkey, on one server or in a cluster (RFC 9449 section 11.1). Its clones share the
/// connections.
///
/// A proof is one key, `PREFIX:proof:HASH`, which the server removes when its time is over, 30 seconds later: clocks of
/// nodes may differ by as much. The names of the keys have no hash tag, so a cluster spreads them over its nodes. Settings
/// are those of [`RedisStore`], of which only the prefix and the time-out matter here.
///
/// The server must not make room by removing keys, and a failover loses the last writes: a proof among them can be used
/// again while it is fresh.
///
/// # Examples
///
/// ```no_run
/// use countersign_redis::{RedisReplayStore, RedisStore};
///
/// # async fn example() -> Result<(), countersign::session::store::StoreError> {
/// let proofs = RedisReplayStore::connect("redis://127.0.0.1").await?;
///
/// // Or on the connection of the sessions, and with settings.
/// let store = RedisStore::builder().prefix("shop").connect("redis://127.0.0.1").await?;
/// let proofs = RedisReplayStore::new(store);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisReplayStore(Arc<Proofs>);

struct Proofs {
    store: RedisStore,
    /// What the values of this handle begin with: other handles have others.
    own: u128,
    calls: AtomicU64,
}

impl RedisReplayStore {
    /// Keeps proofs where a store keeps sessions: on its connection, with its prefix and its time-out.
    #[must_use]
    pub fn new(store: RedisStore) -> Self {
        // The keys of this hasher are random.
        let random = RandomState::new();
        let [high, low] = [0, 1].map(|half: u8| u128::from(random.hash_one(half)));
        Self(Arc::new(Proofs {
            store,
            own: high << 64 | low,
            calls: AtomicU64::new(0),
        }))
    }

    /// Connects to one server, with the default settings.
    ///
    /// # Errors
    ///
    /// As [`RedisStoreBuilder::connect`](crate::RedisStoreBuilder::connect).
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        RedisStore::connect(url).await.map(Self::new)
    }

    /// Connects to a cluster, with the default settings.
    ///
    /// # Errors
    ///
    /// As [`RedisStoreBuilder::cluster`](crate::RedisStoreBuilder::cluster).
    pub async fn cluster(
        urls: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, StoreError> {
        RedisStore::cluster(urls).await.map(Self::new)
    }

    async fn insert_now(&self, key: ReplayKey, lifetime: u64) -> Result<bool, StoreError> {
        let Proofs { store, own, calls } = &*self.0;
        store.opened().await?;
        let key = store.keys().proof(&key);
        // Differs for each call.
        let value = format!("{own:x}.{:x}", calls.fetch_add(1, Ordering::Relaxed));
        let mut set = redis::cmd("SET");
        set.arg(&key).arg(&value).arg("NX").arg("PX").arg(lifetime);
        let set = store.link().send::<Option<String>>(&set).await;
        if set.map_err(StoreError::new)?.is_some() {
            return Ok(true);
        }
        // In a cluster, a command whose answer was lost is sent again, and then finds what it has written itself.
        let mut get = redis::cmd("GET");
        get.arg(&key);
        let there = store.link().send::<Option<String>>(&get).await;
        Ok(there.map_err(StoreError::new)?.as_ref() == Some(&value))
    }
}

impl ReplayStore for RedisReplayStore {
    fn insert(&self, key: ReplayKey, now: i64, until: i64) -> BoxFuture<Result<bool, StoreError>> {
        let store = self.clone();
        let lifetime = lifetime(now, until);
        Box::pin(async move { store.insert_now(key, lifetime).await })
    }
}

impl From<RedisStore> for RedisReplayStore {
    fn from(store: RedisStore) -> Self {
        Self::new(store)
    }
}

impl fmt::Debug for RedisReplayStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisReplayStore")
            .field("store", &self.0.store)
            .finish_non_exhaustive()
    }
}

/// Returns for how many milliseconds a proof is kept: up to the end of its last second, and for the margin.
fn lifetime(now: i64, until: i64) -> u64 {
    let seconds = until.saturating_sub(now).clamp(0, LONGEST) + 1 + MARGIN;
    seconds.unsigned_abs() * 1_000
}

/// Seconds by which clocks of nodes may differ.
const MARGIN: i64 = 30;

/// A year, in seconds: no proof is fresh for so long, and Redis adds it to its clock without an overflow.
const LONGEST: i64 = 366 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_kept_beyond_its_last_second() {
        assert_eq!(lifetime(1_000, 1_000), 31_000);
        assert_eq!(lifetime(1_000, 1_090), 121_000);
        // Its time is over: it is kept a little, and not refused by the server.
        assert_eq!(lifetime(1_000, 900), 31_000);
        assert_eq!(lifetime(i64::MIN, i64::MAX), (LONGEST + 31) as u64 * 1_000);
        assert_eq!(lifetime(i64::MAX, i64::MIN), 31_000);
    }
}
