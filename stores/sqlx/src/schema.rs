//! The tables, their versions, and the migration to the newest one.
//!
//! The tables say which version they have, and from which version on programs can use them
//! (`compatible_from`). A program of version 3 works with tables of version 4 that are compatible from 3, so a
//! migration is one step and the new programs are another, and going back to the old programs is none. Tables without
//! that column are for programs of their own version.
//!
//! Each migration is safe beside programs of the version before. It is one transaction, only one node at a time
//! can be in it, and it does not make others wait: what cannot have its lock within a second comes again.
//!
//! Version 6 adds the table of used proofs, which earlier programs do not know.
//!
//! Version 5 adds the table of API keys, which earlier programs do not know.
//!
//! Version 4 adds the tables of sealed rings and of the epoch, which programs of versions 2 and 3 do not know.
//!
//! Version 3 adds columns to the sessions of version 2, which go on: rows without a value in them have the
//! defaults, and programs of version 2 that still run read and write the rest as before.
//!
//! In version 1, sessions and revocations had no realm, and refresh tokens were computed in another
//! way. Nothing of it can be carried over, so its tables are replaced when everything in them has expired,
//! and refused before.

use std::time::Duration;

use sqlx::{
    ColumnIndex, Connection, Database, Decode, Executor, IntoArguments, Type, error::DatabaseError,
    query_as, query_scalar, raw_sql,
};

use crate::{SetupError, prefix::TablePrefix};

/// The version of the tables that this crate makes, and needs.
const KNOWN: i64 = 6;

/// The version of the tables that there are, and the first one whose programs can use them.
type Versions = (i64, i64);

/// The statements of a migration that depend on the database.
#[derive(Clone, Copy)]
pub(crate) struct Statements {
    pub(crate) begin: &'static str,
    /// Keeps others from migrating at the same time.
    pub(crate) lock: &'static str,
    /// Returns whether there are tables.
    pub(crate) exists: &'static str,
    /// Returns whether the tables say which programs can use them.
    pub(crate) has_range: &'static str,
    /// Keeps programs of the version before from adding anything more.
    pub(crate) lock_tables: &'static str,
    /// Counts the sessions and revocations of version 1 that have not expired.
    pub(crate) live: &'static str,
    /// Makes the tables of version 3.
    pub(crate) create: &'static str,
    /// Makes the table of sealed rings, which is new in version 4.
    pub(crate) add_rings: &'static str,
    /// Makes the table of the epoch, which is new in version 4.
    pub(crate) add_epoch: &'static str,
    /// Makes the table of API keys, which is new in version 5.
    pub(crate) add_api_keys: &'static str,
    /// Makes the table of used proofs, which is new in version 6.
    pub(crate) add_proofs: &'static str,
}

/// Brings the tables to their newest version. Those of a later one stay as they are.
pub(crate) async fn migrate<C>(
    connection: &mut C,
    statements: Statements,
    tables: TablePrefix,
) -> Result<(), SetupError>
where
    C: Connection<Database: Database<Arguments: IntoArguments<C::Database>, Connection = C>>,
    for<'c> &'c mut C: Executor<'c, Database = C::Database>,
    for<'r> bool: Decode<'r, C::Database> + Type<C::Database>,
    for<'r> i64: Decode<'r, C::Database> + Type<C::Database>,
    usize: ColumnIndex<<C::Database as Database>::Row>,
{
    let mut tries = 1;
    loop {
        match migrate_once(connection, statements, tables.clone()).await {
            Err(SetupError::Database(error)) if is_locked(&error) && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(REST).await;
            }
            done => return done,
        }
    }
}

/// Migrates, if all locks are to be had soon.
async fn migrate_once<C>(
    connection: &mut C,
    statements: Statements,
    tables: TablePrefix,
) -> Result<(), SetupError>
where
    C: Connection<Database: Database<Arguments: IntoArguments<C::Database>, Connection = C>>,
    for<'c> &'c mut C: Executor<'c, Database = C::Database>,
    for<'r> bool: Decode<'r, C::Database> + Type<C::Database>,
    for<'r> i64: Decode<'r, C::Database> + Type<C::Database>,
    usize: ColumnIndex<<C::Database as Database>::Row>,
{
    // All at once: a borrow across an `await` would keep the compiler from seeing that this is `Send`.
    let sql = |statement| tables.sql(statement);
    let [begin, lock, drop, create] =
        [statements.begin, statements.lock, DROP, statements.create].map(sql);
    let [has_range, add_range, extend] = [statements.has_range, ADD_RANGE, EXTEND].map(sql);
    let [lock_tables, live] = [statements.lock_tables, statements.live].map(sql);
    let [add_rings, add_epoch] = [statements.add_rings, statements.add_epoch].map(sql);
    let [add_api_keys, add_proofs] = [statements.add_api_keys, statements.add_proofs].map(sql);
    let is_version_6 = sql(IS_VERSION_6);

    let mut transaction = connection.begin_with(begin).await?;
    raw_sql(lock).execute(&mut *transaction).await?;
    let found = versions(&mut *transaction, statements, tables.clone()).await?;
    match found {
        None => {
            raw_sql(create).execute(&mut *transaction).await?;
        }
        Some((1, _)) => {
            raw_sql(lock_tables).execute(&mut *transaction).await?;
            let live = query_as(live).fetch_one(&mut *transaction).await?;
            check_expired(live, &tables)?;
            raw_sql(drop).execute(&mut *transaction).await?;
            raw_sql(create).execute(&mut *transaction).await?;
        }
        Some((before @ (2 | 3), _)) => {
            if !query_scalar(has_range).fetch_one(&mut *transaction).await? {
                raw_sql(add_range).execute(&mut *transaction).await?;
            }
            if before == 2 {
                raw_sql(extend).execute(&mut *transaction).await?;
            }
        }
        Some((4 | 5, _)) => {}
        Some(found) => {
            check_versions(found)?;
            return Ok(transaction.commit().await?);
        }
    }
    // Version 3 it is by now, or 4, or 5.
    if !matches!(found, Some((4 | 5, _))) {
        for statement in [add_rings, add_epoch] {
            raw_sql(statement).execute(&mut *transaction).await?;
        }
    }
    if !matches!(found, Some((5, _))) {
        raw_sql(add_api_keys).execute(&mut *transaction).await?;
    }
    for statement in [add_proofs, is_version_6] {
        raw_sql(statement).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

/// Checks that this program can use the tables, and changes nothing.
pub(crate) async fn check<C>(
    connection: &mut C,
    statements: Statements,
    tables: TablePrefix,
) -> Result<(), SetupError>
where
    C: Connection<Database: Database<Arguments: IntoArguments<C::Database>, Connection = C>>,
    for<'c> &'c mut C: Executor<'c, Database = C::Database>,
    for<'r> bool: Decode<'r, C::Database> + Type<C::Database>,
    for<'r> i64: Decode<'r, C::Database> + Type<C::Database>,
    usize: ColumnIndex<<C::Database as Database>::Row>,
{
    let found = versions(connection, statements, tables).await?;
    check_versions(found.ok_or(SetupError::MissingTables)?)
}

/// Reads the versions; `None` where there are no tables.
async fn versions<C>(
    connection: &mut C,
    statements: Statements,
    tables: TablePrefix,
) -> Result<Option<Versions>, SetupError>
where
    C: Connection<Database: Database<Arguments: IntoArguments<C::Database>, Connection = C>>,
    for<'c> &'c mut C: Executor<'c, Database = C::Database>,
    for<'r> bool: Decode<'r, C::Database> + Type<C::Database>,
    for<'r> i64: Decode<'r, C::Database> + Type<C::Database>,
    usize: ColumnIndex<<C::Database as Database>::Row>,
{
    let sql = |statement| tables.sql(statement);
    let [exists, has_range] = [statements.exists, statements.has_range].map(sql);
    let [range, version] = [RANGE, VERSION].map(sql);
    if !query_scalar(exists).fetch_one(&mut *connection).await? {
        return Ok(None);
    }
    let versions = match query_scalar(has_range).fetch_one(&mut *connection).await? {
        true => range,
        false => version,
    };
    Ok(Some(query_as(versions).fetch_one(connection).await?))
}

fn check_versions((found, compatible_from): Versions) -> Result<(), SetupError> {
    let known = KNOWN;
    if found < known {
        return Err(SetupError::OlderSchema { found, known });
    }
    if compatible_from > known {
        return Err(SetupError::NewerSchema { found, known });
    }
    Ok(())
}

/// `lock_not_available` (PostgreSQL, appendix A).
fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code == "55P03")
}

/// With the time that each waits for a lock, a minute or two.
const TRIES: u32 = 60;
/// The pause before the next try.
const REST: Duration = Duration::from_secs(1);

/// Refuses to replace tables in which this many sessions and revocations have not expired.
fn check_expired(
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
const DROP: &str = "
    DROP TABLE @sessions;
    DROP TABLE @revocations;
    DROP TABLE @counter;
    DROP TABLE @schema;
";

const RANGE: &str = "SELECT version, COALESCE(compatible_from, version) FROM @schema";
const VERSION: &str = "SELECT version, version FROM @schema";

/// Lets the tables say which programs can use them.
const ADD_RANGE: &str = "ALTER TABLE @schema ADD COLUMN compatible_from INTEGER";

/// Makes version 3 of version 2. Both databases note the new columns only, and touch no row.
const EXTEND: &str = "
    ALTER TABLE @sessions ADD COLUMN details TEXT;
    ALTER TABLE @sessions ADD COLUMN data TEXT;
    UPDATE @schema SET version = 3, compatible_from = 2;
";

/// Programs of versions 2 to 5 go on.
const IS_VERSION_6: &str = "UPDATE @schema SET version = 6, compatible_from = 2";

/// PostgreSQL: makes the table of the epoch, of one row. Nobody has looked yet which it is.
#[cfg(feature = "postgres")]
pub(crate) const POSTGRES_EPOCH: &str = "
    CREATE TABLE @epoch (id TEXT, since BIGINT);
    INSERT INTO @epoch (id, since) VALUES (NULL, NULL);
";

/// SQLite: makes the table of the epoch, of one row.
#[cfg(feature = "sqlite")]
pub(crate) const SQLITE_EPOCH: &str = "
    CREATE TABLE @epoch (id TEXT, since INTEGER) STRICT;
    INSERT INTO @epoch (id, since) VALUES (NULL, NULL);
";

/// PostgreSQL: makes the tables of version 3.
///
/// Text is compared and sorted byte by byte (`COLLATE "C"`): an index must not depend on the
/// languages that the operating system knows.
#[cfg(feature = "postgres")]
pub(crate) const POSTGRES: &str = r#"
    CREATE TABLE @schema (version BIGINT NOT NULL, compatible_from BIGINT);
    INSERT INTO @schema (version, compatible_from) VALUES (3, 2);

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
        previous BYTEA NOT NULL,
        details TEXT,
        data TEXT
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

/// SQLite: makes the tables of version 3.
#[cfg(feature = "sqlite")]
pub(crate) const SQLITE: &str = "
    CREATE TABLE @schema (version INTEGER NOT NULL, compatible_from INTEGER) STRICT;
    INSERT INTO @schema (version, compatible_from) VALUES (3, 2);

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
        previous BLOB NOT NULL,
        details TEXT,
        data TEXT
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
