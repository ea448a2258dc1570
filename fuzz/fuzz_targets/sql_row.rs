//! What an SQL database holds: rows of any kind, and rows that went through an SQLite.

#![no_main]

use std::sync::LazyLock;

use arbitrary::{Arbitrary, Result, Unstructured};
use countersign::{LogPosition, RevocationEntry, RevocationLog, Revoked, SessionId, SessionStore};
use countersign_fuzz::rows::{AnySession, bytes, id, optional_bytes};
use countersign_sqlx::{
    SqliteStore,
    fuzzing::{self, EntryRow, SessionRow},
};
use libfuzzer_sys::fuzz_target;
use sqlx::{SqlitePool, sqlite::SqlitePoolOptions};
use tokio::runtime::Runtime;

#[derive(Debug)]
enum Input {
    Append(Vec<RevocationEntry>),
    Batch(Vec<EntryRow>, i64),
    Position(String, i64),
    Row(Box<SessionRow>),
    Session(Box<(AnySession, AnySession)>, i64),
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=15)? {
            0 => Self::Session(u.arbitrary()?, u.arbitrary()?),
            1 => {
                let entries: Vec<Entry> = u.arbitrary()?;
                Self::Append(entries.into_iter().map(|entry| entry.0).collect())
            }
            2..=5 => Self::Batch(u.arbitrary()?, u.arbitrary()?),
            6 => Self::Position(u.arbitrary()?, u.arbitrary()?),
            _ => Self::Row(Box::new((
                match u.ratio(7, 8)? {
                    true => id(u)?.to_string(),
                    false => u.arbitrary()?,
                },
                u.arbitrary()?,
                u.arbitrary()?,
                optional_bytes(u)?,
                u.arbitrary()?,
                u.arbitrary()?,
                u.arbitrary()?,
                u.arbitrary()?,
                bytes(u)?,
                optional_bytes(u)?,
                optional_bytes(u)?,
            ))),
        })
    }
}

#[derive(Debug)]
struct Entry(RevocationEntry);

impl<'a> Arbitrary<'a> for Entry {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(Self(RevocationEntry {
            revoked: match u.int_in_range(0..=2)? {
                0 => Revoked::Session(id(u)?),
                1 => Revoked::Subject {
                    subject: u.arbitrary()?,
                    issued_before: u.arbitrary()?,
                },
                _ => Revoked::Token(u.arbitrary()?),
            },
            until: u.arbitrary()?,
        }))
    }
}

fuzz_target!(|input: Input| match input {
    Input::Append(entries) => DATABASE.append(&entries),
    Input::Batch(rows, last) => check_batch(&rows, last),
    Input::Position(text, last) => {
        let start = fuzzing::start(Some(&LogPosition::new(text.as_str())), last);
        let expected = text.parse().ok().filter(|after: &i64| *after <= last);
        assert_eq!(start, expected.unwrap_or(0));
    }
    Input::Row(row) => check_row(&row),
    Input::Session(both, now) => DATABASE.keep(&both.0, &both.1, now),
});

fn check_row(row: &SessionRow) {
    let lengths = [
        Some(&row.8),
        row.3.as_ref(),
        row.9.as_ref(),
        row.10.as_ref(),
    ];
    let has_digests = lengths
        .iter()
        .all(|bytes| bytes.is_none_or(|bytes| bytes.len() == 32));
    let is_good =
        SessionId::parse(&row.0).is_some() && has_digests && row.9.is_some() == row.10.is_some();
    let session = fuzzing::session(row.clone());
    assert_eq!(session.is_ok(), is_good);
    let Ok(session) = session else { return };
    let digest = |digest: &countersign::Digest| digest.as_bytes().to_vec();
    let previous = session.previous.as_ref();
    let again: SessionRow = (
        session.id.to_string(),
        session.subject.clone(),
        session.label.clone(),
        session.binding.as_ref().map(digest),
        session.created_at,
        session.last_used_at,
        session.expires_at,
        session.absolute_expires_at,
        digest(&session.current),
        previous.map(|previous| digest(&previous.hash)),
        previous.map(|previous| digest(&previous.salt)),
    );
    assert_eq!(again, *row);
}

fn check_batch(rows: &[EntryRow], last: i64) {
    let is_good = |(_, kind, name, before, _): &EntryRow| match (kind, before) {
        (0, None) => true,
        (1, None) => SessionId::parse(name).is_some(),
        (2, Some(_)) => true,
        _ => false,
    };
    let batch = fuzzing::batch(rows.to_vec(), last);
    // To leave one out would let a revoked token pass.
    assert_eq!(batch.is_ok(), rows.iter().all(is_good));
    let Ok(batch) = batch else { return };
    assert_eq!(batch.entries.len(), rows.len());
    let position = rows.last().map_or(last, |row| row.0).to_string();
    assert_eq!(
        batch.position.as_ref().map(LogPosition::as_str),
        Some(&*position)
    );
    assert!(batch.complete || rows.len() >= 1_000);
    for (entry, row) in batch.entries.iter().zip(rows) {
        assert_eq!(entry.until, row.4);
    }
}

static DATABASE: LazyLock<Database> = LazyLock::new(Database::open);

/// A database in memory.
struct Database {
    runtime: Runtime,
    pool: SqlitePool,
    store: SqliteStore,
}

impl Database {
    fn open() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let (pool, store) = runtime.block_on(async {
            let options = SqlitePoolOptions::new()
                .max_connections(1)
                .idle_timeout(None)
                .max_lifetime(None);
            let pool = options.connect("sqlite::memory:").await.unwrap();
            SqliteStore::migrate(&pool).await.unwrap();
            (pool.clone(), SqliteStore::from_pool(pool))
        });
        Self {
            runtime,
            pool,
            store,
        }
    }

    async fn empty(&self) {
        for table in ["sessions", "revocations"] {
            let sql = format!("DELETE FROM countersign_{table}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
                .execute(&self.pool)
                .await
                .unwrap();
        }
    }

    /// A session is found as it was kept, and as it was replaced.
    fn keep(&self, first: &AnySession, second: &AnySession, now: i64) {
        let (first, mut next) = (first.0.clone(), second.0.clone());
        self.runtime.block_on(async {
            self.empty().await;
            self.store.insert(&first).await.unwrap();
            assert_eq!(
                self.store.find(&first.id).await.unwrap().as_ref(),
                Some(&first)
            );
            let listed = self.store.list(&first.subject, now).await.unwrap();
            let expected = (first.expires_at > now).then_some(first.clone());
            assert_eq!(listed, expected.into_iter().collect::<Vec<_>>());

            // What a rotation does not change stays as it was.
            next.id = first.id.clone();
            next.subject = first.subject.clone();
            next.label = first.label.clone();
            next.binding = first.binding;
            next.created_at = first.created_at;
            next.absolute_expires_at = first.absolute_expires_at;
            if next.current != first.current {
                assert!(!self.store.rotate(&next.current, &next).await.unwrap());
            }
            assert!(self.store.rotate(&first.current, &next).await.unwrap());
            assert_eq!(
                self.store.find(&first.id).await.unwrap(),
                Some(next.clone())
            );
            let ended = self.store.end_all(&first.subject, now, now).await.unwrap();
            assert_eq!(ended, std::slice::from_ref(&first.id));
            assert_eq!(self.store.find(&first.id).await.unwrap(), None);
        });
    }

    /// Entries are read as they were written, in their order.
    fn append(&self, entries: &[RevocationEntry]) {
        // A log with nothing new waits for something.
        if entries.is_empty() {
            return;
        }
        self.runtime.block_on(async {
            self.empty().await;
            self.store.append(entries).await.unwrap();
            let batch = self.store.read(None).await.unwrap();
            assert_eq!(batch.entries, entries);
            assert!(batch.complete);
        });
    }
}
