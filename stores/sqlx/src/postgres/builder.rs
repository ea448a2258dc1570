//! Opening a store, and making its tables.

use std::io;

use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
    query_as, query_scalar, raw_sql,
};

use crate::{
    PostgresStore, SetupError,
    postgres::sql,
    prefix::TablePrefix,
    schema::{self, Step},
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
    /// What the names of all tables and indices begin with: by default `countersign_`. Stores of
    /// other prefixes share nothing.
    ///
    /// 1 to 40 lower-case ASCII letters, digits and underscores, of which the first is a letter. Another way
    /// to keep apps apart is a schema for each, by the `search_path` of its role.
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
        // The pool would keep to itself why it cannot connect.
        let connecting = tokio::time::timeout(Settings::default().timeout, options.connect());
        let mut connection = connecting
            .await
            .map_err(|_| sqlx::Error::Io(io::ErrorKind::TimedOut.into()))??;
        migrate(&mut connection, &tables).await?;
        connection.close().await?;
        let pool = PgPoolOptions::new()
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(options);
        Ok(PostgresStore::new(pool, tables))
    }

    /// Uses these connections. The tables must be there: see [`migrate`](Self::migrate).
    ///
    /// Give it a pool of its own, to the primary server, whose sessions have the isolation level
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
        // Taken out of the pool: given up half way, it must not go back with an open transaction.
        let mut connection = pool.acquire().await?.detach();
        migrate(&mut connection, &tables).await?;
        Ok(connection.close().await?)
    }

    fn tables(&self) -> Result<TablePrefix, SetupError> {
        match &self.prefix {
            Some(prefix) => TablePrefix::new(prefix),
            None => Ok(TablePrefix::default()),
        }
    }
}

async fn migrate(connection: &mut PgConnection, tables: &TablePrefix) -> Result<(), SetupError> {
    let mut transaction = connection
        .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED")
        .await?;
    raw_sql(sql::LOCK_SCHEMA).execute(&mut *transaction).await?;
    let exists = query_scalar(tables.sql(sql::HAS_SCHEMA))
        .fetch_one(&mut *transaction)
        .await?;
    let found = match exists {
        true => {
            let version = query_scalar(tables.sql(schema::VERSION));
            Some(version.fetch_one(&mut *transaction).await?)
        }
        false => None,
    };
    match schema::step(found)? {
        Step::Create => {}
        Step::Replace => {
            raw_sql(tables.sql(sql::LOCK_TABLES))
                .execute(&mut *transaction)
                .await?;
            let live = query_as(tables.sql(sql::LIVE))
                .fetch_one(&mut *transaction)
                .await?;
            schema::check_expired(live, tables)?;
            raw_sql(tables.sql(schema::DROP))
                .execute(&mut *transaction)
                .await?;
        }
        Step::Nothing => return Ok(transaction.commit().await?),
    }
    raw_sql(tables.sql(schema::POSTGRES))
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}
