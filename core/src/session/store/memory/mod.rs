//! Sessions in the memory of one process.

mod api_keys;
mod rings;
mod shard;

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Arc, PoisonError, atomic::Ordering},
};

use self::{
    api_keys::ApiKeyRows,
    shard::{Id, Shard},
};
use crate::{
    claims::{Realm, SessionId},
    error::StoreError,
    revocation::RevocationEntry,
    session::store::{
        EndedSession, SessionStore, StoreCapabilities, StoreMark, StoredSession, TokenHash,
    },
    sync::{AtomicUsize, Mutex, MutexGuard},
};

/// Keeps sessions in memory: for one process, until it ends.
///
/// It keeps a million sessions at most, unless [`limited`](Self::limited) to another number, and
/// takes some 350 bytes for each. When it is full and nothing has expired, a new session is refused
/// and an error is logged: a live session is never dropped. Its clones share the sessions. Of a
/// subject whose sessions were all ended it remembers that for two hours, in 40 bytes, until a sweep.
///
/// It has no [`RevocationLog`](crate::revocation::RevocationLog): there is no other node to tell.
///
/// # Examples
///
/// ```
/// use countersign::MemoryStore;
///
/// let store = MemoryStore::new();
/// let small = MemoryStore::limited(10_000);
/// ```
#[derive(Clone)]
pub struct MemoryStore(Arc<Shards>);

impl MemoryStore {
    /// An empty store for a million sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::limited(1_000_000)
    }

    /// An empty store for this many sessions.
    #[must_use]
    pub fn limited(sessions: usize) -> Self {
        Self(Arc::new(Shards {
            all: std::array::from_fn(|_| Mutex::default()),
            count: AtomicUsize::new(0),
            limit: sessions,
            endings: Mutex::default(),
            rings: Mutex::default(),
            api_keys: Mutex::default(),
            hasher: RandomState::new(),
        }))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("sessions", &self.0.count)
            .field("limit", &self.0.limit)
            .finish_non_exhaustive()
    }
}

impl SessionStore for MemoryStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::local()
    }

    async fn mark(&self) -> Result<StoreMark, StoreError> {
        Ok(StoreMark::new(lock(&self.0.endings).count.into()))
    }

    async fn insert(&self, session: &StoredSession, begun: StoreMark) -> Result<bool, StoreError> {
        let shards = &*self.0;
        if !shards.reserve() {
            // There is no clock here; that of the caller has just been read.
            shards.sweep(session.last_used_at);
            if !shards.reserve() {
                let limit = shards.limit;
                tracing::error!(target: "countersign", limit, "the session store is full");
                return Err(StoreError::new("the store is full"));
            }
        }
        let id = session.id.bytes();
        let subject = shards.hash(&session.realm, &session.subject);
        let mut shard = shards.shard(&id);
        // Under the lock of the shard: `end_all` has passed it already, or is yet to come.
        let is_over = {
            let endings = lock(&shards.endings);
            let of_realm = shards.hash(&session.realm, EVERYBODY);
            endings.came_after(subject, begun) || endings.came_after(of_realm, begun)
        };
        let added = !is_over && shard.insert(id, subject, session);
        drop(shard);
        if !added {
            shards.release(1);
        }
        match added || is_over {
            true => Ok(added),
            false => Err(StoreError::new("the session id is taken")),
        }
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        let id = id.bytes();
        let shard = self.0.shard(&id);
        Ok(shard.rows.get(&id).map(|row| row.session(id)))
    }

    async fn rotate(&self, from: &TokenHash, next: &StoredSession) -> Result<bool, StoreError> {
        let id = next.id.bytes();
        Ok(self.0.shard(&id).rotate(&id, from, next))
    }

    async fn set_data(
        &self,
        id: &SessionId,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<bool, StoreError> {
        let id = id.bytes();
        Ok(self.0.shard(&id).set_data(&id, from, to))
    }

    async fn end(
        &self,
        id: &SessionId,
        _: Option<&RevocationEntry>,
    ) -> Result<Option<EndedSession>, StoreError> {
        let id = id.bytes();
        let ended = self.0.shard(&id).end(id);
        self.0.release(usize::from(ended.is_some()));
        Ok(ended)
    }

    async fn end_all(
        &self,
        realm: &Realm,
        subject: &str,
        issued_before: i64,
        _until: i64,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let hash = self.0.hash(realm, subject);
        // One step: nobody sees some of the sessions ended, the others not.
        let mut shards = self.0.lock_all();
        lock(&self.0.endings).add(hash, issued_before);
        let mut ended = Vec::new();
        for shard in &mut shards {
            for id in shard.ids_of(hash, realm, subject) {
                ended.extend(shard.end(id));
            }
        }
        self.0.release(ended.len());
        Ok(ended)
    }

    async fn end_realm(
        &self,
        realm: &Realm,
        begun_before: i64,
        _named_after: i64,
        _: &RevocationEntry,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let hash = self.0.hash(realm, EVERYBODY);
        // One for each realm, so none has to be forgotten.
        lock(&self.0.endings).add(hash, i64::MAX);
        let mut ended = Vec::new();
        // A login under way is refused from here on, so one shard at a time will do.
        for mut shard in self.0.all.iter().map(lock) {
            for id in shard.ids_begun_before(realm, begun_before) {
                ended.extend(shard.end(id));
            }
        }
        self.0.release(ended.len());
        Ok(ended)
    }

    async fn list(
        &self,
        realm: &Realm,
        subject: &str,
        now: i64,
    ) -> Result<Vec<StoredSession>, StoreError> {
        let hash = self.0.hash(realm, subject);
        // One step, as `end_all` is: a list shows all sessions that it ends, or none.
        let shards = self.0.lock_all();
        let sessions = shards.iter().flat_map(|shard| {
            let ids = shard.ids_of(hash, realm, subject).into_iter();
            ids.map(|id| shard.rows[&id].session(id))
        });
        Ok(sessions.filter(|row| row.expires_at > now).collect())
    }

    async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        lock(&self.0.endings).forget(now);
        Ok(self.0.sweep(now))
    }
}

/// So many that a sweep of a million sessions blocks nobody for more than milliseconds.
const SHARDS: usize = 64;

struct Shards {
    all: [Mutex<Shard>; SHARDS],
    /// The number of rows, and of places that are reserved for one.
    count: AtomicUsize,
    limit: usize,
    /// Locked after a shard, never before one.
    endings: Mutex<Endings>,
    /// Sealed rings, by their names.
    rings: Mutex<HashMap<String, Vec<u8>>>,
    api_keys: Mutex<ApiKeyRows>,
    /// Hashes subjects. It has a key of its own, so that nobody can choose subjects of one hash.
    hasher: RandomState,
}

impl Shards {
    fn lock_all(&self) -> Vec<MutexGuard<'_, Shard>> {
        self.all.iter().map(lock).collect()
    }

    fn sweep(&self, now: i64) -> u64 {
        let mut swept = 0;
        for mut shard in self.all.iter().map(lock) {
            let count = shard.sweep(now);
            self.release(count);
            swept += count as u64;
        }
        swept
    }

    /// Takes a place for a row, if there is one.
    fn reserve(&self) -> bool {
        let more = |count| (count < self.limit).then_some(count + 1);
        self.count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
    }

    fn release(&self, places: usize) {
        self.count.fetch_sub(places, Ordering::Relaxed);
    }

    fn hash(&self, realm: &Realm, subject: &str) -> u64 {
        self.hasher.hash_one((realm, subject))
    }

    /// An id is a part of a hash: each of its bytes is as good as any other.
    fn shard(&self, id: &Id) -> MutexGuard<'_, Shard> {
        lock(&self.all[usize::from(id[0]) % SHARDS])
    }
}

/// A panic with the lock held could only come from a lack of memory, which ends the process.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Stands for all subjects of a realm, none of which is empty.
const EVERYBODY: &str = "";

/// The order of `end_all`, and its last one for each subject.
#[derive(Default)]
struct Endings {
    /// The number of all so far.
    count: u64,
    /// By the hash of the subject. Where two have one hash, the ending of one also refuses logins of the
    /// other that are under way.
    last: HashMap<u64, Ending>,
}

struct Ending {
    number: u64,
    /// In seconds since 1970.
    at: i64,
}

/// The time for which the end of all sessions is remembered, in seconds: longer than any login takes.
const REMEMBERED: i64 = 2 * 3_600;

impl Endings {
    fn add(&mut self, subject: u64, now: i64) {
        self.count += 1;
        let ending = Ending {
            number: self.count,
            at: now,
        };
        self.last.insert(subject, ending);
    }

    fn came_after(&self, subject: u64, begun: StoreMark) -> bool {
        let last = self.last.get(&subject);
        last.is_some_and(|ending| u128::from(ending.number) > begun.get())
    }

    fn forget(&mut self, now: i64) {
        let remembered = |ending: &mut Ending| now.saturating_sub(ending.at) <= REMEMBERED;
        self.last.retain(|_, ending| remembered(ending));
    }
}

#[cfg(test)]
mod tests;
