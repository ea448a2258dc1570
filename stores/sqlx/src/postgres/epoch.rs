//! The epoch of a PostgreSQL server.

use std::sync::atomic::{AtomicBool, Ordering};

use countersign::session::store::{StoreEpoch, StoreError};
use sqlx::{PgConnection, PgPool, error::DatabaseError, query, query_as, query_scalar};

use crate::{
    PostgresStore,
    postgres::sql::{CLUSTER, NEXT_EPOCH, TIMELINE},
    rows,
};

impl PostgresStore {
    /// Returns the epoch, and notices where the server begins another one.
    pub(super) async fn epoch_on(&self, pool: &PgPool) -> Result<StoreEpoch, StoreError> {
        let next = query(self.tables.sql(NEXT_EPOCH));
        let read = query_as(self.tables.sql(rows::EPOCH));
        self.run_on(pool, async |connection| {
            // All on one connection: the name is that of the server which keeps it.
            let timeline = text(TIMELINE, connection).await?;
            let cluster = text(CLUSTER, connection).await?;
            if timeline.is_none() {
                tell_once();
            }
            let next = next.bind(timeline).bind(cluster);
            next.execute(&mut *connection).await?;
            Ok(rows::epoch(read.fetch_one(connection).await?))
        })
        .await
    }

    pub(super) async fn begin_epoch(&self) -> Result<(), StoreError> {
        let restored = query(self.tables.sql(rows::RESTORED));
        let done = self.run(async |connection| restored.execute(connection).await);
        rows::check_restored(done.await?.rows_affected())?;
        self.epoch_on(&self.pool).await.map(drop)
    }
}

/// Asks for a part of the name. `None` where the function is not there, or not for this role, as in some managed
/// databases.
async fn text(sql: &'static str, connection: &mut PgConnection) -> sqlx::Result<Option<String>> {
    // `insufficient_privilege`, `undefined_function`, `feature_not_supported` (PostgreSQL, appendix A).
    const NOT_FOR_US: [&str; 3] = ["42501", "42883", "0A000"];
    let error = match query_scalar(sql).fetch_one(connection).await {
        Ok(text) => return Ok(Some(text)),
        Err(error) => error,
    };
    let code = error.as_database_error().and_then(DatabaseError::code);
    match code.is_some_and(|code| NOT_FOR_US.contains(&&*code)) {
        true => Ok(None),
        false => Err(error),
    }
}

fn tell_once() {
    static IS_TOLD: AtomicBool = AtomicBool::new(false);
    if !IS_TOLD.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            target: "countersign",
            "this PostgreSQL does not say when it was promoted and may have lost writes: it refuses pg_current_wal_lsn()",
        );
    }
}
