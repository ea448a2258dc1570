//! What the suites ask a store.

use crate::{
    clock::{Clock, SystemClock},
    session::{Digest, SessionId, SessionStore, StoredSession},
    testing::stores::examples::{difference, done, random_digest, random_id, subject},
};

/// How many racers there are, where there is a race.
pub(super) const RACERS: usize = 50;

/// A store under test. Its methods panic where the store has no answer.
pub(super) struct Suite<S> {
    pub(super) store: S,
    /// When the suite began.
    pub(super) now: i64,
}

impl<S: SessionStore> Suite<S> {
    pub(super) fn new(store: S) -> Self {
        Self {
            store,
            now: SystemClock.now(),
        }
    }

    /// Sessions that a step should leave alone: of one subject, then of another.
    pub(super) async fn others(&self, hint: &str) -> [StoredSession; 3] {
        let [one, other] = [subject(hint), subject(hint)];
        let sessions = [&one, &one, &other].map(|subject| self.session(subject));
        for session in &sessions {
            self.insert(session).await;
        }
        sessions
    }

    pub(super) fn session(&self, subject: &str) -> StoredSession {
        StoredSession {
            id: random_id(),
            subject: subject.to_owned(),
            label: Some("a device".to_owned()),
            binding: None,
            created_at: self.now - 20,
            last_used_at: self.now - 10,
            expires_at: self.now + 1_000,
            absolute_expires_at: self.now + 2_000,
            current: random_digest(),
            previous: None,
        }
    }

    pub(super) async fn expect(&self, session: &StoredSession, rule: &str) {
        let found = done("find", self.store.find(&session.id)).await;
        // By hand, as the fields are not in the `Debug` text.
        assert!(
            found.as_ref() == Some(session),
            "{rule}: {}",
            difference(found.as_ref(), session)
        );
    }

    pub(super) async fn expect_all(&self, sessions: &[StoredSession], rule: &str) {
        for session in sessions {
            self.expect(session, rule).await;
        }
    }

    pub(super) async fn expect_none(&self, id: &SessionId, rule: &str) {
        let found = done("find", self.store.find(id)).await;
        assert!(found.is_none(), "{rule}");
    }

    pub(super) async fn insert(&self, session: &StoredSession) {
        done("insert", self.store.insert(session)).await;
    }

    pub(super) async fn rotate(&self, from: &Digest, next: &StoredSession) -> bool {
        done("rotate", self.store.rotate(from, next)).await
    }

    pub(super) async fn end(&self, id: &SessionId) -> bool {
        done("end", self.store.end(id, self.now + 900)).await
    }

    pub(super) async fn end_all(&self, subject: &str) -> Vec<SessionId> {
        let ending = self.store.end_all(subject, self.now, self.now + 900);
        done("end_all", ending).await
    }

    pub(super) async fn list(&self, subject: &str) -> Vec<StoredSession> {
        self.list_at(subject, self.now).await
    }

    pub(super) async fn list_at(&self, subject: &str, now: i64) -> Vec<StoredSession> {
        done("list", self.store.list(subject, now)).await
    }
}
