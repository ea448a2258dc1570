//! The rules of `end` and `end_all`.

use std::collections::BTreeSet;

use super::{
    examples::{done, ended, random_realm, subject, successor},
    join::{join, join_all},
    suite::{RACERS, Suite},
};
use crate::{
    revocation::RevocationEntry,
    session::store::{EndedSession, SessionStore, StoreMark, StoredSession},
};

impl<S: SessionStore> Suite<S> {
    pub(super) async fn a_session_ends_once(&self) {
        let others = self.others("end").await;
        let session = self.session(&others[0].subject);
        self.insert(&session).await;
        assert!(
            self.end(&session.id).await,
            "`end` says that there was a session"
        );
        self.expect_none(&session.id, "`find` of an ended session is `None`")
            .await;
        assert!(
            !self.end(&session.id).await,
            "`end` says that there is no session any more"
        );
        let listed = self.list(&session.subject).await;
        assert!(!listed.contains(&session), "an ended session is not listed");
        self.expect_all(&others, "`end` touches one session only")
            .await;

        let session = self.session(&others[0].subject);
        self.insert(&session).await;
        let racers = (0..RACERS).map(|_| self.end(&session.id));
        let ended = join_all(racers).await;
        let ended = ended.into_iter().filter(|ended| *ended).count();
        assert_eq!(ended, 1, "`end` is true for one of many racers");
    }

    pub(super) async fn an_ending_returns_what_was_there_last(&self) {
        const RULE: &str = "`end` returns what it has removed, as it was last";
        for logged in [true, false] {
            let session = self.session(&subject("removed"));
            self.insert(&session).await;
            let next = successor(&session);
            assert!(
                self.rotate(&session.current, &next).await,
                "`rotate` is true"
            );
            let entry = self.revocation(&session.id);
            let ending = self.store.end(&session.id, Some(&entry).filter(|_| logged));
            let removed = done("end", ending).await;
            assert_eq!(removed, Some(ended(&next)), "{RULE}");
        }
        for _ in 0..20 {
            let session = self.session(&subject("removed"));
            self.insert(&session).await;
            let next = successor(&session);
            let entry = self.revocation(&session.id);
            let ending = done("end", self.store.end(&session.id, Some(&entry)));
            let (rotated, removed) = join(self.rotate(&session.current, &next), ending).await;
            let last = if rotated { &next } else { &session };
            assert_eq!(removed, Some(ended(last)), "{RULE}, beside a `rotate`");
        }
    }

    pub(super) async fn what_has_ended_stays_ended(&self) {
        let ended = self.session(&subject("ended"));
        self.insert(&ended).await;
        self.end(&ended.id).await;
        let rotated = self.rotate(&ended.current, &successor(&ended)).await;
        assert!(!rotated, "`rotate` of an ended session is false");
        self.expect_none(&ended.id, "`rotate` never brings a session back")
            .await;

        for round in 0..20 {
            let session = self.session(&subject("ending"));
            self.insert(&session).await;
            let next = successor(&session);
            let rotating = self.rotate(&session.current, &next);
            let ending = async {
                match round % 2 {
                    0 => assert!(self.end(&session.id).await, "`end` finds a racing session"),
                    _ => {
                        let ended = self.end_all(&session.subject).await;
                        assert_eq!(ended.len(), 1, "`end_all` finds a racing session");
                    }
                }
            };
            join(rotating, ending).await;
            self.expect_none(&session.id, "a racing `rotate` never brings a session back")
                .await;
        }
    }

    pub(super) async fn all_sessions_of_a_subject_end_and_no_others(&self) {
        let others = self.others("other").await;
        let name = subject("all");
        let sessions: Vec<_> = (0..20).map(|_| self.session(&name)).collect();
        for session in &sessions {
            self.insert(session).await;
        }
        assert!(
            self.end(&sessions[0].id).await,
            "`end` says that there was a session"
        );
        let next = successor(&sessions[1]);
        assert!(
            self.rotate(&sessions[1].current, &next).await,
            "`rotate` is true"
        );

        let ended = self.end_all(&name).await;
        let count = ended.len();
        let ended: BTreeSet<_> = ended.into_iter().collect();
        assert_eq!(ended.len(), count, "`end_all` names each session once");
        let expected: BTreeSet<_> = sessions[1..]
            .iter()
            .map(|session| session.id.clone())
            .collect();
        assert_eq!(
            ended, expected,
            "`end_all` names the sessions that it has removed"
        );
        for session in &sessions {
            self.expect_none(
                &session.id,
                "`end_all` removes every session of the subject",
            )
            .await;
        }
        assert!(
            self.list(&name).await.is_empty(),
            "sessions that `end_all` removed are not listed"
        );
        assert!(
            self.end_all(&name).await.is_empty(),
            "`end_all` does it once"
        );
        self.expect_all(&others, "`end_all` ends the sessions of one subject only")
            .await;

        let again = self.session(&name);
        self.insert(&again).await;
        self.expect(&again, "after `end_all`, the subject can log in again")
            .await;
    }

    pub(super) async fn an_ending_takes_effect_whatever_is_to_be_logged(&self) {
        let years = 100 * 365 * 86_400;
        for until in [i64::MIN, self.now - years, self.now + years, i64::MAX] {
            let session = self.session(&subject("until"));
            self.insert(&session).await;
            let entry = RevocationEntry {
                until,
                ..self.revocation(&session.id)
            };
            let ended = done("end", self.store.end(&session.id, Some(&entry))).await;
            assert!(
                ended.is_some(),
                "`end` ends a session, whatever `until` is: {until}"
            );
            self.expect_none(
                &session.id,
                "`end` removes the session, whatever `until` is",
            )
            .await;

            let session = StoredSession {
                tokens_until: until,
                ..self.session(&subject("until"))
            };
            self.insert(&session).await;
            let ending = (&self.realm, &*session.subject, self.now, until);
            let (realm, name, now, until) = ending;
            let ended = done("end_all", self.store.end_all(realm, name, now, until)).await;
            let expected = EndedSession {
                id: session.id.clone(),
                tokens_until: until,
            };
            assert_eq!(
                ended,
                [expected],
                "`end_all` ends sessions, whatever `until` is"
            );
            self.expect_none(
                &session.id,
                "`end_all` removes sessions, whatever `until` is",
            )
            .await;
        }
        let session = self.session(&subject("unlogged"));
        self.insert(&session).await;
        let ended = done("end", self.store.end(&session.id, None)).await;
        assert!(ended.is_some(), "`end` needs no revocation");
    }

    pub(super) async fn a_login_that_began_before_an_end_of_all_adds_nothing(&self) {
        let name = subject("overtaken");
        let other = subject("bystander");
        let begun = self.mark().await;
        // The order is that of the events, not of the seconds: all of this has the same time.
        self.end_all(&name).await;
        let late = self.session(&name);
        assert!(
            !self.insert_since(&late, begun).await,
            "`insert` is false after an `end_all` of the subject that came after the mark"
        );
        self.expect_none(&late.id, "an `insert` that is false adds nothing")
            .await;
        assert!(
            self.list(&name).await.is_empty(),
            "an `insert` that is false adds nothing to the list"
        );
        assert!(
            !self.insert_since(&late, StoreMark::new(0)).await,
            "the oldest mark is before every `end_all`"
        );
        assert!(
            self.insert_since(&self.session(&other), begun).await,
            "`end_all` concerns logins of its subject only"
        );

        let after = self.mark().await;
        assert!(after > begun, "`end_all` moves the mark");
        let session = self.session(&name);
        assert!(
            self.insert_since(&session, after).await,
            "`insert` is true for a login that began after `end_all`"
        );
        self.end_all(&other).await;
        self.end(&session.id).await;
        assert!(
            self.insert_since(&self.session(&name), after).await,
            "neither `end` nor the `end_all` of others concerns a login"
        );
        self.end_all(&name).await;
        assert!(
            !self.insert_since(&self.session(&name), after).await,
            "each `end_all` concerns the logins that began before it"
        );
    }

    pub(super) async fn a_login_that_races_an_end_of_all_does_not_outlive_it(&self) {
        for _ in 0..20 {
            let name = subject("login race");
            let begun = self.mark().await;
            let sessions: Vec<_> = (0..5).map(|_| self.session(&name)).collect();
            let logins = sessions
                .iter()
                .map(|session| self.insert_since(session, begun));
            let (added, ended) = join(join_all(logins), self.end_all(&name)).await;
            for (session, added) in sessions.iter().zip(added) {
                self.expect_none(&session.id, "a racing login does not outlive `end_all`")
                    .await;
                assert!(
                    added || !ended.contains(&session.id),
                    "what `insert` has not added, `end_all` does not end"
                );
            }
        }
    }

    pub(super) async fn realms_have_nothing_in_common(&self) {
        let name = subject("in two realms");
        let own = self.session(&name);
        let abroad = StoredSession {
            realm: random_realm(),
            ..self.session(&name)
        };
        let begun = self.mark().await;
        self.insert(&own).await;
        self.insert(&abroad).await;
        self.expect(&abroad, "`find` returns the realm").await;
        assert_eq!(
            self.list(&name).await,
            std::slice::from_ref(&own),
            "`list` returns the sessions of one realm"
        );
        let ended = self.end_all_of(&abroad.realm, &name).await;
        let ids: Vec<_> = ended.into_iter().map(|ended| ended.id).collect();
        assert_eq!(ids, [abroad.id], "`end_all` ends the sessions of one realm");
        self.expect(&own, "`end_all` leaves other realms alone")
            .await;
        assert!(
            self.insert_since(&self.session(&name), begun).await,
            "`end_all` concerns the logins of one realm"
        );
    }
}
