//! The suite that every log of revocations must pass.

use std::collections::BTreeSet;

use super::{
    examples::{HOSTILE, done, ended, random_id, random_realm, subject, successor},
    join::{join, join_all},
    suite::Suite,
};
use crate::{
    claims::SessionId,
    clock::{Clock, SystemClock},
    revocation::{LogPosition, RevocationEntry, RevocationLog, Revoked},
    session::store::{SessionStore, StoredSession},
};

/// Checks that a log follows every rule of [`RevocationLog`].
///
/// For authors of stores, as is [`store_suite`](crate::testing::store_suite). The log can be in
/// use: entries of others are skipped. The suite adds a few thousand entries, which live for 15
/// minutes.
///
/// # Panics
///
/// When a rule is broken. The message says which.
pub async fn revocation_log_suite<L: RevocationLog>(log: L) {
    let suite = LogSuite {
        log: &log,
        until: SystemClock.now() + 900,
    };
    suite.entries_are_read_as_they_were_appended().await;
    suite.positions_stay_where_they_are().await;
    suite.long_logs_are_read_in_parts().await;
    suite.a_reader_that_waits_is_told().await;
    suite.entries_of_many_writers_all_arrive().await;
}

/// Checks that a store records what it ends in its [`RevocationLog`].
///
/// For stores that have one, next to [`store_suite`](crate::testing::store_suite) and
/// [`revocation_log_suite`].
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

struct LogSuite<'l, L> {
    log: &'l L,
    until: i64,
}

impl<L: RevocationLog> LogSuite<'_, L> {
    async fn entries_are_read_as_they_were_appended(&self) {
        let start = self.end_of_log().await;
        let mut entries = Vec::new();
        for text in [HOSTILE, "\u{e9} e\u{301} \u{1f980}", &"x".repeat(200)] {
            entries.extend([
                self.entry(Revoked::Session(random_id())),
                self.entry(Revoked::Subject {
                    realm: random_realm(),
                    subject: subject(text),
                    issued_before: self.until - 1_000,
                }),
                self.entry(Revoked::Sessionless {
                    realm: random_realm(),
                    subject: subject(text),
                    issued_before: i64::MAX,
                }),
                self.entry(Revoked::Token(subject(text))),
            ]);
        }
        // Names of different kinds are unrelated.
        let name = subject("one name");
        entries.push(self.entry(Revoked::Token(name.clone())));
        for realm in [random_realm(), random_realm()] {
            entries.push(self.entry(Revoked::Subject {
                realm: realm.clone(),
                subject: name.clone(),
                issued_before: 0,
            }));
            entries.push(self.entry(Revoked::Sessionless {
                realm,
                subject: name.clone(),
                issued_before: 0,
            }));
        }
        self.append(&entries).await;
        self.append(&[]).await;
        let read = self.all_after(start.as_ref(), &entries).await;
        assert!(
            read == entries,
            "`read` returns what was appended, in that order"
        );

        // A repeated entry, as when a client retries, gives two entries or one.
        self.append(&entries[..1]).await;
        let read = self.all_after(None, &entries).await;
        assert!(
            read.starts_with(&entries),
            "`read` without a position begins at the start"
        );
    }

    async fn positions_stay_where_they_are(&self) {
        let entries = self.tokens(3);
        let start = self.end_of_log().await;
        self.append(&entries[..1]).await;
        let after_one = self.end_of_log().await;
        self.append(&entries[1..]).await;
        for _ in 0..2 {
            let read = self.all_after(start.as_ref(), &entries).await;
            assert!(
                read == entries,
                "`read` from an old position returns all that came after it"
            );
            let read = self.all_after(after_one.as_ref(), &entries).await;
            assert!(
                read == entries[1..],
                "`read` returns nothing from before its position"
            );
        }
        let end = self.end_of_log().await;
        let read = self.all_after(end.as_ref(), &entries).await;
        assert!(read.is_empty(), "`read` from the end returns nothing old");

        let unknown = LogPosition::new("a position of another log");
        let read = self.all_after(Some(&unknown), &entries).await;
        assert!(read == entries, "an unknown position counts as the start");
    }

    async fn long_logs_are_read_in_parts(&self) {
        let start = self.end_of_log().await;
        let entries = self.tokens(2_500);
        for entries in entries.chunks(800) {
            self.append(entries).await;
        }
        let read = self.all_after(start.as_ref(), &entries).await;
        assert!(
            read == entries,
            "`read` goes on where the part before has ended"
        );
    }

    async fn a_reader_that_waits_is_told(&self) {
        for _ in 0..3 {
            let start = self.end_of_log().await;
            let entries = self.tokens(1);
            let waiting = self.wait_for(start, &entries);
            join(waiting, self.append(&entries)).await;
        }
    }

    async fn entries_of_many_writers_all_arrive(&self) {
        let start = self.end_of_log().await;
        let entries = self.tokens(100);
        let writing = join_all(entries.chunks(2).map(|pair| self.append(pair)));
        let reading = join_all((0..3).map(|_| self.wait_for(start.clone(), &entries)));
        join(reading, writing).await;

        let read = self.all_after(start.as_ref(), &entries).await;
        assert_eq!(read.len(), entries.len(), "each entry is read once");
        for pair in entries.chunks(2) {
            let place = |entry| read.iter().position(|other| other == entry);
            assert!(
                place(&pair[0]) < place(&pair[1]),
                "entries of one `append` keep their order"
            );
        }
    }

    /// Reads on until all of the entries have arrived.
    async fn wait_for(&self, start: Option<LogPosition>, entries: &[RevocationEntry]) {
        let mut position = start;
        let mut missing = entries.to_vec();
        let mut reads_without_news = 0;
        while !missing.is_empty() {
            let batch = done("read", self.log.read(position.as_ref())).await;
            let before = missing.len();
            missing.retain(|entry| !batch.entries.contains(entry));
            let news = missing.len() < before;
            reads_without_news = if news { 0 } else { reads_without_news + 1 };
            assert!(
                reads_without_news < 100,
                "a reader that goes on reading gets every entry"
            );
            position = batch.position;
        }
    }

    /// Reads the entries after the position that are about the tokens of `own`.
    async fn all_after(
        &self,
        position: Option<&LogPosition>,
        own: &[RevocationEntry],
    ) -> Vec<RevocationEntry> {
        let own: BTreeSet<_> = own.iter().map(name).collect();
        let (mut entries, _) = self.read_all(position.cloned()).await;
        entries.retain(|entry| own.contains(&name(entry)));
        entries
    }

    async fn end_of_log(&self) -> Option<LogPosition> {
        self.read_all(None).await.1
    }

    async fn read_all(
        &self,
        mut position: Option<LogPosition>,
    ) -> (Vec<RevocationEntry>, Option<LogPosition>) {
        let mut entries = Vec::new();
        for _ in 0..10_000 {
            let batch = done("read", self.log.read(position.as_ref())).await;
            entries.extend(batch.entries);
            position = batch.position;
            if batch.complete {
                return (entries, position);
            }
        }
        panic!("`read` says when the batch is complete");
    }

    async fn append(&self, entries: &[RevocationEntry]) {
        done("append", self.log.append(entries)).await;
    }

    fn tokens(&self, count: usize) -> Vec<RevocationEntry> {
        let tokens = (0..count).map(|_| Revoked::Token(subject("token")));
        tokens.map(|revoked| self.entry(revoked)).collect()
    }

    fn entry(&self, revoked: Revoked) -> RevocationEntry {
        RevocationEntry {
            revoked,
            until: self.until,
        }
    }
}

/// Writes the name of a revocation as one text.
fn name(entry: &RevocationEntry) -> String {
    match &entry.revoked {
        Revoked::Session(id) => format!("session {id}"),
        Revoked::Sessionless { realm, subject, .. } => format!("sessionless {subject} of {realm}"),
        Revoked::Subject { realm, subject, .. } => format!("subject {subject} of {realm}"),
        Revoked::Token(id) => format!("token {id}"),
    }
}
