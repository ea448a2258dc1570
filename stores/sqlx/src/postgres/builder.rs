//! Opening a store, and making its tables.

use std::io;

use sqlx::{
    Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    PostgresStore, SetupError,
    opening::{Opening, Step},
    postgres::{pooler, sql},
    prefix::TablePrefix,
    schema,
    settings::{ACQUIRE, Settings},
};

/// The settings of a [`PostgresStore`] that have to be known before it opens.
///
/// # Examples
///
/// ```no_run
/// # async fn start() -> Result<(), countersign_sqlx::SetupError> {
/// use countersign_sqlx::PostgresStore;
///
/// let store = PostgresStore::builder()
///     .table_prefix("shop_")
///     .connect("postgres://app:secret@db.example/app")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct PostgresStoreBuilder {
    prefix: Option<String>,
    step: Step,
}

impl PostgresStoreBuilder {
    /// Sets the prefix of the names of all tables and indices: by default `countersign_`. Stores with
    /// different prefixes share nothing.
    ///
    /// 1 to 40 lower-case ASCII letters, digits and underscores, with a letter first. A schema for
    /// each app, by the `search_path` of its role, keeps apps apart too.
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Leaves the tables as they are: opening the store only checks that this program can use them, and fails
    /// where it cannot.
    ///
    /// For deployments in which one step [migrates](Self::migrate), with a role that owns the tables, before
    /// programs start with a role that does not. By default, a program that starts does both.
    pub fn without_migration(mut self) -> Self {
        self.step = Step::Check;
        self
    }

    /// Connects, and brings the tables to their newest version.
    ///
    /// At most ten connections are kept, and one more for the reader of the log. A statement that takes 5 seconds
    /// is cancelled by the server. For anything else, see [`with_pool`](Self::with_pool).
    ///
    /// # Errors
    ///
    /// [`SetupError`]: any but those of files.
    pub async fn connect(self, url: &str) -> Result<PostgresStore, SetupError> {
        let tables = self.tables()?;
        let options = options(url)?;
        // The pool would not report why it cannot connect.
        let connecting = tokio::time::timeout(Settings::default().timeout, pooler::check(&options));
        connecting
            .await
            .map_err(|_| sqlx::Error::Io(io::ErrorKind::TimedOut.into()))??;
        let mut connection = pooler::connect(&options).await?;
        open_on(self.step, &mut connection, tables.clone()).await?;
        connection.close().await?;
        Ok(PostgresStore::new(pool(options), tables, Opening::done()))
    }

    /// Makes a store that connects when it is first used, for a program that has to start while the database is
    /// away.
    ///
    /// Until the database is there, every call is an error, so that clients are answered with 503 and the program
    /// is not ready. The first call that reaches it brings the tables to their newest version, or
    /// [checks](Self::without_migration) them; a replica that follows the log makes such calls all the time. Tables that this
    /// program cannot use are told once in the log, at `error`, and nothing is written to them. When they can be
    /// used, the next call does so.
    ///
    /// # Errors
    ///
    /// [`SetupError`] when the URL or the prefix cannot be used.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), countersign_sqlx::SetupError> {
    /// use countersign_sqlx::PostgresStore;
    ///
    /// let store = PostgresStore::builder().connect_lazy("postgres://app:secret@db.example/app")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_lazy(self, url: &str) -> Result<PostgresStore, SetupError> {
        let (pool, opening) = (pool(options(url)?), Opening::at_first_use(self.step));
        Ok(PostgresStore::new(pool, self.tables()?, opening))
    }

    /// Uses these connections, and one more for the reader of the log. The tables must be there: see
    /// [`migrate`](Self::migrate). The first call checks that this program can use them.
    ///
    /// Give it a pool of its own, to the primary server and not to a pooler in transaction mode, whose sessions have the isolation level
    /// READ COMMITTED, PostgreSQL's default, and a `statement_timeout`.
    ///
    /// # Errors
    ///
    /// [`SetupError::InvalidPrefix`].
    pub fn with_pool(self, pool: PgPool) -> Result<PostgresStore, SetupError> {
        let opening = Opening::at_first_use(Step::Check);
        Ok(PostgresStore::new(pool, self.tables()?, opening))
    }

    /// Brings the tables to their newest version, and leaves those of a later version that this program can use as
    /// they are. Several nodes may do so at once, and programs of the version before go on beside it.
    ///
    /// # Errors
    ///
    /// [`SetupError`]: any but those of files.
    pub async fn migrate(&self, pool: &PgPool) -> Result<(), SetupError> {
        open(Step::Migrate, pool, self.tables()?).await
    }

    fn tables(&self) -> Result<TablePrefix, SetupError> {
        TablePrefix::new(self.prefix.as_deref())
    }
}

/// Checks or migrates the tables, on a connection of its own.
pub(super) async fn open(step: Step, pool: &PgPool, tables: TablePrefix) -> Result<(), SetupError> {
    pooler::check(&pool.connect_options()).await?;
    // Taken out of the pool: if this is cancelled, it must not go back with an open transaction.
    let mut connection = pool.acquire().await?.detach();
    open_on(step, &mut connection, tables).await?;
    Ok(connection.close().await?)
}

async fn open_on(
    step: Step,
    connection: &mut PgConnection,
    tables: TablePrefix,
) -> Result<(), SetupError> {
    match step {
        Step::Check => schema::check(connection, sql::SCHEMA, tables).await,
        Step::Migrate => schema::migrate(connection, sql::SCHEMA, tables).await,
    }
}

fn options(url: &str) -> Result<PgConnectOptions, SetupError> {
    Ok(url.parse::<PgConnectOptions>()?.options([
        ("default_transaction_isolation", "read committed"),
        ("statement_timeout", "5s"),
    ]))
}

fn pool(options: PgConnectOptions) -> PgPool {
    let pool = PgPoolOptions::new().acquire_timeout(ACQUIRE);
    pool.connect_lazy_with(options)
}
