//! Ways into private parsers, for the targets in `fuzz/`. Only there with `--cfg fuzzing`, which
//! `cargo fuzz` sets, and no part of the API.

use countersign::{LogBatch, LogPosition, StoredSession};

use crate::{log, rows};

/// The columns of a session.
pub type SessionRow = (
    String,
    String,
    Option<String>,
    Option<Vec<u8>>,
    i64,
    i64,
    i64,
    i64,
    Vec<u8>,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
);

/// The columns of an entry of the log.
pub type EntryRow = (i64, i16, String, Option<i64>, i64);

/// Reads a session.
pub fn session(row: SessionRow) -> sqlx::Result<StoredSession> {
    rows::session(row)
}

/// Reads entries of the log, of which `last` was the last one to be numbered.
pub fn batch(rows: Vec<EntryRow>, last: i64) -> sqlx::Result<LogBatch> {
    log::batch(rows, last)
}

/// The number after which to read.
pub fn start(after: Option<&LogPosition>, last: i64) -> i64 {
    log::start(after, last)
}
