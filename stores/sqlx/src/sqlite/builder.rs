//! Opening a store, and making its file and its tables.

use std::{
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool, raw_sql,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::Instant;

use crate::{
    SetupError, SqliteStore,
    opening::{Opening, Step},
    prefix::TablePrefix,
    schema,
    settings::ACQUIRE,
    sqlite::sql,
};

/// The settings of an [`SqliteStore`] that have to be known before it opens.
///
/// # Examples
///
/// ```no_run
/// # async fn start() -> Result<(), countersign_sqlx::SetupError> {
/// use countersign_sqlx::SqliteStore;
///
/// let store = SqliteStore::builder()
///     .table_prefix("shop_")
///     .open("/var/lib/app/app.db")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct SqliteStoreBuilder {
    prefix: Option<String>,
    step: Step,
}

impl SqliteStoreBuilder {
    /// Sets the prefix of the names of all tables and indices: by default `countersign_`. Stores with
    /// different prefixes share nothing.
    ///
    /// 1 to 40 lower-case ASCII letters, digits and underscores, with a letter first.
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Leaves the tables as they are: opening the store only checks that this program can use them, and fails
    /// where it cannot. By default, it brings them to their newest version.
    pub fn without_migration(mut self) -> Self {
        self.step = Step::Check;
        self
    }

    /// Opens the file, and brings the tables to their newest version.
    ///
    /// A new file can be read by its owner only (mode 0600 on Unix). It keeps a write-ahead log
    /// beside it, and a write is on the disk before it is answered.
    ///
    /// # Errors
    ///
    /// [`SetupError`]: any.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore, SetupError> {
        let tables = self.tables()?;
        let path = path.as_ref();
        let path = make_file(path).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => SetupError::MissingFolder(path.to_owned()),
            _ => SetupError::File {
                path: path.to_owned(),
                cause,
            },
        })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY)
            .synchronous(SqliteSynchronous::Full)
            // Where the system can tell the disk from its cache (macOS).
            .pragma("fullfsync", "ON");
        prepare(self.step, &options, &tables).await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            // The last one to be closed would lock others out while it clears up.
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        Ok(SqliteStore::new(pool, tables, Opening::done()))
    }

    /// Uses these connections, and one more for the reader of the log. The tables must be there: see
    /// [`migrate`](Self::migrate). The first call checks that this program can use them.
    ///
    /// They need a busy timeout, and sqlx sets one of 5 seconds. They should use a write-ahead log,
    /// and `synchronous` should be `FULL`. A database in memory ends with its last connection.
    ///
    /// # Errors
    ///
    /// [`SetupError::InvalidPrefix`].
    pub fn with_pool(self, pool: SqlitePool) -> Result<SqliteStore, SetupError> {
        let opening = Opening::at_first_use(Step::Check);
        Ok(SqliteStore::new(pool, self.tables()?, opening))
    }

    /// Brings the tables to their newest version, and leaves those of a later version that this program can use as
    /// they are. Several programs may do so at once, and those of the version before go on beside it.
    ///
    /// # Errors
    ///
    /// [`SetupError`]: any but those of files.
    pub async fn migrate(&self, pool: &SqlitePool) -> Result<(), SetupError> {
        let tables = self.tables()?;
        schema::migrate(&mut *pool.acquire().await?, sql::SCHEMA, tables.clone()).await
    }

    fn tables(&self) -> Result<TablePrefix, SetupError> {
        TablePrefix::new(self.prefix.as_deref())
    }
}

/// Makes the file, if there is none, for its owner only. SQLite gives the files that it keeps beside
/// it the same mode. The path is absolute, so that SQLite sees neither a URL nor `:memory:` in it.
fn make_file(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(path),
    }
}

/// Makes the file ready, also while others do the same: one that turns the write-ahead log on locks
/// them out, and SQLite does not wait for that as it waits for other locks.
async fn prepare(
    step: Step,
    options: &SqliteConnectOptions,
    tables: &TablePrefix,
) -> Result<(), SetupError> {
    let give_up = Instant::now() + BUSY;
    loop {
        match prepare_once(step, options, tables).await {
            Err(SetupError::Database(error)) if is_busy(&error) && Instant::now() < give_up => {
                tokio::time::sleep(AGAIN).await;
            }
            done => return done,
        }
    }
}

async fn prepare_once(
    step: Step,
    options: &SqliteConnectOptions,
    tables: &TablePrefix,
) -> Result<(), SetupError> {
    let mut connection = options.connect().await?;
    // Reads go on while there is a write. The file remembers it.
    raw_sql("PRAGMA journal_mode = WAL")
        .execute(&mut connection)
        .await?;
    open_on(step, &mut connection, tables.clone()).await?;
    Ok(connection.close().await?)
}

/// Checks or migrates the tables.
pub(super) async fn open_on(
    step: Step,
    connection: &mut SqliteConnection,
    tables: TablePrefix,
) -> Result<(), SetupError> {
    match step {
        Step::Check => schema::check(connection, sql::SCHEMA, tables).await,
        Step::Migrate => schema::migrate(connection, sql::SCHEMA, tables).await,
    }
}

/// `SQLITE_BUSY`. What stands above the lower eight bits says why.
fn is_busy(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else {
        return false;
    };
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// The time for which SQLite asks again while another program writes.
const BUSY: Duration = Duration::from_secs(5);

/// The pause before asking again where SQLite does not.
const AGAIN: Duration = Duration::from_millis(20);

/// Each has a thread.
const CONNECTIONS: u32 = 4;
