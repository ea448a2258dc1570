//! Ways into private parsers, for the targets in `fuzz/`. Only there with `--cfg fuzzing`, which
//! `cargo fuzz` sets, and no part of the API.

use countersign::{
    revocation::{LogBatch, LogPosition},
    session::store::StoredSession,
};

use crate::{
    log::{self, Place},
    rows,
};

/// The columns of a session.
pub type SessionRow = (
    String,
    String,
    String,
    Option<String>,
    Option<Vec<u8>>,
    i64,
    i64,
    i64,
    i64,
    i64,
    Vec<u8>,
    Vec<u8>,
    Option<String>,
    Option<String>,
);

/// The columns of an entry of the log.
pub type EntryRow = (i64, i64, i16, Option<String>, String, Option<i64>, i64);

/// Reads a session.
pub fn session(row: SessionRow) -> sqlx::Result<StoredSession> {
    rows::session(row)
}

/// Reads the entries that were found from a position on, or from the start where it is none of this
/// log. `None` when the entry there is another.
pub fn batch(after: Option<&LogPosition>, rows: Vec<EntryRow>) -> sqlx::Result<Option<LogBatch>> {
    match Place::of(after) {
        Some(place) => log::batch_after(place, rows),
        None => log::batch_at_start(rows).map(Some),
    }
}

/// Reads the number of the entry at a position.
pub fn place(position: &LogPosition) -> Option<i64> {
    Place::of(Some(position)).map(|place| place.id)
}
