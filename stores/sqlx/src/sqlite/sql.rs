//! The statements that only SQLite understands, or that suffice where one writes at a time.

use crate::{
    api_keys, proofs, rings,
    schema::{SQLITE, SQLITE_EPOCH, Statements},
};

/// As a writer from the start. One that reads first may find that another has written in between, and
/// would have to give up.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";

pub(super) const SCHEMA: Statements = Statements {
    begin: BEGIN,
    // One writes at a time.
    lock: "",
    exists: "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '@schema')",
    has_range: "SELECT EXISTS (
        SELECT 1 FROM pragma_table_info('@schema') WHERE name = 'compatible_from'
    )",
    lock_tables: "",
    live: "SELECT (SELECT count(*) FROM @sessions WHERE expires_at > unixepoch()),
        (SELECT count(*) FROM @revocations WHERE until >= unixepoch())",
    create: SQLITE,
    add_api_keys: api_keys::SQLITE,
    add_proofs: proofs::SQLITE,
    add_rings: rings::SQLITE,
    add_epoch: SQLITE_EPOCH,
};

/// The highest number that was given.
pub(super) const LAST: &str = "SELECT last FROM @counter";

pub(super) const PLACE: &str = "UPDATE @counter SET last = last + 1 RETURNING last";

/// Records that all sessions of the subject end now, in the order of events.
pub(super) const REMEMBER: &str = "
    INSERT INTO @endings (realm, subject, number, ended_at)
    VALUES ($1, $2, $3, unixepoch())
    ON CONFLICT (realm, subject)
    DO UPDATE SET number = excluded.number, ended_at = excluded.ended_at";

pub(super) const SET_DATA: &str = "UPDATE @sessions SET data = $3 WHERE id = $1 AND data IS $2";

pub(super) const END_ALL: &str =
    "DELETE FROM @sessions WHERE realm = $1 AND subject = $2 RETURNING id, tokens_until";

/// Ends some sessions of the realm that began before a time.
pub(super) const END_BEGUN_BEFORE: &str = "
    DELETE FROM @sessions WHERE id IN (
        SELECT id FROM @sessions WHERE realm = $1 AND created_at < $2 LIMIT $3
    ) RETURNING id, tokens_until";

/// The name of every epoch: a file has no history of its own.
pub(super) const EPOCH_ID: &str = "file";

/// Begins another epoch, if somebody has said that data was restored.
pub(super) const NEXT_EPOCH: &str = "
    UPDATE @epoch SET id = $1, since = CASE WHEN id IS NULL THEN NULL ELSE unixepoch() END
    WHERE id IS NOT $1";

pub(super) const ENTRY: &str = "
    INSERT INTO @revocations (id, kind, realm, name, issued_before, until)
    VALUES ($1, $2, $3, $4, $5, $6)";

// A sweep goes by the clock of the caller and by that of the machine, whichever is behind.

pub(super) const SWEEP_SESSIONS: &str = "
    DELETE FROM @sessions WHERE id IN (
        SELECT id FROM @sessions WHERE expires_at <= min($1, unixepoch()) LIMIT $2
    )";

/// The newest entry stays: those who have read it need it to know where they are.
pub(super) const SWEEP_REVOCATIONS: &str = "
    DELETE FROM @revocations WHERE id IN (
        SELECT id FROM @revocations
        WHERE until < min($1, unixepoch()) AND id < (SELECT max(id) FROM @revocations)
        LIMIT $2
    )";

/// Two hours: no login takes longer than one.
pub(super) const SWEEP_ENDINGS: &str = "
    DELETE FROM @endings WHERE rowid IN (
        SELECT rowid FROM @endings WHERE ended_at < min($1, unixepoch() - 7200) LIMIT $2
    )";
