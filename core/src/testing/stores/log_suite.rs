//! The suite that every log of revocations must pass.

use std::collections::BTreeSet;

use super::{
    examples::{HOSTILE, done, random_id, random_realm, subject},
    join::{join, join_all},
};
use crate::{
    clock::{Clock, SystemClock},
    revocation::{LogPosition, RevocationEntry, RevocationLog, Revoked},
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

pub(super) struct LogSuite<'l, L> {
    pub(super) log: &'l L,
    pub(super) until: i64,
}

impl<L: RevocationLog> LogSuite<'_, L> {
    async fn entries_are_read_as_they_were_appended(&self) {
        let start = self.end_of_log().await;
        let mut entries = Vec::new();
        for text in [HOSTILE, "\u{e9} e\u{301} \u{1f980}", &"x".repeat(200)] {
            entries.extend([
                self.entry(Revoked::Everyone {
                    realm: random_realm(),
                    issued_before: self.until - 1_000,
                }),
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
            entries.push(self.entry(Revoked::Everyone {
                realm: realm.clone(),
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
    pub(super) async fn all_after(
        &self,
        position: Option<&LogPosition>,
        own: &[RevocationEntry],
    ) -> Vec<RevocationEntry> {
        let own: BTreeSet<_> = own.iter().map(name).collect();
        let (mut entries, _) = self.read_all(position.cloned()).await;
        entries.retain(|entry| own.contains(&name(entry)));
        entries
    }

    pub(super) async fn end_of_log(&self) -> Option<LogPosition> {
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
        Revoked::Everyone { realm, .. } => format!("everyone of {realm}"),
        Revoked::Session(id) => format!("session {id}"),
        Revoked::Sessionless { realm, subject, .. } => format!("sessionless {subject} of {realm}"),
        Revoked::Subject { realm, subject, .. } => format!("subject {subject} of {realm}"),
        Revoked::Token(id) => format!("token {id}"),
    }
}
