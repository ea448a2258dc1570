//! The error of a start-up.

use std::{io, path::PathBuf};

/// The reason why a store could not be opened, or its tables not be made.
///
/// It happens at start-up. Its text is for the operator, and contains no password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The database cannot be reached, or refuses what is asked of it.
    #[error("cannot use the database: {0}")]
    Database(sqlx::Error),
    /// The file cannot be made.
    #[error("cannot make the file {}: {cause}", path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        cause: io::Error,
    },
    /// The folder of the file does not exist.
    #[error("the folder of {} does not exist", .0.display())]
    MissingFolder(PathBuf),
    /// The tables were made by an earlier version of this crate, whose sessions belong to no realm. They
    /// are replaced when all in them has expired.
    #[error(
        "the tables are those of an earlier version, whose sessions belong to no realm and cannot be carried \
         over: {sessions} sessions and {revocations} revocations in them have not expired. Stop the programs \
         of that version. Then wait until all has expired, or log these users out with \
         `DELETE FROM {sessions_table}`, and wait for the revocations. (`DELETE FROM {revocations_table}` \
         makes the access tokens that are revoked there good again, until they expire.)"
    )]
    EarlierSchema {
        /// The number of sessions that have not expired.
        sessions: i64,
        /// The number of revocations that still count.
        revocations: i64,
        /// The table with the sessions.
        sessions_table: String,
        /// The table with the revocations.
        revocations_table: String,
    },
    /// The [table prefix](crate) cannot be used.
    #[error(
        "a table prefix is 1 to 40 lower-case ASCII letters, digits and underscores, and begins with a letter"
    )]
    InvalidPrefix,
    /// There are no tables, and this program was told not to make any.
    #[error(
        "there are no tables with this prefix. Make them with `migrate`, or by a program that may migrate"
    )]
    MissingTables,
    /// A connection pooler is in between that gives one connection to PostgreSQL to several clients, as PgBouncer
    /// does in transaction mode; or one that refuses the settings of a session.
    #[error(
        "a connection pooler in transaction mode is between this program and PostgreSQL, or one that refuses \
         settings of a session ({0}). Connect to PostgreSQL itself: the store has a pool of its own. Or set \
         `pool_mode = session` for this database, `ignore_startup_parameters = options,extra_float_digits`, and \
         the `statement_timeout` of 5 seconds by `ALTER ROLE`"
    )]
    Pooler(sqlx::Error),
    /// The tables are those of a version before, and this program was told not to migrate them.
    #[error(
        "the tables have version {found}, and this program needs version {known}. Migrate them with \
         `migrate`: programs of version {found} go on beside it"
    )]
    OlderSchema {
        /// The version of the tables.
        found: i64,
        /// The version that this crate knows.
        known: i64,
    },
    /// The tables were made by a newer version of this crate, and do not say that programs of this version can
    /// use them.
    #[error("the tables have version {found}, and this program knows version {known}")]
    NewerSchema {
        /// The version of the tables.
        found: i64,
        /// The newest version that this crate knows.
        known: i64,
    },
}

impl SetupError {
    /// Returns whether it lasts until somebody changes something, and not only as long as an outage.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(crate) fn is_lasting(&self) -> bool {
        !matches!(self, Self::Database(_))
    }
}

impl From<sqlx::Error> for SetupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}
