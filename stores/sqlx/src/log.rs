//! The revocation log as rows, for both databases.
//!
//! Entries are numbered by the one row of the counter, not by a sequence: a writer locks that row until
//! its entries are there, so numbers appear in their order and a reader that has seen one will not find
//! a lower one later.
//!
//! A position is the number of the last entry that was read, and a random number that was written with it.
//! If another server answers, or a backup was restored, that entry is missing or has another random
//! number, and the log is read anew.

use std::{future::Future, time::Duration};

use countersign::{
    revocation::{LogBatch, LogPosition, RevocationEntry, Revoked},
    session::store::StoreError,
};

use crate::{
    rows::{realm, session_id, unreadable},
    settings::Settings,
};

/// Reads from an entry on.
pub(crate) const READ: &str = "
    SELECT id, nonce, kind, realm, name, issued_before, until
    FROM @revocations WHERE id >= $1 ORDER BY id LIMIT $2";

/// The most entries in a batch.
const BATCH: usize = 1_000;

/// The most rows that [`READ`] returns: the one that was read last, a batch, and one that shows that there
/// are more.
pub(crate) const LIMIT: i64 = 1_002;

/// The columns of [`READ`].
pub(crate) type EntryRow = (i64, i64, i16, Option<String>, String, Option<i64>, i64);

const TOKEN: i16 = 0;
const SESSION: i16 = 1;
const SUBJECT: i16 = 2;
const SESSIONLESS: i16 = 3;
const EVERYONE: i16 = 4;

/// The delay of an error, so that a caller may ask again at once.
const PAUSE: Duration = Duration::from_millis(500);

/// Reads the log: looks once, and where there is nothing new, again after an interval.
pub(crate) async fn read<F>(
    after: Option<&LogPosition>,
    settings: Settings,
    look: impl Fn() -> F,
) -> Result<LogBatch, StoreError>
where
    F: Future<Output = Result<LogBatch, StoreError>>,
{
    let mut seen = look().await;
    if seen
        .as_ref()
        .is_ok_and(|seen| seen.position.as_ref() == after)
    {
        tokio::time::sleep(settings.poll).await;
        seen = look().await;
    }
    if seen.is_err() {
        tokio::time::sleep(PAUSE).await;
    }
    seen
}

/// The entry that was read last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) id: i64,
    nonce: i64,
}

impl Place {
    /// `None` for the start, and for what is no position of this log.
    pub(crate) fn of(position: Option<&LogPosition>) -> Option<Self> {
        let (id, nonce) = position?.as_str().split_once(':')?;
        Some(Self {
            id: id.parse().ok()?,
            nonce: nonce.parse().ok()?,
        })
    }

    fn position(self) -> LogPosition {
        LogPosition::new(format!("{}:{}", self.id, self.nonce))
    }
}

/// Makes a batch of the rows from `place` on. `None` when the entry there is not the one that was read.
pub(crate) fn batch_after(place: Place, mut rows: Vec<EntryRow>) -> sqlx::Result<Option<LogBatch>> {
    let found = rows.first().map(|(id, nonce, ..)| (*id, *nonce));
    if found != Some((place.id, place.nonce)) {
        return Ok(None);
    }
    rows.remove(0);
    batch(rows, place.position()).map(Some)
}

/// Makes a batch of the rows from the start on.
pub(crate) fn batch_at_start(rows: Vec<EntryRow>) -> sqlx::Result<LogBatch> {
    batch(rows, LogPosition::new(START))
}

/// The position before all entries.
const START: &str = "start";

fn batch(mut rows: Vec<EntryRow>, before: LogPosition) -> sqlx::Result<LogBatch> {
    let complete = rows.len() <= BATCH;
    rows.truncate(BATCH);
    let last = rows.last().map(|(id, nonce, ..)| Place {
        id: *id,
        nonce: *nonce,
    });
    Ok(LogBatch {
        complete,
        entries: rows.into_iter().map(entry).collect::<Result<_, _>>()?,
        position: Some(last.map_or(before, Place::position)),
    })
}

/// An entry as columns.
pub(crate) struct Columns<'e> {
    pub(crate) kind: i16,
    pub(crate) realm: Option<&'e str>,
    pub(crate) name: &'e str,
    pub(crate) issued_before: Option<i64>,
    pub(crate) until: i64,
}

impl<'e> From<&'e RevocationEntry> for Columns<'e> {
    fn from(entry: &'e RevocationEntry) -> Self {
        let (kind, of, name) = match &entry.revoked {
            Revoked::Everyone {
                realm,
                issued_before,
            } => (EVERYONE, Some((realm, issued_before)), ""),
            Revoked::Session(id) => (SESSION, None, id.as_str()),
            Revoked::Sessionless {
                realm,
                subject,
                issued_before,
            } => (SESSIONLESS, Some((realm, issued_before)), &**subject),
            Revoked::Subject {
                realm,
                subject,
                issued_before,
            } => (SUBJECT, Some((realm, issued_before)), &**subject),
            Revoked::Token(id) => (TOKEN, None, &**id),
        };
        Self {
            kind,
            realm: of.map(|(realm, _)| realm.as_str()),
            name,
            issued_before: of.map(|(_, issued_before)| *issued_before),
            until: entry.until,
        }
    }
}

fn entry((_, _, kind, of, name, issued_before, until): EntryRow) -> sqlx::Result<RevocationEntry> {
    let revoked = match (kind, of, issued_before) {
        (EVERYONE, Some(of), Some(issued_before)) => Revoked::Everyone {
            realm: realm(of)?,
            issued_before,
        },
        (SESSION, None, None) => Revoked::Session(session_id(&name)?),
        (SESSIONLESS, Some(of), Some(issued_before)) => Revoked::Sessionless {
            realm: realm(of)?,
            subject: name,
            issued_before,
        },
        (SUBJECT, Some(of), Some(issued_before)) => Revoked::Subject {
            realm: realm(of)?,
            subject: name,
            issued_before,
        },
        (TOKEN, None, None) => Revoked::Token(name),
        _ => return Err(unreadable("an entry of no known kind")),
    };
    Ok(RevocationEntry { revoked, until })
}
