//! Sessions in the memory of one process.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Arc, PoisonError, atomic::Ordering},
};

use crate::{
    revocation::RevocationEntry,
    session::{
        Digest, EndedSession, PreviousToken, Realm, SessionId, SessionStore, StoreCapabilities,
        StoreError, StoreMark, StoredSession,
    },
    sync::{AtomicUsize, Mutex, MutexGuard},
};

/// Keeps sessions in memory: for one process, until it ends.
///
/// It holds a million sessions at most, unless [`limited`](Self::limited) to another number, and
/// takes some 350 bytes for each. When it is full and nothing has expired, a new session is refused
/// and an error is logged: a live session is never dropped. Its clones share the sessions. Of a
/// subject whose sessions were all ended it remembers that for two hours, in 40 bytes, until a sweep.
///
/// It has no [`RevocationLog`](crate::RevocationLog): there is no other node to tell.
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
        self.0.insert(session, begun)
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        let id = id.bytes();
        let shard = self.0.shard(&id);
        Ok(shard.rows.get(&id).map(|row| row.session(id)))
    }

    async fn rotate(&self, from: &Digest, next: &StoredSession) -> Result<bool, StoreError> {
        let id = next.id.bytes();
        Ok(self.0.shard(&id).rotate(&id, from, next))
    }

    async fn end(&self, id: &SessionId, _: Option<&RevocationEntry>) -> Result<bool, StoreError> {
        Ok(self.0.end(&id.bytes()))
    }

    async fn end_all(
        &self,
        realm: &Realm,
        subject: &str,
        issued_before: i64,
        _until: i64,
    ) -> Result<Vec<EndedSession>, StoreError> {
        Ok(self.0.end_all(realm, subject, issued_before))
    }

    async fn list(
        &self,
        realm: &Realm,
        subject: &str,
        now: i64,
    ) -> Result<Vec<StoredSession>, StoreError> {
        Ok(self.0.list(realm, subject, now))
    }

    async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        lock(&self.0.endings).forget(now);
        Ok(self.0.sweep(now))
    }
}

type Id = [u8; SessionId::BYTES];

/// So many that a sweep of a million sessions holds up nobody for more than milliseconds.
const SHARDS: usize = 64;

struct Shards {
    all: [Mutex<Shard>; SHARDS],
    /// Of the rows, and of places that are reserved for one.
    count: AtomicUsize,
    limit: usize,
    /// Locked after a shard, never before one.
    endings: Mutex<Endings>,
    /// Of subjects. With a key of its own, so that nobody can choose subjects of one hash.
    hasher: RandomState,
}

impl Shards {
    fn insert(&self, session: &StoredSession, begun: StoreMark) -> Result<bool, StoreError> {
        if !self.reserve() {
            // There is no clock here; that of the caller has just been read.
            self.sweep(session.last_used_at);
            if !self.reserve() {
                let limit = self.limit;
                tracing::error!(target: "countersign", limit, "the session store is full");
                return Err(StoreError::new("the store is full"));
            }
        }
        let id = session.id.bytes();
        let subject = self.hash(&session.realm, &session.subject);
        let mut shard = self.shard(&id);
        // Under the lock of the shard: `end_all` has passed it already, or is yet to come.
        let is_over = lock(&self.endings).came_after(subject, begun);
        let added = !is_over && shard.insert(id, subject, session);
        drop(shard);
        if !added {
            self.release(1);
        }
        match added || is_over {
            true => Ok(added),
            false => Err(StoreError::new("the session id is taken")),
        }
    }

    fn end(&self, id: &Id) -> bool {
        let ended = self.shard(id).remove(id).is_some();
        self.release(usize::from(ended));
        ended
    }

    fn end_all(&self, realm: &Realm, subject: &str, now: i64) -> Vec<EndedSession> {
        let hash = self.hash(realm, subject);
        // One step: nobody sees some of the sessions ended, the others not.
        let mut shards: Vec<_> = self.all.iter().map(lock).collect();
        lock(&self.endings).add(hash, now);
        let mut ended = Vec::new();
        for shard in &mut shards {
            for id in shard.ids_of(hash, realm, subject) {
                ended.extend(shard.remove(&id).map(|row| EndedSession {
                    id: SessionId::new(id),
                    tokens_until: row.tokens_until,
                }));
            }
        }
        self.release(ended.len());
        ended
    }

    fn list(&self, realm: &Realm, subject: &str, now: i64) -> Vec<StoredSession> {
        let hash = self.hash(realm, subject);
        let mut sessions = Vec::new();
        for shard in self.all.iter().map(lock) {
            let ids = shard.ids_of(hash, realm, subject);
            let live = ids.into_iter().filter_map(|id| {
                let row = &shard.rows[&id];
                (row.expires_at > now).then(|| row.session(id))
            });
            sessions.extend(live);
        }
        sessions
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

/// The order of `end_all`, and its last one for each subject.
#[derive(Default)]
struct Endings {
    /// How many there were.
    count: u64,
    /// By the hash of the subject. Of two with one hash, a login that is under way just then is refused
    /// for the other's sake.
    last: HashMap<u64, Ending>,
}

struct Ending {
    number: u64,
    /// In seconds since 1970.
    at: i64,
}

/// How long the end of all sessions is remembered, in seconds: longer than any login takes.
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

#[derive(Default)]
struct Shard {
    /// Boxed, because up to half of the places of a map are empty.
    rows: HashMap<Id, Box<Row>>,
    /// The hash of the subject of each row, and its id: one set for all subjects, as most have but
    /// one session.
    subjects: BTreeSet<(u64, Id)>,
    /// No row expires before this.
    first_expiry: i64,
}

impl Shard {
    /// Says whether there was no row of this id.
    fn insert(&mut self, id: Id, subject: u64, session: &StoredSession) -> bool {
        let Entry::Vacant(place) = self.rows.entry(id) else {
            return false;
        };
        place.insert(Box::new(Row::new(subject, session)));
        self.subjects.insert((subject, id));
        self.first_expiry = self.first_expiry.min(session.expires_at);
        true
    }

    fn rotate(&mut self, id: &Id, from: &Digest, next: &StoredSession) -> bool {
        match self.rows.get_mut(id) {
            Some(row) if row.current == *from => row.rotate(next),
            _ => return false,
        }
        self.first_expiry = self.first_expiry.min(next.expires_at);
        true
    }

    fn remove(&mut self, id: &Id) -> Option<Box<Row>> {
        let row = self.rows.remove(id)?;
        self.subjects.remove(&(row.subject_hash, *id));
        Some(row)
    }

    /// Two subjects may have one hash.
    fn ids_of(&self, hash: u64, realm: &Realm, subject: &str) -> Vec<Id> {
        let same_hash = (hash, [u8::MIN; SessionId::BYTES])..=(hash, [u8::MAX; SessionId::BYTES]);
        let ids = self.subjects.range(same_hash).map(|(_, id)| *id);
        let is_theirs = |row: &Row| *row.subject == *subject && row.realm == *realm;
        ids.filter(|id| is_theirs(&self.rows[id])).collect()
    }

    fn sweep(&mut self, now: i64) -> usize {
        if now < self.first_expiry {
            return 0;
        }
        let before = self.rows.len();
        self.first_expiry = i64::MAX;
        self.rows.retain(|id, row| {
            let live = row.expires_at > now;
            if live {
                self.first_expiry = self.first_expiry.min(row.expires_at);
            } else {
                self.subjects.remove(&(row.subject_hash, *id));
            }
            live
        });
        before - self.rows.len()
    }
}

/// A [`StoredSession`] without its id, and without room to grow.
struct Row {
    subject_hash: u64,
    realm: Realm,
    subject: Box<str>,
    label: Option<Box<str>>,
    binding: Option<Box<Digest>>,
    created_at: i64,
    last_used_at: i64,
    expires_at: i64,
    absolute_expires_at: i64,
    tokens_until: i64,
    current: Digest,
    previous: Box<[PreviousToken]>,
}

impl Row {
    fn new(subject_hash: u64, session: &StoredSession) -> Self {
        Self {
            subject_hash,
            realm: session.realm.clone(),
            subject: session.subject.as_str().into(),
            label: session.label.as_deref().map(Into::into),
            binding: session.binding.map(Box::new),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            absolute_expires_at: session.absolute_expires_at,
            tokens_until: session.tokens_until,
            current: session.current,
            previous: session.previous.as_slice().into(),
        }
    }

    fn rotate(&mut self, next: &StoredSession) {
        self.last_used_at = next.last_used_at;
        self.expires_at = next.expires_at;
        self.tokens_until = next.tokens_until;
        self.current = next.current;
        self.previous = next.previous.as_slice().into();
    }

    fn session(&self, id: Id) -> StoredSession {
        StoredSession {
            id: SessionId::new(id),
            realm: self.realm.clone(),
            subject: self.subject.to_string(),
            label: self.label.as_deref().map(str::to_owned),
            binding: self.binding.as_deref().copied(),
            created_at: self.created_at,
            last_used_at: self.last_used_at,
            expires_at: self.expires_at,
            absolute_expires_at: self.absolute_expires_at,
            tokens_until: self.tokens_until,
            current: self.current,
            previous: self.previous.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_executor::block_on;

    use super::*;

    const NOW: i64 = 1_800_000_000;
    const START: StoreMark = StoreMark::new(0);

    #[test]
    fn a_full_store_refuses_and_keeps_what_it_has() {
        let store = MemoryStore::limited(2);
        insert(&store, 1, NOW + 10).unwrap();
        insert(&store, 2, NOW + 10).unwrap();

        let refused = insert(&store, 3, NOW + 10).unwrap_err();
        let cause = std::error::Error::source(&refused).unwrap();
        assert_eq!(cause.to_string(), "the store is full");
        assert_eq!(present(&store, 1..=3), [1, 2]);
    }

    #[test]
    fn a_full_store_makes_room_by_what_has_expired() {
        let store = MemoryStore::limited(2);
        insert(&store, 1, NOW).unwrap();
        insert(&store, 2, NOW + 10).unwrap();
        insert(&store, 3, NOW + 10).unwrap();
        assert_eq!(present(&store, 1..=3), [2, 3]);
    }

    #[test]
    fn what_ends_makes_room() {
        let store = MemoryStore::limited(1);
        for seed in 1..10 {
            insert(&store, seed, NOW + 10).unwrap();
            assert!(insert(&store, 0, NOW + 10).is_err());
            assert!(block_on(store.end(&session(seed, 0).id, None)).unwrap());
            insert(&store, seed, NOW + 10).unwrap();
            end_all(&store);
        }
    }

    #[test]
    fn an_id_that_is_taken_is_refused_and_takes_no_room() {
        let store = MemoryStore::limited(2);
        insert(&store, 1, NOW + 10).unwrap();
        assert!(insert(&store, 1, NOW + 20).is_err());
        let found = block_on(store.find(&session(1, 0).id)).unwrap().unwrap();
        assert_eq!(found.expires_at, NOW + 10);
        insert(&store, 2, NOW + 10).unwrap();
    }

    #[test]
    fn a_session_that_a_rotation_shortened_is_swept() {
        let store = MemoryStore::new();
        insert(&store, 1, NOW + 100).unwrap();
        assert_eq!(block_on(store.sweep(NOW + 50)).unwrap(), 0);
        let next = session(1, NOW + 60);
        assert!(block_on(store.rotate(&next.current, &next)).unwrap());
        assert_eq!(block_on(store.sweep(NOW + 60)).unwrap(), 1);
    }

    #[test]
    fn nothing_is_left_when_all_has_ended() {
        let store = MemoryStore::new();
        for seed in 0..200 {
            insert(&store, seed, NOW + i64::from(seed)).unwrap();
        }
        assert_eq!(block_on(store.sweep(NOW + 49)).unwrap(), 50);
        assert!(block_on(store.end(&session(50, 0).id, None)).unwrap());
        assert_eq!(end_all(&store).len(), 149);

        assert_eq!(store.0.count.load(Ordering::Relaxed), 0);
        for shard in store.0.all.iter().map(lock) {
            assert!(shard.rows.is_empty() && shard.subjects.is_empty());
        }
    }

    #[test]
    fn subjects_of_one_hash_are_not_confused() {
        let mut shard = Shard::default();
        for (seed, subject) in [(1, "ann"), (2, "bob")] {
            let mut session = session(seed, NOW);
            session.subject = subject.into();
            assert!(shard.insert(session.id.bytes(), 7, &session));
        }
        let ids_of = |realm: &str, subject| shard.ids_of(7, &Realm::new(realm).unwrap(), subject);
        assert_eq!(ids_of("test", "ann"), [session(1, 0).id.bytes()]);
        assert!(ids_of("test", "eve").is_empty());
        assert!(ids_of("other", "ann").is_empty());
    }

    #[test]
    fn debug_shows_numbers_only() {
        let store = MemoryStore::limited(5);
        insert(&store, 1, NOW).unwrap();
        let shown = format!("{store:?}");
        assert_eq!(shown, "MemoryStore { sessions: 1, limit: 5, .. }");
    }

    #[test]
    fn an_end_of_all_is_remembered_for_two_hours() {
        let store = MemoryStore::new();
        end_all(&store);
        let add = |seed, begun| block_on(store.insert(&session(seed, NOW + 10), begun)).unwrap();
        block_on(store.sweep(NOW + REMEMBERED)).unwrap();
        assert!(!add(1, START));
        assert!(add(2, block_on(store.mark()).unwrap()));
        block_on(store.sweep(NOW + REMEMBERED + 1)).unwrap();
        assert!(add(1, START));
    }

    fn insert(store: &MemoryStore, seed: u8, expires_at: i64) -> Result<(), StoreError> {
        let begun = block_on(store.mark())?;
        let added = block_on(store.insert(&session(seed, expires_at), begun))?;
        assert!(added);
        Ok(())
    }

    fn end_all(store: &MemoryStore) -> Vec<EndedSession> {
        let realm = Realm::new("test").unwrap();
        block_on(store.end_all(&realm, "user", NOW, NOW)).unwrap()
    }

    fn present(store: &MemoryStore, seeds: impl Iterator<Item = u8>) -> Vec<u8> {
        seeds
            .filter(|seed| {
                let found = block_on(store.find(&session(*seed, 0).id));
                found.unwrap().is_some()
            })
            .collect()
    }

    fn session(seed: u8, expires_at: i64) -> StoredSession {
        StoredSession {
            id: SessionId::new([seed; SessionId::BYTES]),
            realm: Realm::new("test").unwrap(),
            subject: "user".into(),
            label: None,
            binding: None,
            created_at: NOW,
            last_used_at: NOW,
            expires_at,
            absolute_expires_at: NOW + 1_000,
            tokens_until: NOW + 1_300,
            current: Digest::from_bytes([seed; 32]),
            previous: Vec::new(),
        }
    }
}
