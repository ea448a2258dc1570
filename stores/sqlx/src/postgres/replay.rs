//! Used proofs in PostgreSQL.

use std::fmt;

use countersign::{
    keys::BoxFuture,
    proof::{ReplayKey, ReplayStore},
    session::store::StoreError,
};
use sqlx::query;

use crate::{
    PostgresStore, SetupError, proofs,
    sweeper::{MARGIN, ROWS, Sweeper},
};

/// Used proofs in PostgreSQL (RFC 9449 section 11.1). Its clones share the connections.
///
/// A proof is a row, added by one statement. Now and then, an insert starts a sweep of rows whose time has been over for 30
/// seconds, by the clock of the database too: clocks of nodes may differ by as much. No request waits for it.
///
/// It needs the primary, as sessions do, and a `synchronous_commit` that is not `off`: else a crash forgets the last proofs, which
/// can be used again while they are fresh.
///
/// # Examples
///
/// ```no_run
/// use countersign_sqlx::{PostgresReplayStore, PostgresStore};
///
/// # async fn start() -> Result<(), countersign_sqlx::SetupError> {
/// let url = "postgres://app:secret@db.example/app";
/// let proofs = PostgresReplayStore::connect(url).await?;
///
/// // Or in the pool of the sessions, and with settings.
/// let store = PostgresStore::builder().table_prefix("shop_").connect(url).await?;
/// let proofs = PostgresReplayStore::new(store);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresReplayStore {
    store: PostgresStore,
    sweeper: Sweeper,
}

impl PostgresReplayStore {
    /// Keeps proofs where a store keeps sessions: in its pool, with its table prefix and its time-out.
    #[must_use]
    pub fn new(store: PostgresStore) -> Self {
        let sweeper = Sweeper::default();
        Self { store, sweeper }
    }

    /// Connects with the default settings: see [`PostgresStoreBuilder::connect`](crate::PostgresStoreBuilder::connect).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn connect(url: &str) -> Result<Self, SetupError> {
        PostgresStore::connect(url).await.map(Self::new)
    }

    async fn insert_now(&self, key: ReplayKey, now: i64, until: i64) -> Result<bool, StoreError> {
        let store = &self.store;
        let add = query(store.tables.sql(proofs::ADD))
            .bind(key.as_bytes().as_slice())
            .bind(until);
        let done = store.run(async |connection| add.execute(connection).await);
        let is_new = done.await?.rows_affected() == 1;
        if is_new {
            self.sweeper.count(|| sweep(store.clone(), now));
        }
        Ok(is_new)
    }
}

async fn sweep(store: PostgresStore, now: i64) -> Result<u64, StoreError> {
    let sweep = query(store.tables.sql(proofs::SWEEP_POSTGRES))
        .bind(now)
        .bind(MARGIN)
        .bind(ROWS);
    let done = store.run(async |connection| sweep.execute(connection).await);
    Ok(done.await?.rows_affected())
}

impl ReplayStore for PostgresReplayStore {
    fn insert(&self, key: ReplayKey, now: i64, until: i64) -> BoxFuture<Result<bool, StoreError>> {
        let store = self.clone();
        Box::pin(async move { store.insert_now(key, now, until).await })
    }
}

impl From<PostgresStore> for PostgresReplayStore {
    fn from(store: PostgresStore) -> Self {
        Self::new(store)
    }
}

impl fmt::Debug for PostgresReplayStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresReplayStore")
            .finish_non_exhaustive()
    }
}
