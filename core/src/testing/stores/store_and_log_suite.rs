//! The suite that every store with a log of revocations must pass.

use super::{
    examples::{done, ended, random_id, random_realm, subject, successor},
    join::join,
    log_suite::LogSuite,
    suite::Suite,
};
use crate::{
    claims::SessionId,
    revocation::{RevocationEntry, RevocationLog, Revoked},
    session::store::{SessionStore, StoredSession},
};

/// Checks that a store records what it ends in its [`RevocationLog`].
///
/// For stores that have one, next to [`store_suite`](crate::testing::store_suite) and
/// [`revocation_log_suite`](crate::testing::revocation_log_suite).
///
/// # Panics
///
/// When a rule is broken. The message says which.
pub async fn store_and_log_suite<S: SessionStore + RevocationLog>(store: S) {
    let suite = Suite::new(store);
    let until = suite.now + 900;
    let log = LogSuite {
        log: &suite.store,
        until,
    };
    let start = log.end_of_log().await;

    let name = subject("logged");
    let sessions: Vec<_> = (0..3).map(|_| suite.session(&name)).collect();
    for session in &sessions {
        suite.insert(session).await;
    }
    let next = successor(&sessions[0]);
    assert!(
        suite.rotate(&sessions[0].current, &next).await,
        "`rotate` is true"
    );
    let entry = |id: &SessionId, until| RevocationEntry {
        revoked: Revoked::Session(id.clone()),
        until,
    };
    let sessionless = RevocationEntry {
        revoked: Revoked::Sessionless {
            realm: suite.realm.clone(),
            subject: name.clone(),
            issued_before: suite.now,
        },
        until,
    };
    let idle = StoredSession {
        tokens_until: suite.now - 1,
        ..suite.session(&name)
    };
    suite.insert(&idle).await;
    let unknown = random_id();
    let ids = sessions.iter().map(|session| &session.id);
    let all = ids
        .chain([&idle.id, &unknown])
        .map(|id| entry(id, until))
        .chain([sessionless.clone()]);
    let all: Vec<_> = all.collect();
    let logged = log.all_after(start.as_ref(), &all).await;
    assert_eq!(logged, [], "`insert` and `rotate` log nothing");

    suite.end(&unknown).await;
    let quiet = suite.session(&name);
    suite.insert(&quiet).await;
    done("end", suite.store.end(&quiet.id, None)).await;
    let logged = log.all_after(start.as_ref(), &all).await;
    assert!(
        logged == [entry(&unknown, until)],
        "`end` logs what it is given, also when there is no session any more"
    );
    suite
        .an_ending_logs_what_covers_the_session(&log, &next)
        .await;

    Box::pin(suite.the_end_of_a_realm_is_logged(&log)).await;

    let start = log.end_of_log().await;
    let ended = suite.end_all_of(&suite.realm, &name).await;
    assert_eq!(ended.len(), 3, "`end_all` ends the sessions that are left");
    let mut logged = log.all_after(start.as_ref(), &all).await;
    let count = logged
        .iter()
        .filter(|logged| **logged == sessionless)
        .count();
    assert_eq!(count, 1, "`end_all` logs the subject with its moment");
    logged.retain(|entry| *entry != sessionless);
    let expected = ended.iter().map(|one| entry(&one.id, one.tokens_until));
    let expected: Vec<_> = expected.collect();
    assert_eq!(
        logged.len(),
        expected.len(),
        "`end_all` logs each session that it ends, whatever its clock says"
    );
    for entry in &expected {
        assert!(
            logged.contains(entry),
            "`end_all` logs each session that it ends, until its last token has expired"
        );
    }
}

impl<S: SessionStore + RevocationLog> Suite<S> {
    /// Ends a realm with two sessions, one of which has issued tokens that the revocation does not cover.
    async fn the_end_of_a_realm_is_logged(&self, log: &LogSuite<'_, S>) {
        let realm = random_realm();
        let covered = StoredSession {
            tokens_until: self.now + 1_000,
            ..self.session_in(&realm, self.now - 20)
        };
        let named = StoredSession {
            tokens_until: self.now + 1_001,
            ..self.session_in(&realm, self.now - 20)
        };
        for session in [&covered, &named] {
            self.insert(session).await;
        }
        let everyone = self.revocation_of(&realm, self.now);
        let own = [
            everyone.clone(),
            ended(&covered).revocation(),
            ended(&named).revocation(),
        ];
        let start = log.end_of_log().await;
        assert_eq!(self.end_realm(&realm, self.now).await.len(), 2);
        let logged = log.all_after(start.as_ref(), &own).await;
        assert!(
            logged == [everyone, ended(&named).revocation()],
            "`end_realm` logs the revocation, then each session whose tokens live longer"
        );
        let start = log.end_of_log().await;
        self.end_realm(&realm, self.now).await;
        let logged = log.all_after(start.as_ref(), &own).await;
        assert!(
            logged == own[..1],
            "`end_realm` logs the revocation each time"
        );
    }

    /// Ends this session, and others like it, and checks the entries.
    async fn an_ending_logs_what_covers_the_session(
        &self,
        log: &LogSuite<'_, S>,
        last: &StoredSession,
    ) {
        let end = async |last: &StoredSession, given: RevocationEntry| {
            let own = [given.clone(), ended(last).revocation()];
            let start = log.end_of_log().await;
            done("end", self.store.end(&last.id, Some(&given))).await;
            log.all_after(start.as_ref(), &own).await
        };
        let of_all = |issued_before| Revoked::Subject {
            realm: self.realm.clone(),
            subject: last.subject.clone(),
            issued_before,
        };
        // The session as it was found, before it was refreshed.
        let late = RevocationEntry {
            revoked: of_all(last.last_used_at - 1),
            until: last.tokens_until - 1,
        };
        assert!(
            end(last, late).await == [ended(last).revocation()],
            "`end` logs that the session is revoked, where its tokens live for longer than it was told"
        );
        for until in [last.tokens_until, last.tokens_until + 1] {
            let session = self.session(&last.subject);
            let session = StoredSession {
                tokens_until: last.tokens_until,
                ..session
            };
            self.insert(&session).await;
            let given = RevocationEntry {
                revoked: of_all(until),
                until,
            };
            assert!(
                end(&session, given.clone()).await == [given],
                "`end` logs what it is given, where that covers the session"
            );
        }
        for _ in 0..10 {
            let session = self.session(&last.subject);
            self.insert(&session).await;
            let next = successor(&session);
            let given = ended(&session).revocation();
            let start = log.end_of_log().await;
            let ending = done("end", self.store.end(&session.id, Some(&given)));
            let (rotated, _) = join(self.rotate(&session.current, &next), ending).await;
            let covering = ended(if rotated { &next } else { &session }).revocation();
            let logged = log.all_after(start.as_ref(), &[given]).await;
            assert!(
                logged == [covering],
                "`end` logs what covers the session that it has removed, beside a `rotate`"
            );
        }
    }
}
