//! The rules of `end_realm`.

use std::{collections::BTreeSet, pin::Pin};

use super::{
    examples::{done, ended, random_realm, subject, successor},
    join::{join, join_all},
    suite::Suite,
};
use crate::{
    claims::Realm,
    revocation::{RevocationEntry, Revoked},
    session::store::{EndedSession, SessionStore, StoredSession},
};

impl<S: SessionStore> Suite<S> {
    /// Checks all rules of this file. Boxed: without optimisation, the future of a suite fills the stack of a thread.
    pub(super) fn realms_end(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.the_sessions_of_a_realm_end_that_began_before().await;
            self.a_realm_of_any_size_ends().await;
            self.a_login_that_began_before_an_end_of_its_realm_adds_nothing()
                .await;
            self.a_login_that_races_an_end_of_its_realm_does_not_outlive_it()
                .await;
        })
    }

    /// Ends the sessions of a realm that were created before `time`.
    pub(super) async fn end_realm(&self, realm: &Realm, time: i64) -> Vec<EndedSession> {
        let revocation = self.revocation_of(realm, time);
        let ending = self
            .store
            .end_realm(realm, time, self.now + 1_000, &revocation);
        done("end_realm", ending).await
    }

    /// Returns the revocation that goes with that: it ends before the tokens of most sessions of the suite do.
    pub(super) fn revocation_of(&self, realm: &Realm, time: i64) -> RevocationEntry {
        RevocationEntry {
            revoked: Revoked::Everyone {
                realm: realm.clone(),
                issued_before: time - 1,
            },
            until: self.now + 900,
        }
    }

    pub(super) fn session_in(&self, realm: &Realm, created_at: i64) -> StoredSession {
        StoredSession {
            realm: realm.clone(),
            created_at,
            ..self.session(&subject("realm"))
        }
    }

    async fn the_sessions_of_a_realm_end_that_began_before(&self) {
        let time = self.now - 100;
        let realm = random_realm();
        let abroad = self.session_in(&random_realm(), time - 1_000);
        let later = [time, time + 1].map(|at| self.session_in(&realm, at));
        let earlier: Vec<_> = [1, 2, 10_000]
            .map(|ago| self.session_in(&realm, time - ago))
            .into();
        for session in earlier.iter().chain(&later).chain([&abroad]) {
            self.insert(session).await;
        }
        let next = successor(&earlier[0]);
        assert!(self.rotate(&earlier[0].current, &next).await);

        let removed = self.end_realm(&realm, time).await;
        let count = removed.len();
        let removed: BTreeSet<_> = removed.into_iter().collect();
        assert_eq!(removed.len(), count, "`end_realm` names each session once");
        let expected = [&next].into_iter().chain(&earlier[1..]).map(ended);
        let expected: BTreeSet<_> = expected.collect();
        assert_eq!(
            removed, expected,
            "`end_realm` returns what it has removed, as it was last"
        );
        for session in &earlier {
            self.expect_none(
                &session.id,
                "`end_realm` removes what began before the time",
            )
            .await;
        }
        self.expect_all(&later, "`end_realm` leaves what began later")
            .await;
        self.expect(&abroad, "`end_realm` leaves other realms alone")
            .await;
        let rotated = self.rotate(&next.current, &successor(&next)).await;
        assert!(!rotated, "what `end_realm` has ended stays ended");
        let name = &earlier[1].subject;
        let listed = done("list", self.store.list(&realm, name, self.now)).await;
        assert!(
            listed.is_empty(),
            "what `end_realm` has ended is not listed"
        );
        assert!(
            self.end_realm(&realm, time).await.is_empty(),
            "`end_realm` does it once"
        );
    }

    async fn a_realm_of_any_size_ends(&self) {
        const SESSIONS: usize = 2_500;
        let realm = random_realm();
        let sessions: Vec<_> = (0..SESSIONS)
            .map(|_| self.session_in(&realm, self.now - 20))
            .collect();
        for some in sessions.chunks(50) {
            join_all(some.iter().map(|session| self.insert(session))).await;
        }
        let ended = self.end_realm(&realm, self.now).await;
        assert_eq!(ended.len(), SESSIONS, "`end_realm` ends all sessions");
        for session in [&sessions[0], &sessions[SESSIONS - 1]] {
            self.expect_none(&session.id, "`end_realm` ends all sessions")
                .await;
        }
    }

    async fn a_login_that_began_before_an_end_of_its_realm_adds_nothing(&self) {
        let (realm, other) = (random_realm(), random_realm());
        let begun = self.mark().await;
        let [late, again, after] = [0; 3].map(|_| self.session_in(&realm, self.now));
        self.end_realm(&realm, self.now - 50).await;
        assert!(
            !self.insert_since(&late, begun).await,
            "`insert` is false after an `end_realm` of its realm that came after the mark"
        );
        self.expect_none(&late.id, "an `insert` that is false adds nothing")
            .await;
        assert!(
            self.insert_since(&self.session_in(&other, self.now), begun)
                .await,
            "`end_realm` concerns logins of its realm only"
        );
        let mark = self.mark().await;
        assert!(mark > begun, "`end_realm` moves the mark");
        assert!(
            self.insert_since(&after, mark).await,
            "`insert` is true for a login that began after `end_realm`"
        );
        self.end_realm(&realm, self.now - 50).await;
        assert!(
            !self.insert_since(&again, mark).await,
            "each `end_realm` concerns the logins that began before it"
        );
        self.expect(&after, "`end_realm` leaves what began later")
            .await;
    }

    async fn a_login_that_races_an_end_of_its_realm_does_not_outlive_it(&self) {
        for _ in 0..10 {
            let realm = random_realm();
            let begun = self.mark().await;
            let sessions: Vec<_> = (0..5)
                .map(|_| self.session_in(&realm, self.now - 20))
                .collect();
            let logins = sessions
                .iter()
                .map(|session| self.insert_since(session, begun));
            // A rotation that comes in between saves nothing, either.
            let ((added, ended), _) = join(
                join(join_all(logins), self.end_realm(&realm, self.now)),
                self.rotate(&sessions[0].current, &successor(&sessions[0])),
            )
            .await;
            for (session, added) in sessions.iter().zip(&added) {
                self.expect_none(&session.id, "a racing login does not outlive `end_realm`")
                    .await;
                let is_named = ended.iter().any(|ended| ended.id == session.id);
                assert!(
                    *added || !is_named,
                    "what `insert` has not added, `end_realm` does not end"
                );
            }
        }
    }
}
