//! The data of an SQL database: arbitrary rows, and rows that were stored in SQLite.

#![no_main]

use std::{fmt, sync::LazyLock};

use arbitrary::{Arbitrary, Result, Unstructured};
use countersign::{
    revocation::{LogPosition, RevocationEntry, RevocationLog, Revoked},
    session::{
        Realm, SessionId,
        store::{EndedSession, PreviousToken, SessionDetails, SessionStore},
    },
};
use countersign_fuzz::rows::{
    AnyEntry, AnySession, details_column, digest_column, id, is_list, is_realm, mostly,
    previous_column, realm,
};
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
    Batch(Option<(i64, i64)>, Vec<EntryRow>),
    Position(String),
    Row(Row),
    Session(Box<(AnySession, AnySession)>, i64),
}

/// The columns of a session: a tuple too long for `Debug` and `==`.
struct Row(Box<SessionRow>);

impl Row {
    /// Returns the columns in two tuples.
    fn halves(&self) -> (impl PartialEq + fmt::Debug, impl PartialEq + fmt::Debug) {
        let (id, realm, subject, label, binding, created_at, last_used_at, expires_at, ..) =
            &*self.0;
        let (.., absolute_expires_at, tokens_until, current, previous, details, data) = &*self.0;
        (
            (
                id,
                realm,
                subject,
                label,
                binding,
                created_at,
                last_used_at,
                expires_at,
            ),
            (
                absolute_expires_at,
                tokens_until,
                current,
                previous,
                details,
                data,
            ),
        )
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.halves().fmt(f)
    }
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        Ok(match u.int_in_range(0..=15)? {
            0 => Self::Session(u.arbitrary()?, u.arbitrary()?),
            1 => {
                let entries: Vec<AnyEntry> = u.arbitrary()?;
                Self::Append(entries.into_iter().map(|entry| entry.0).collect())
            }
            2..=5 => {
                let rows: Vec<Entry> = u.arbitrary()?;
                let rows: Vec<_> = rows.into_iter().map(|row| row.0).collect();
                let first = rows.first().map(|row| (row.0, row.1));
                Self::Batch(mostly(u, |_| Ok(first))?, rows)
            }
            6 => Self::Position(u.arbitrary()?),
            _ => Self::Row(Row(Box::new((
                mostly(u, |u| Ok(id(u)?.to_string()))?,
                mostly(u, |u| Ok(realm(u)?.to_string()))?,
                u.arbitrary()?,
                u.arbitrary()?,
                match u.arbitrary()? {
                    true => Some(digest_column(u)?),
                    false => None,
                },
                u.arbitrary()?,
                u.arbitrary()?,
                u.arbitrary()?,
                u.arbitrary()?,
                u.arbitrary()?,
                digest_column(u)?,
                previous_column(u)?,
                details_column(u)?,
                u.arbitrary()?,
            )))),
        })
    }
}

/// A row of the log, usually with what its kind needs.
#[derive(Debug)]
struct Entry(EntryRow);

impl<'a> Arbitrary<'a> for Entry {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let kind = mostly(u, |u| u.int_in_range(0..=3))?;
        let has_realm = matches!(kind, 2 | 3);
        Ok(Self((
            u.arbitrary()?,
            u.arbitrary()?,
            kind,
            mostly(u, |u| {
                let realm = realm(u)?.to_string();
                Ok(has_realm.then_some(realm))
            })?,
            match kind {
                1 => mostly(u, |u| Ok(id(u)?.to_string()))?,
                _ => u.arbitrary()?,
            },
            mostly(u, |u| {
                let before = u.arbitrary()?;
                Ok(has_realm.then_some(before))
            })?,
            u.arbitrary()?,
        )))
    }
}

fuzz_target!(|input: Input| match input {
    Input::Append(entries) => DATABASE.append(&entries),
    Input::Batch(after, rows) => check_batch(after, &rows),
    Input::Position(text) => {
        let numbers: Option<Vec<i64>> = text.split(':').map(|part| part.parse().ok()).collect();
        let expected = numbers.filter(|numbers| numbers.len() == 2);
        assert_eq!(
            fuzzing::place(&LogPosition::new(text.as_str())),
            expected.map(|numbers| numbers[0])
        );
    }
    Input::Row(row) => check_row(&row),
    Input::Session(both, now) => DATABASE.keep(&both.0, &both.1, now),
});

fn check_row(Row(row): &Row) {
    let is_digest = |bytes: &Vec<u8>| bytes.len() == 32;
    let is_good = SessionId::parse(&row.0).is_some()
        && is_realm(&row.1)
        && row.4.as_ref().is_none_or(is_digest)
        && is_digest(&row.10)
        && is_list(&row.11)
        && SessionDetails::from_json(row.12.as_deref()).is_some();
    let session = fuzzing::session(SessionRow::clone(row));
    assert_eq!(session.is_ok(), is_good);
    let Ok(session) = session else { return };
    let details = session.details.to_json();
    let read = SessionDetails::from_json(details.as_deref());
    assert_eq!(read.as_ref(), Some(&session.details));
    let digest = |digest: &countersign::session::store::TokenHash| digest.as_bytes().to_vec();
    let again: SessionRow = (
        session.id.to_string(),
        session.realm.to_string(),
        session.subject.clone(),
        session.label.clone(),
        session.binding.as_ref().map(digest),
        session.created_at,
        session.last_used_at,
        session.expires_at,
        session.absolute_expires_at,
        session.tokens_until,
        digest(&session.current),
        PreviousToken::list_to_bytes(&session.previous),
        // It can be written in several ways.
        row.12.clone(),
        session.data.clone(),
    );
    let (again, row) = (Row(Box::new(again)), Row(row.clone()));
    assert_eq!(again.halves().0, row.halves().0);
    assert_eq!(again.halves().1, row.halves().1);
}

fn check_batch(after: Option<(i64, i64)>, rows: &[EntryRow]) {
    let position = |(id, nonce): (i64, i64)| LogPosition::new(format!("{id}:{nonce}"));
    let place = |row: &EntryRow| (row.0, row.1);
    let batch = fuzzing::batch(after.map(position).as_ref(), rows.to_vec());
    let rest = match after {
        // The entry that was read last is gone.
        Some(after) if rows.first().map(place) != Some(after) => {
            return assert!(batch.is_ok_and(|batch| batch.is_none()));
        }
        Some(_) => &rows[1..],
        None => rows,
    };
    let read = &rest[..rest.len().min(1_000)];
    // Leaving one out would let a revoked token pass.
    let expected: Option<Vec<_>> = read.iter().map(entry).collect();
    assert_eq!(batch.is_ok(), expected.is_some());
    let Ok(batch) = batch else { return };
    let batch = batch.expect("the entry is there");
    assert_eq!(Some(batch.entries), expected);
    assert_eq!(batch.complete, rest.len() == read.len());
    let last = read.last().map(place).or(after).map(position);
    // Without an entry, it is a position from which everything will be read.
    let found = batch.position.expect("a position");
    match last {
        Some(last) => assert_eq!(found, last),
        None => assert_eq!(fuzzing::place(&found), None),
    }
}

/// Returns the entry of a row: no column is missing, and none has a value that its kind does not
/// use.
fn entry(row: &EntryRow) -> Option<RevocationEntry> {
    let (_, _, kind, of, name, before, until) = row.clone();
    let of = match of {
        Some(name) if !is_realm(&name) => return None,
        Some(name) => Some(Realm::new(name).ok()?),
        None => None,
    };
    let revoked = match kind {
        0 | 1 if of.is_some() || before.is_some() => return None,
        0 => Revoked::Token(name),
        1 => Revoked::Session(SessionId::parse(&name)?),
        2 => Revoked::Subject {
            realm: of?,
            subject: name,
            issued_before: before?,
        },
        3 => Revoked::Sessionless {
            realm: of?,
            subject: name,
            issued_before: before?,
        },
        4 => Revoked::Everyone {
            realm: of?,
            issued_before: before?,
        },
        _ => return None,
    };
    Some(RevocationEntry { revoked, until })
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
        for table in ["sessions", "revocations", "endings"] {
            self.empty_table(table).await;
        }
    }

    async fn empty_table(&self, table: &str) {
        let sql = format!("DELETE FROM countersign_{table}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Checks that a session is found as it was stored, and as it was replaced; and that once all
    /// have ended, no session from an earlier login is added.
    fn keep(&self, first: &AnySession, second: &AnySession, now: i64) {
        let (first, mut next) = (first.0.clone(), second.0.clone());
        let other = Realm::new("https://j.test").unwrap();
        self.runtime.block_on(async {
            self.empty().await;
            let begun = self.store.mark().await.unwrap();
            assert!(self.store.insert(&first, begun).await.unwrap());
            assert_eq!(
                self.store.find(&first.id).await.unwrap().as_ref(),
                Some(&first)
            );
            let listed = async |realm| {
                let listed = self.store.list(realm, &first.subject, now).await;
                listed.unwrap()
            };
            let expected = (first.expires_at > now).then_some(first.clone());
            assert_eq!(listed(&first.realm).await, Vec::from_iter(expected));
            if first.realm != other {
                assert_eq!(listed(&other).await, []);
                let ended = self.store.end_all(&other, &first.subject, now, now).await;
                assert_eq!(ended.unwrap(), []);
                self.empty_table("revocations").await;
            }

            // A rotation leaves these fields unchanged.
            next.id = first.id.clone();
            next.realm = first.realm.clone();
            next.subject = first.subject.clone();
            next.label = first.label.clone();
            next.binding = first.binding;
            next.created_at = first.created_at;
            next.absolute_expires_at = first.absolute_expires_at;
            next.details = first.details.clone();
            next.data = first.data.clone();
            if next.current != first.current {
                assert!(!self.store.rotate(&next.current, &next).await.unwrap());
            }
            assert!(self.store.rotate(&first.current, &next).await.unwrap());
            assert_eq!(
                self.store.find(&first.id).await.unwrap(),
                Some(next.clone())
            );

            let data = second.0.data.as_deref();
            let set = self.store.set_data(&first.id, next.data.as_deref(), data);
            assert!(set.await.unwrap());
            next.data = data.map(str::to_owned);
            let found = self.store.find(&first.id).await.unwrap();
            assert_eq!(found, Some(next.clone()));

            let ended = self.store.end_all(&first.realm, &first.subject, now, now);
            let session = EndedSession {
                id: first.id.clone(),
                tokens_until: next.tokens_until,
            };
            assert_eq!(ended.await.unwrap(), [session]);
            assert_eq!(self.store.find(&first.id).await.unwrap(), None);
            let logged = self.store.read(None).await.unwrap().entries;
            let revoked = [
                (Revoked::Session(first.id.clone()), next.tokens_until),
                (
                    Revoked::Sessionless {
                        realm: first.realm.clone(),
                        subject: first.subject.clone(),
                        issued_before: now,
                    },
                    now,
                ),
            ];
            let revoked = revoked.map(|(revoked, until)| RevocationEntry { revoked, until });
            assert_eq!(logged, revoked);

            assert!(!self.store.insert(&first, begun).await.unwrap());
            let begun = self.store.mark().await.unwrap();
            assert!(self.store.insert(&first, begun).await.unwrap());

            let given = RevocationEntry {
                revoked: Revoked::Session(first.id.clone()),
                until: now,
            };
            let ended = self.store.end(&first.id, Some(&given)).await.unwrap();
            let session = EndedSession {
                id: first.id.clone(),
                tokens_until: first.tokens_until,
            };
            let logged = self.store.read(None).await.unwrap().entries;
            assert_eq!(logged.last(), Some(&session.to_log(&given)));
            assert_eq!(ended, Some(session));
        });
    }

    /// Checks that entries are read as they were written, in order, from the start and from a
    /// position.
    fn append(&self, entries: &[RevocationEntry]) {
        let (first, then) = entries.split_at(entries.len() / 2);
        self.runtime.block_on(async {
            self.empty().await;
            self.store.append(first).await.unwrap();
            let batch = self.store.read(None).await.unwrap();
            assert_eq!(batch.entries, first);
            assert!(batch.complete);
            // A log with nothing new would wait.
            if then.is_empty() {
                return;
            }
            self.store.append(then).await.unwrap();
            let after = self.store.read(batch.position.as_ref()).await.unwrap();
            assert_eq!(after.entries, then);
            assert_eq!(self.store.read(None).await.unwrap().entries, entries);
        });
    }
}
