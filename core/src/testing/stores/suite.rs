//! The steps that the suites of stores share.

use super::examples::{difference, done, random_digest, random_id, random_realm, subject};
use crate::{
    claims::{Realm, SessionId},
    clock::{Clock, SystemClock},
    revocation::{RevocationEntry, Revoked},
    session::store::{
        EndedSession, SessionDetails, SessionStore, StoreMark, StoredSession, TokenHash,
    },
};

/// The number of racers in a race.
pub(super) const RACERS: usize = 50;

/// A store under test. Its methods panic if the store fails.
pub(super) struct Suite<S> {
    pub(super) store: S,
    pub(super) realm: Realm,
    /// The time at which the suite began.
    pub(super) now: i64,
}

impl<S: SessionStore> Suite<S> {
    pub(super) fn new(store: S) -> Self {
        Self {
            store,
            realm: random_realm(),
            now: SystemClock.now(),
        }
    }

    /// Adds sessions that a step should leave alone: two of one subject, then one of another.
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
            realm: self.realm.clone(),
            subject: subject.to_owned(),
            label: Some("a device".to_owned()),
            binding: None,
            created_at: self.now - 20,
            last_used_at: self.now - 10,
            expires_at: self.now + 1_000,
            absolute_expires_at: self.now + 2_000,
            tokens_until: self.now + 1_300,
            current: random_digest(),
            previous: Vec::new(),
            details: SessionDetails::default(),
            data: None,
        }
    }

    pub(super) async fn expect(&self, session: &StoredSession, rule: &str) {
        let found = done("find", self.store.find(&session.id)).await;
        // Compared by hand, as the fields are not in the `Debug` text.
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
        let begun = self.mark().await;
        assert!(
            self.insert_since(session, begun).await,
            "`insert` is true where nothing has ended"
        );
    }

    pub(super) async fn insert_since(&self, session: &StoredSession, begun: StoreMark) -> bool {
        done("insert", self.store.insert(session, begun)).await
    }

    pub(super) async fn mark(&self) -> StoreMark {
        done("mark", self.store.mark()).await
    }

    pub(super) async fn rotate(&self, from: &TokenHash, next: &StoredSession) -> bool {
        done("rotate", self.store.rotate(from, next)).await
    }

    pub(super) async fn end(&self, id: &SessionId) -> bool {
        let entry = self.revocation(id);
        let ended = done("end", self.store.end(id, Some(&entry))).await;
        ended.is_some()
    }

    /// Returns the revocation of the tokens of a session.
    pub(super) fn revocation(&self, id: &SessionId) -> RevocationEntry {
        RevocationEntry {
            revoked: Revoked::Session(id.clone()),
            until: self.now + 900,
        }
    }

    /// Ends all sessions of the subject, and returns their ids.
    pub(super) async fn end_all(&self, subject: &str) -> Vec<SessionId> {
        let ended = self.end_all_of(&self.realm, subject).await;
        ended.into_iter().map(|ended| ended.id).collect()
    }

    pub(super) async fn end_all_of(&self, realm: &Realm, subject: &str) -> Vec<EndedSession> {
        let (now, until) = (self.now, self.now + 900);
        let ending = self.store.end_all(realm, subject, now, until);
        done("end_all", ending).await
    }

    pub(super) async fn list(&self, subject: &str) -> Vec<StoredSession> {
        self.list_at(subject, self.now).await
    }

    pub(super) async fn list_at(&self, subject: &str, now: i64) -> Vec<StoredSession> {
        done("list", self.store.list(&self.realm, subject, now)).await
    }
}
