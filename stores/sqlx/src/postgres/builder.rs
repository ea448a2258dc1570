//! Opening a store, and making its tables.

use std::io;

use sqlx::{
    Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{
    PostgresStore, SetupError,
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

    /// Connects, and brings the tables to their newest version.
    ///
    /// At most ten connections are kept. A statement that takes 5 seconds is cancelled by the
    /// server. For anything else, see [`with_pool`](Self::with_pool).
    ///
    /// # Errors
    ///
    /// [`SetupError`]: any but those of files.
    pub async fn connect(self, url: &str) -> Result<PostgresStore, SetupError> {
        let tables = self.tables()?;
        let options = url.parse::<PgConnectOptions>()?.options([
            ("default_transaction_isolation", "read committed"),
            ("statement_timeout", "5s"),
        ]);
        // The pool would not report why it cannot connect.
        let connecting = tokio::time::timeout(Settings::default().timeout, pooler::check(&options));
        connecting
            .await
            .map_err(|_| sqlx::Error::Io(io::ErrorKind::TimedOut.into()))??;
        let mut connection = pooler::connect(&options).await?;
        schema::migrate(&mut connection, sql::SCHEMA, tables.clone()).await?;
        connection.close().await?;
        let pool = PgPoolOptions::new()
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(options);
        Ok(PostgresStore::new(pool, tables))
    }

    /// Uses these connections. The tables must be there: see [`migrate`](Self::migrate).
    ///
    /// Give it a pool of its own, to the primary server and not to a pooler in transaction mode, whose sessions have the isolation level
    /// READ COMMITTED, PostgreSQL's default, and a `statement_timeout`.
    ///
    /// # Errors
    ///
    /// [`SetupError::InvalidPrefix`].
    pub fn with_pool(self, pool: PgPool) -> Result<PostgresStore, SetupError> {
        Ok(PostgresStore::new(pool, self.tables()?))
    }

    /// Brings the tables to their newest version. Several nodes may do so at once.
    ///
    /// # Errors
    ///
    /// [`SetupError`]: any but those of files.
    pub async fn migrate(&self, pool: &PgPool) -> Result<(), SetupError> {
        let tables = self.tables()?;
        pooler::check(&pool.connect_options()).await?;
        // Taken out of the pool: if this is cancelled, it must not go back with an open transaction.
        let mut connection = pool.acquire().await?.detach();
        schema::migrate(&mut connection, sql::SCHEMA, tables.clone()).await?;
        Ok(connection.close().await?)
    }

    fn tables(&self) -> Result<TablePrefix, SetupError> {
        TablePrefix::new(self.prefix.as_deref())
    }
}
