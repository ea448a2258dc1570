//! Ways into private parsers, for the targets in `fuzz/`. Only there with `--cfg fuzzing`, which
//! `cargo fuzz` sets, and no part of the API.

use std::collections::HashMap;

use countersign::{RevocationEntry, SessionId, StoreError, StoredSession};

use crate::{log, row};

/// The values of a session's hash, in the order of its fields.
pub type Values = [Option<Vec<u8>>; 10];

/// Writes a session.
pub fn write(session: &StoredSession) -> Values {
    row::values(session)
}

/// Reads a session.
pub fn read(id: &SessionId, values: Values) -> Result<Option<StoredSession>, StoreError> {
    row::session(id, values)
}

/// Reads an entry of the log.
pub fn entry(fields: &HashMap<String, String>) -> Option<RevocationEntry> {
    log::read(fields)
}

/// Whether a position could be the id of an entry.
pub fn is_entry_id(text: &str) -> bool {
    log::is_entry_id(text)
}
