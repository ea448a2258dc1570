//! Tests that the suite for stores finds faults in a store.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    panic::catch_unwind,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    thread,
};

use countersign::{
    MemoryStore,
    revocation::RevocationEntry,
    session::{
        Realm, SessionId,
        store::{
            EndedSession, SessionDetails, SessionStore, StoreCapabilities, StoreEpoch, StoreError,
            StoreMark, StoredSession, TokenHash,
        },
    },
    testing::{sessions_suite, store_suite},
};
use futures_executor::block_on;

#[test]
fn stores_that_keep_the_rules_pass() {
    block_on(store_suite(MemoryStore::new()));
    block_on(store_suite(Toy::default()));
}

#[test]
fn sessions_in_memory_pass() {
    block_on(sessions_suite(MemoryStore::new()));
}

#[test]
fn the_suite_can_run_in_a_task() {
    fn spawn<T: Send + 'static>(task: T) -> T {
        task
    }
    block_on(spawn(store_suite(MemoryStore::new())));
}

#[test]
fn of_fifty_threads_one_rotates() {
    let store = MemoryStore::new();
    let digest = |byte| TokenHash::from_bytes([byte; 32]);
    for round in 0..200 {
        let session = StoredSession {
            id: SessionId::parse(&format!("{round:021}A")).expect("an id"),
            realm: Realm::new("test").expect("a realm"),
            subject: "ann".into(),
            label: None,
            binding: None,
            created_at: 0,
            last_used_at: 0,
            expires_at: 1,
            absolute_expires_at: 1,
            tokens_until: 1,
            current: digest(100),
            previous: Vec::new(),
            details: SessionDetails::default(),
            data: None,
        };
        assert!(block_on(store.insert(&session, StoreMark::new(0))).expect("room"));
        let rotate = |racer| {
            let next = StoredSession {
                current: digest(racer),
                ..session.clone()
            };
            block_on(store.rotate(&session.current, &next)).expect("an answer")
        };
        let rotate = &rotate;
        let won: usize = thread::scope(|scope| {
            let racers = (0..50).map(|racer| scope.spawn(move || rotate(racer)));
            let racers: Vec<_> = racers.collect();
            let won = racers
                .into_iter()
                .map(|racer| racer.join().expect("no panic"));
            won.map(usize::from).sum()
        });
        assert_eq!(won, 1);
    }
}

#[test]
fn a_store_that_breaks_a_rule_is_caught() {
    for (bug, message) in [
        (
            Bug::ChainIsCut,
            "`find` returns every token of the chain: previous differ",
        ),
        (
            Bug::EndAllByBeginning,
            "`end_all` takes a subject to the letter",
        ),
        (
            Bug::EndAllForgets,
            "`insert` is false after an `end_all` of the subject",
        ),
        (
            Bug::EndAllInEveryRealm,
            "`end_all` ends the sessions of one realm",
        ),
        (
            Bug::EndAllNothing,
            "`end_all` takes a subject to the letter",
        ),
        (
            Bug::EndAllOfAnybody,
            "`end_all` concerns logins of its subject only",
        ),
        (Bug::EndAllTwice, "`end_all` names each session once"),
        (Bug::EndAlwaysTrue, "`end` of an unknown id is false"),
        (
            Bug::EndForgetsTokens,
            "`end` returns what it has removed, as it was last",
        ),
        (
            Bug::EndNeedsTime,
            "`end` ends a session, whatever `until` is",
        ),
        (
            Bug::EndRealmAnyTime,
            "`end_realm` returns what it has removed, as it was last",
        ),
        (
            Bug::EndRealmForgets,
            "`insert` is false after an `end_realm` of its realm",
        ),
        (
            Bug::EndRealmInEveryRealm,
            "`end_realm` returns what it has removed, as it was last",
        ),
        (Bug::EndRealmPart, "`end_realm` ends all sessions"),
        (Bug::EpochStays, "`mark_restored` begins an epoch"),
        (Bug::EpochWandersOff, "an epoch lasts"),
        (Bug::HealthEnds, "`health` touches no session"),
        (Bug::EndNothing, "`find` of an ended session is `None`"),
        (
            Bug::FindNothing,
            "`find` returns what was inserted: there is no session",
        ),
        (Bug::IdsWithoutCase, "ids that differ in one character"),
        (
            Bug::LabelEmptyIsNone,
            "an empty label is not an absent one: label differ",
        ),
        (
            Bug::LabelIsCut,
            "`find` returns what was inserted: label differ",
        ),
        (
            Bug::InsertInTwoSteps,
            "a racing login does not outlive `end_all`",
        ),
        (Bug::ListExpired, "in which it expires"),
        (
            Bug::ListInEveryRealm,
            "`list` returns the sessions of one realm",
        ),
        (
            Bug::MarkStandsStill,
            "`insert` is true where nothing has ended",
        ),
        (Bug::RotateAdds, "`rotate` of an unknown session is false"),
        (Bug::RotateAny, "`rotate` is true only once"),
        (
            Bug::RotateByHalf,
            "`rotate` compares every byte: byte 16 differs",
        ),
        (
            Bug::RotateInTwoSteps,
            "`rotate` is true for one of many racers only",
        ),
        (
            Bug::RotateOnlyHashes,
            "`rotate` has put there: last_used_at differ",
        ),
        (
            Bug::RotateWritesData,
            "`rotate` leaves data and details alone: data, details differ",
        ),
        (
            Bug::SetDataAny,
            "`set_data` is false where the data is something else",
        ),
        (
            Bug::SetDataInTwoSteps,
            "`set_data` is true for one of many racers only",
        ),
        (
            Bug::SetDataUses,
            "`set_data` changes nothing but the data: last_used_at differ",
        ),
        (
            Bug::SweepAll,
            "`sweep` leaves a session that has not expired",
        ),
        (
            Bug::SweepByLabel,
            "`sweep` removes a session that has expired",
        ),
    ] {
        let suite = || block_on(store_suite(Toy::with(bug)));
        let panic = catch_unwind(suite).expect_err(message);
        let said = match panic.downcast_ref::<String>() {
            Some(text) => text.as_str(),
            None => panic.downcast_ref::<&str>().expect("a text"),
        };
        assert!(said.contains(message), "{bug:?}: {said}");
    }
}

/// A minimal store with a fault.
#[derive(Clone, Default)]
struct Toy {
    rows: Arc<Mutex<BTreeMap<String, StoredSession>>>,
    /// The subject of each `end_all`.
    endings: Arc<Mutex<Vec<(Realm, String)>>>,
    /// The number of looks at the epoch, and when it began.
    epoch: Arc<Mutex<(usize, Option<i64>)>>,
    bug: Option<Bug>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    ChainIsCut,
    EndAllByBeginning,
    EndAllForgets,
    EndAllInEveryRealm,
    EndAllNothing,
    EndAllOfAnybody,
    EndAllTwice,
    EndAlwaysTrue,
    EndForgetsTokens,
    EndNeedsTime,
    EndNothing,
    EndRealmAnyTime,
    EndRealmForgets,
    EndRealmInEveryRealm,
    EndRealmPart,
    EpochStays,
    EpochWandersOff,
    FindNothing,
    HealthEnds,
    IdsWithoutCase,
    InsertInTwoSteps,
    LabelEmptyIsNone,
    LabelIsCut,
    ListExpired,
    ListInEveryRealm,
    MarkStandsStill,
    RotateAdds,
    RotateAny,
    RotateByHalf,
    RotateInTwoSteps,
    RotateOnlyHashes,
    RotateWritesData,
    SetDataAny,
    SetDataInTwoSteps,
    SetDataUses,
    SweepAll,
    SweepByLabel,
}

impl Toy {
    fn with(bug: Bug) -> Self {
        Self {
            bug: Some(bug),
            ..Self::default()
        }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, StoredSession>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns true if all sessions of the subject were ended after the mark.
    fn is_over(&self, session: &StoredSession, begun: StoreMark) -> bool {
        let endings = self.endings.lock().unwrap_or_else(PoisonError::into_inner);
        let since = usize::try_from(begun.get()).unwrap_or(usize::MAX);
        let is_it = |(realm, subject): &(Realm, String)| {
            let names = [&*session.subject, ""];
            let is_theirs = *realm == session.realm && names.contains(&subject.as_str());
            is_theirs || self.has(Bug::EndAllOfAnybody)
        };
        endings.iter().skip(since).any(is_it) && !self.has(Bug::EndAllForgets)
    }

    fn key(&self, id: &SessionId) -> String {
        match self.has(Bug::IdsWithoutCase) {
            true => id.as_str().to_lowercase(),
            false => id.as_str().to_owned(),
        }
    }
}

impl SessionStore for Toy {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::local().epoch()
    }

    async fn mark(&self) -> Result<StoreMark, StoreError> {
        let endings = self.endings.lock().unwrap_or_else(PoisonError::into_inner);
        let count = match self.has(Bug::MarkStandsStill) {
            true => endings.len().min(1),
            false => endings.len(),
        };
        Ok(StoreMark::new(count as u128))
    }

    async fn insert(&self, session: &StoredSession, begun: StoreMark) -> Result<bool, StoreError> {
        if self.is_over(session, begun) {
            return Ok(false);
        }
        if self.has(Bug::InsertInTwoSteps) {
            wait_a_turn().await;
        }
        let mut session = session.clone();
        if self.has(Bug::LabelEmptyIsNone) {
            session.label = session.label.filter(|label| !label.is_empty());
        }
        if let Some(label) = &mut session.label
            && self.has(Bug::LabelIsCut)
        {
            *label = label.chars().take(100).collect();
        }
        self.rows().insert(self.key(&session.id), session);
        Ok(true)
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        let found = self.rows().get(&self.key(id)).cloned();
        Ok(found.filter(|_| !self.has(Bug::FindNothing)))
    }

    async fn rotate(&self, from: &TokenHash, next: &StoredSession) -> Result<bool, StoreError> {
        let key = self.key(&next.id);
        let is_current = |row: &StoredSession| match self.bug {
            Some(Bug::RotateAny) => true,
            Some(Bug::RotateByHalf) => row.current.as_bytes()[..16] == from.as_bytes()[..16],
            _ => row.current == *from,
        };
        let matches = self.rows().get(&key).map(is_current);
        if self.has(Bug::RotateInTwoSteps) {
            wait_a_turn().await;
        }
        if !matches.unwrap_or(self.has(Bug::RotateAdds)) {
            return Ok(false);
        }
        let mut next = next.clone();
        if self.has(Bug::ChainIsCut) {
            next.previous.truncate(1);
        }
        if let Some(row) = self.rows().get(&key)
            && self.has(Bug::RotateOnlyHashes)
        {
            next.last_used_at = row.last_used_at;
            next.expires_at = row.expires_at;
        }
        if let Some(row) = self.rows().get(&key)
            && !self.has(Bug::RotateWritesData)
        {
            next.data.clone_from(&row.data);
            next.details.clone_from(&row.details);
        }
        self.rows().insert(key, next);
        Ok(true)
    }

    async fn set_data(
        &self,
        id: &SessionId,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<bool, StoreError> {
        let key = self.key(id);
        let matches = |row: &StoredSession| row.data.as_deref() == from;
        let matches = self.rows().get(&key).is_some_and(matches);
        if self.has(Bug::SetDataInTwoSteps) {
            wait_a_turn().await;
        }
        if !matches && !self.has(Bug::SetDataAny) {
            return Ok(false);
        }
        let mut rows = self.rows();
        let Some(row) = rows.get_mut(&key) else {
            return Ok(false);
        };
        row.data = to.map(str::to_owned);
        if self.has(Bug::SetDataUses) {
            row.last_used_at += 1;
        }
        Ok(true)
    }

    async fn end(
        &self,
        id: &SessionId,
        revocation: Option<&RevocationEntry>,
    ) -> Result<Option<EndedSession>, StoreError> {
        let ended = |row: &StoredSession| EndedSession {
            id: id.clone(),
            tokens_until: match self.has(Bug::EndForgetsTokens) {
                true => revocation.map_or(0, |entry| entry.until),
                false => row.tokens_until,
            },
        };
        let is_late = revocation.is_some_and(|entry| entry.until > FAR);
        if self.has(Bug::EndNeedsTime) && is_late {
            return Ok(None);
        }
        let key = self.key(id);
        if self.has(Bug::EndNothing) {
            return Ok(self.rows().get(&key).map(ended));
        }
        let removed = self.rows().remove(&key);
        let invented = self.has(Bug::EndAlwaysTrue).then(|| EndedSession {
            id: id.clone(),
            tokens_until: 0,
        });
        Ok(removed.as_ref().map(ended).or(invented))
    }

    async fn end_all(
        &self,
        realm: &Realm,
        subject: &str,
        _issued_before: i64,
        _until: i64,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let is_own = |row: &StoredSession| match self.bug {
            Some(Bug::EndAllByBeginning) => row.subject.starts_with(subject),
            Some(Bug::EndAllInEveryRealm) => row.subject == subject,
            Some(Bug::EndAllNothing) => false,
            _ => row.subject == subject && row.realm == *realm,
        };
        let endings = self.endings.lock();
        let mut endings = endings.unwrap_or_else(PoisonError::into_inner);
        endings.push((realm.clone(), subject.to_owned()));
        let mut ended = Vec::new();
        self.rows().retain(|_, row| {
            if is_own(row) {
                ended.push(EndedSession {
                    id: row.id.clone(),
                    tokens_until: row.tokens_until,
                });
            }
            !is_own(row)
        });
        if self.has(Bug::EndAllTwice) && ended.len() > 1 {
            ended.extend_from_within(..1);
        }
        Ok(ended)
    }

    async fn end_realm(
        &self,
        realm: &Realm,
        begun_before: i64,
        _named_after: i64,
        _: &RevocationEntry,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let endings = self.endings.lock();
        let mut endings = endings.unwrap_or_else(PoisonError::into_inner);
        let name = match self.has(Bug::EndRealmForgets) {
            true => "nobody",
            false => "",
        };
        endings.push((realm.clone(), name.to_owned()));
        let is_in_time =
            |row: &StoredSession| row.created_at < begun_before || self.has(Bug::EndRealmAnyTime);
        let is_there =
            |row: &StoredSession| row.realm == *realm || self.has(Bug::EndRealmInEveryRealm);
        let mut ended = Vec::new();
        self.rows().retain(|_, row| {
            let is_full = self.has(Bug::EndRealmPart) && ended.len() == 1_000;
            let ends = is_in_time(row) && is_there(row) && !is_full;
            if ends {
                ended.push(EndedSession {
                    id: row.id.clone(),
                    tokens_until: row.tokens_until,
                });
            }
            !ends
        });
        Ok(ended)
    }

    async fn health(&self) -> Result<(), StoreError> {
        if self.has(Bug::HealthEnds) {
            self.rows().clear();
        }
        Ok(())
    }

    async fn epoch(&self) -> Result<Option<StoreEpoch>, StoreError> {
        let mut epoch = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        epoch.0 += usize::from(self.has(Bug::EpochWandersOff));
        Ok(Some(StoreEpoch::new(epoch.0.to_string(), epoch.1)))
    }

    async fn mark_restored(&self) -> Result<(), StoreError> {
        let mut epoch = self.epoch.lock().unwrap_or_else(PoisonError::into_inner);
        let now = countersign::Clock::now(&countersign::SystemClock);
        epoch.1 = Some(now).filter(|_| !self.has(Bug::EpochStays));
        Ok(())
    }

    async fn list(
        &self,
        realm: &Realm,
        subject: &str,
        now: i64,
    ) -> Result<Vec<StoredSession>, StoreError> {
        let now = now - i64::from(self.has(Bug::ListExpired));
        let is_here = |row: &StoredSession| row.realm == *realm || self.has(Bug::ListInEveryRealm);
        let is_listed =
            |row: &&StoredSession| row.subject == subject && is_here(row) && row.expires_at > now;
        Ok(self.rows().values().filter(is_listed).cloned().collect())
    }

    async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        let before = self.rows().len();
        self.rows().retain(|_, row| match self.bug {
            Some(Bug::SweepAll) => false,
            Some(Bug::SweepByLabel) => row.label.is_some(),
            _ => row.expires_at > now,
        });
        Ok((before - self.rows().len()) as u64)
    }
}

/// A time in the year 5138.
const FAR: i64 = 100_000_000_000;

/// Lets every other future have a turn.
async fn wait_a_turn() {
    let mut waited = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        match std::mem::replace(&mut waited, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}
