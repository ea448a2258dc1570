//! Used proofs in SQLite.

use std::{fmt, path::Path};

use countersign::{
    keys::BoxFuture,
    proof::{ReplayKey, ReplayStore},
    session::store::StoreError,
};
use sqlx::query;

use crate::{
    SetupError, SqliteStore, proofs,
    sweeper::{MARGIN, ROWS, Sweeper},
};

/// Used proofs in an SQLite file (RFC 9449 section 11.1). Its clones share the connections.
///
/// For all programs on one machine, and proofs that survive a restart. A proof is a row, and on the disk before the request goes on.
/// Now and then, an insert starts a sweep of rows whose time has been over for 30 seconds.
///
/// # Examples
///
/// ```no_run
/// use countersign_sqlx::{SqliteReplayStore, SqliteStore};
///
/// # async fn start() -> Result<(), countersign_sqlx::SetupError> {
/// let proofs = SqliteReplayStore::open("/var/lib/app/proofs.db").await?;
///
/// // Or in the file of the sessions, and with settings.
/// let store = SqliteStore::builder().table_prefix("shop_").open("/var/lib/app/app.db").await?;
/// let proofs = SqliteReplayStore::new(store);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteReplayStore {
    store: SqliteStore,
    sweeper: Sweeper,
}

impl SqliteReplayStore {
    /// Keeps proofs where a store keeps sessions: in its file, with its table prefix and its time-out.
    #[must_use]
    pub fn new(store: SqliteStore) -> Self {
        let sweeper = Sweeper::default();
        Self { store, sweeper }
    }

    /// Opens the file with the default settings: see [`SqliteStoreBuilder::open`](crate::SqliteStoreBuilder::open).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SetupError> {
        SqliteStore::open(path).await.map(Self::new)
    }

    async fn insert_now(&self, key: ReplayKey, now: i64, until: i64) -> Result<bool, StoreError> {
        let store = &self.store;
        let add = query(store.tables.sql(proofs::ADD))
            .bind(key.as_bytes().as_slice())
            .bind(until);
        let done = store.write(add.execute(&store.pool)).await?;
        let is_new = done.rows_affected() == 1;
        if is_new {
            self.sweeper.count(|| sweep(store.clone(), now));
        }
        Ok(is_new)
    }
}

async fn sweep(store: SqliteStore, now: i64) -> Result<u64, StoreError> {
    let sweep = query(store.tables.sql(proofs::SWEEP_SQLITE))
        .bind(now)
        .bind(MARGIN)
        .bind(ROWS);
    let done = store.write(sweep.execute(&store.pool)).await?;
    Ok(done.rows_affected())
}

impl ReplayStore for SqliteReplayStore {
    fn insert(&self, key: ReplayKey, now: i64, until: i64) -> BoxFuture<Result<bool, StoreError>> {
        let store = self.clone();
        Box::pin(async move { store.insert_now(key, now, until).await })
    }
}

impl From<SqliteStore> for SqliteReplayStore {
    fn from(store: SqliteStore) -> Self {
        Self::new(store)
    }
}

impl fmt::Debug for SqliteReplayStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteReplayStore").finish_non_exhaustive()
    }
}
