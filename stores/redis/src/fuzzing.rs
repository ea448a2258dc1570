//! Ways into private parsers, for the targets in `fuzz/`. Only there with `--cfg fuzzing`, which
//! `cargo fuzz` sets, and no part of the API.

use std::collections::HashMap;

use countersign::{
    revocation::RevocationEntry,
    session::{
        SessionId,
        store::{StoreError, StoredSession},
    },
};

use crate::{log, row, script::Args};

/// The values of a session's hash, in the order of its fields.
pub type Values = [Option<Vec<u8>>; 13];

/// Writes a session.
pub fn write(session: &StoredSession) -> Values {
    row::values(session)
}

/// Reads a session.
pub fn read(id: &SessionId, values: Values) -> Result<Option<StoredSession>, StoreError> {
    row::session(id, values)
}

/// Writes an entry of the log: kind, realm, value, before, until.
pub fn write_entry(entry: &RevocationEntry) -> Vec<Vec<u8>> {
    log::with_entry(Args::default(), entry).into_inner()
}

/// Reads an entry of the log.
pub fn entry(fields: &HashMap<String, String>) -> Option<RevocationEntry> {
    log::read(fields)
}

/// Reads the id of an entry.
pub fn number(id: &str) -> Option<u128> {
    log::number(id)
}

/// Writes the id of an entry.
pub fn id(number: u128) -> String {
    log::id(number)
}
