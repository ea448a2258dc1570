//! The revocation log as rows, and how it is read. The same for both databases.
//!
//! Entries are numbered by the one row of `countersign_counter`, not by a sequence: whoever adds
//! entries holds that row until they are there, so numbers appear in their order and a reader that
//! has seen one will not find a lower one later. The row also remembers the last number when all
//! entries are swept.

use std::{future::Future, time::Duration};

use countersign::{LogBatch, LogPosition, RevocationEntry, Revoked, StoreError};

use crate::{
    rows::{session_id, unreadable},
    settings::Settings,
};

pub(crate) const READ: &str = "
    SELECT id, kind, name, issued_before, until
    FROM countersign_revocations WHERE id > $1 ORDER BY id LIMIT $2";

/// How many entries are read at once.
pub(crate) const BATCH: i64 = 1_000;

/// The columns of [`READ`].
pub(crate) type EntryRow = (i64, i16, String, Option<i64>, i64);

pub(crate) const TOKEN: i16 = 0;
pub(crate) const SESSION: i16 = 1;
pub(crate) const SUBJECT: i16 = 2;

/// How long an error is held back, so that a caller may ask again at once.
const PAUSE: Duration = Duration::from_millis(500);

/// Reads the log by looking at it twice, with one interval in between, if there is nothing new.
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

/// The number after which to read, when `last` is the last one that was ever given.
///
/// A position that lies ahead of it is from before a backup was restored: the numbers after `last`
/// are given a second time, so it says nothing, and all is read again.
pub(crate) fn start(after: Option<&LogPosition>, last: i64) -> i64 {
    let after = after.and_then(|position| position.as_str().parse().ok());
    after.filter(|after| *after <= last).unwrap_or(0)
}

/// A batch of what was found after [`start`]. `last` was read before.
pub(crate) fn batch(rows: Vec<EntryRow>, last: i64) -> sqlx::Result<LogBatch> {
    // Without rows, all up to `last` has been read or swept. What came after that is yet to be read.
    let position = rows.last().map_or(last, |(id, ..)| *id);
    let is_full = i64::try_from(rows.len()).is_ok_and(|rows| rows >= BATCH);
    Ok(LogBatch {
        complete: position >= last || !is_full,
        entries: rows.into_iter().map(entry).collect::<Result<_, _>>()?,
        position: Some(LogPosition::new(position.to_string())),
    })
}

/// The columns `kind`, `name` and `issued_before` of an entry.
pub(crate) fn columns(entry: &RevocationEntry) -> (i16, &str, Option<i64>) {
    match &entry.revoked {
        Revoked::Session(id) => (SESSION, id.as_str(), None),
        Revoked::Subject {
            subject,
            issued_before,
        } => (SUBJECT, subject, Some(*issued_before)),
        Revoked::Token(id) => (TOKEN, id, None),
    }
}

fn entry((_, kind, name, issued_before, until): EntryRow) -> sqlx::Result<RevocationEntry> {
    let revoked = match (kind, issued_before) {
        (SESSION, None) => Revoked::Session(session_id(&name)?),
        (SUBJECT, Some(issued_before)) => Revoked::Subject {
            subject: name,
            issued_before,
        },
        (TOKEN, None) => Revoked::Token(name),
        _ => return Err(unreadable("an entry of no known kind")),
    };
    Ok(RevocationEntry { revoked, until })
}
