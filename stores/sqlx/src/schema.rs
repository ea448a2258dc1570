//! The tables, and how they come to their newest version.
//!
//! All steps are done in one transaction that only one node at a time can hold. Each ends by saying
//! to which version it led. It may only do what programs that know the version before it can live
//! with: they run on while it is done.

use crate::SetupError;

/// The version of the tables, if there are any.
pub(crate) const VERSION: &str = "SELECT version FROM countersign_schema";

/// The steps that lead from the version that was found to the newest one.
pub(crate) fn missing(
    steps: &'static [&'static str],
    found: i64,
) -> Result<&'static [&'static str], SetupError> {
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    usize::try_from(found)
        .ok()
        .and_then(|done| steps.get(done..))
        .ok_or(SetupError::NewerSchema { found, known })
}

/// PostgreSQL: the step from each version to the next. At version 0 there is nothing.
///
/// Text is compared and sorted byte by byte (`COLLATE "C"`): an index must not depend on the
/// languages that the operating system knows.
#[cfg(feature = "postgres")]
pub(crate) const POSTGRES: &[&str] = &[r#"
    CREATE TABLE countersign_schema (version BIGINT NOT NULL);
    INSERT INTO countersign_schema (version) VALUES (1);

    CREATE TABLE countersign_sessions (
        id TEXT COLLATE "C" PRIMARY KEY,
        subject TEXT COLLATE "C" NOT NULL,
        label TEXT,
        binding BYTEA,
        created_at BIGINT NOT NULL,
        last_used_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        absolute_expires_at BIGINT NOT NULL,
        current BYTEA NOT NULL,
        previous BYTEA,
        salt BYTEA
    );
    CREATE INDEX countersign_sessions_subject ON countersign_sessions (subject);
    CREATE INDEX countersign_sessions_expires_at ON countersign_sessions (expires_at);

    CREATE TABLE countersign_counter (last BIGINT NOT NULL);
    INSERT INTO countersign_counter (last) VALUES (0);

    CREATE TABLE countersign_revocations (
        id BIGINT PRIMARY KEY,
        kind SMALLINT NOT NULL,
        name TEXT NOT NULL,
        issued_before BIGINT,
        until BIGINT NOT NULL
    );
    CREATE INDEX countersign_revocations_until ON countersign_revocations (until);
"#];

/// SQLite: the same.
#[cfg(feature = "sqlite")]
pub(crate) const SQLITE: &[&str] = &["
    CREATE TABLE countersign_schema (version INTEGER NOT NULL) STRICT;
    INSERT INTO countersign_schema (version) VALUES (1);

    CREATE TABLE countersign_sessions (
        id TEXT PRIMARY KEY NOT NULL,
        subject TEXT NOT NULL,
        label TEXT,
        binding BLOB,
        created_at INTEGER NOT NULL,
        last_used_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        absolute_expires_at INTEGER NOT NULL,
        current BLOB NOT NULL,
        previous BLOB,
        salt BLOB
    ) STRICT;
    CREATE INDEX countersign_sessions_subject ON countersign_sessions (subject);
    CREATE INDEX countersign_sessions_expires_at ON countersign_sessions (expires_at);

    CREATE TABLE countersign_counter (last INTEGER NOT NULL) STRICT;
    INSERT INTO countersign_counter (last) VALUES (0);

    CREATE TABLE countersign_revocations (
        id INTEGER PRIMARY KEY NOT NULL,
        kind INTEGER NOT NULL,
        name TEXT NOT NULL,
        issued_before INTEGER,
        until INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX countersign_revocations_until ON countersign_revocations (until);
"];
