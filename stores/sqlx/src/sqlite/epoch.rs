//! The epoch of an SQLite file.

use countersign::session::store::{StoreEpoch, StoreError};
use sqlx::{SqlitePool, query, query_as};

use crate::{
    SqliteStore, rows,
    sqlite::sql::{EPOCH_ID, NEXT_EPOCH},
};

impl SqliteStore {
    /// Returns the epoch, and begins another one where somebody has said that data was restored.
    pub(super) async fn epoch_on(&self, pool: &SqlitePool) -> Result<StoreEpoch, StoreError> {
        let read = || query_as(self.tables.sql(rows::EPOCH));
        let epoch = self
            .read_within(async { Ok(rows::epoch(read().fetch_one(pool).await?)) })
            .await?;
        if epoch.id() == EPOCH_ID {
            return Ok(epoch);
        }
        let next = query(self.tables.sql(NEXT_EPOCH)).bind(EPOCH_ID);
        let begin = async {
            next.execute(&self.pool).await?;
            Ok(rows::epoch(read().fetch_one(&self.pool).await?))
        };
        self.write(begin).await
    }

    pub(super) async fn begin_epoch(&self) -> Result<(), StoreError> {
        let restored = query(self.tables.sql(rows::RESTORED));
        let done = self.write(restored.execute(&self.pool)).await?;
        rows::check_restored(done.rows_affected())?;
        self.epoch_on(&self.pool).await.map(drop)
    }
}
