//! What can be wrong at start-up.

use std::{io, path::PathBuf};

/// Why a store could not be opened, or its tables not be made.
///
/// It happens at start-up. Its text is for the operator, and holds no password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The database cannot be reached, or refuses what is asked of it.
    #[error("cannot use the database: {0}")]
    Database(sqlx::Error),
    /// The file cannot be made.
    #[error("cannot make the file {}: {cause}", path.display())]
    File {
        /// Where it would be.
        path: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// The folder of the file does not exist.
    #[error("the folder of {} does not exist", .0.display())]
    MissingFolder(PathBuf),
    /// The tables were made by a newer version of this crate.
    #[error("the tables have version {found}, and this program knows version {known}")]
    NewerSchema {
        /// The version of the tables.
        found: i64,
        /// The newest version that this crate knows.
        known: i64,
    },
}

impl From<sqlx::Error> for SetupError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}
