//! The tables, and how they come to their newest version.
//!
//! All is done in one transaction that only one node at a time can hold.
//!
//! In version 1, sessions and revocations had no realm, and refresh tokens were computed in another
//! way. Nothing of it can be carried over, so its tables are replaced when all in them has expired, and
//! refused before.

use crate::{SetupError, prefix::TablePrefix};

/// The version of the tables, if there are any.
pub(crate) const VERSION: &str = "SELECT version FROM @schema";

/// The version that this crate knows.
const KNOWN: i64 = 2;

/// What has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// There are no tables yet.
    Create,
    /// There are tables of version 1.
    Replace,
    /// All is done.
    Nothing,
}

/// What leads from the version that was found, if any, to the newest one.
pub(crate) fn step(found: Option<i64>) -> Result<Step, SetupError> {
    match found {
        None => Ok(Step::Create),
        Some(1) => Ok(Step::Replace),
        Some(KNOWN) => Ok(Step::Nothing),
        Some(found) => Err(SetupError::NewerSchema {
            found,
            known: KNOWN,
        }),
    }
}

/// Refuses to replace tables in which this much has not expired.
pub(crate) fn check_expired(
    (sessions, revocations): (i64, i64),
    tables: &TablePrefix,
) -> Result<(), SetupError> {
    if (sessions, revocations) == (0, 0) {
        return Ok(());
    }
    Err(SetupError::EarlierSchema {
        sessions,
        revocations,
        sessions_table: tables.name("@sessions"),
        revocations_table: tables.name("@revocations"),
    })
}

/// Removes the tables of version 1.
pub(crate) const DROP: &str = "
    DROP TABLE @sessions;
    DROP TABLE @revocations;
    DROP TABLE @counter;
    DROP TABLE @schema;
";

/// PostgreSQL: makes the tables.
///
/// Text is compared and sorted byte by byte (`COLLATE "C"`): an index must not depend on the
/// languages that the operating system knows.
#[cfg(feature = "postgres")]
pub(crate) const POSTGRES: &str = r#"
    CREATE TABLE @schema (version BIGINT NOT NULL);
    INSERT INTO @schema (version) VALUES (2);

    CREATE TABLE @sessions (
        id TEXT COLLATE "C" PRIMARY KEY,
        realm TEXT COLLATE "C" NOT NULL,
        subject TEXT COLLATE "C" NOT NULL,
        label TEXT,
        binding BYTEA,
        created_at BIGINT NOT NULL,
        last_used_at BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        absolute_expires_at BIGINT NOT NULL,
        tokens_until BIGINT NOT NULL,
        current BYTEA NOT NULL,
        previous BYTEA NOT NULL
    );
    CREATE INDEX @sessions_subject ON @sessions (realm, subject);
    CREATE INDEX @sessions_expires_at ON @sessions (expires_at);

    CREATE TABLE @counter (last BIGINT NOT NULL);
    INSERT INTO @counter (last) VALUES (0);

    CREATE TABLE @endings (
        realm TEXT COLLATE "C" NOT NULL,
        subject TEXT COLLATE "C" NOT NULL,
        number BIGINT NOT NULL,
        ended_at BIGINT NOT NULL,
        PRIMARY KEY (realm, subject)
    );
    CREATE INDEX @endings_ended_at ON @endings (ended_at);

    CREATE TABLE @revocations (
        id BIGINT PRIMARY KEY,
        nonce BIGINT NOT NULL DEFAULT floor(random() * 9007199254740992),
        kind SMALLINT NOT NULL,
        realm TEXT,
        name TEXT NOT NULL,
        issued_before BIGINT,
        until BIGINT NOT NULL
    );
    CREATE INDEX @revocations_until ON @revocations (until);
"#;

/// SQLite: the same.
#[cfg(feature = "sqlite")]
pub(crate) const SQLITE: &str = "
    CREATE TABLE @schema (version INTEGER NOT NULL) STRICT;
    INSERT INTO @schema (version) VALUES (2);

    CREATE TABLE @sessions (
        id TEXT PRIMARY KEY NOT NULL,
        realm TEXT NOT NULL,
        subject TEXT NOT NULL,
        label TEXT,
        binding BLOB,
        created_at INTEGER NOT NULL,
        last_used_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        absolute_expires_at INTEGER NOT NULL,
        tokens_until INTEGER NOT NULL,
        current BLOB NOT NULL,
        previous BLOB NOT NULL
    ) STRICT;
    CREATE INDEX @sessions_subject ON @sessions (realm, subject);
    CREATE INDEX @sessions_expires_at ON @sessions (expires_at);

    CREATE TABLE @counter (last INTEGER NOT NULL) STRICT;
    INSERT INTO @counter (last) VALUES (0);

    CREATE TABLE @endings (
        realm TEXT NOT NULL,
        subject TEXT NOT NULL,
        number INTEGER NOT NULL,
        ended_at INTEGER NOT NULL,
        PRIMARY KEY (realm, subject)
    ) STRICT;
    CREATE INDEX @endings_ended_at ON @endings (ended_at);

    CREATE TABLE @revocations (
        id INTEGER PRIMARY KEY NOT NULL,
        nonce INTEGER NOT NULL DEFAULT (random()),
        kind INTEGER NOT NULL,
        realm TEXT,
        name TEXT NOT NULL,
        issued_before INTEGER,
        until INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX @revocations_until ON @revocations (until);
";
