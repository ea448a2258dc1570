//! The log of revocations in SQLite.

use countersign::{
    revocation::{LogBatch, LogPosition, RevocationEntry, RevocationLog},
    session::store::{StoreEpoch, StoreError},
};
use sqlx::{query_as, query_scalar};

use crate::{
    SqliteStore,
    log::{self, Place},
    sqlite::sql,
};

impl RevocationLog for SqliteStore {
    async fn append(&self, entries: &[RevocationEntry]) -> Result<(), StoreError> {
        let append = async {
            let mut step = self.pool.begin_with(sql::BEGIN).await?;
            for entry in entries {
                self.add(&mut step, entry).await?;
            }
            step.commit().await
        };
        self.write(append).await
    }

    async fn read(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        log::read(after, self.settings, || self.look(after)).await
    }
    async fn store_epoch(&self) -> Result<Option<StoreEpoch>, StoreError> {
        self.epoch_on(&self.reader).await.map(Some)
    }
}

impl SqliteStore {
    async fn look(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        let last = query_scalar::<_, i64>(self.tables.sql(sql::LAST));
        let read = |from: i64| {
            let read = query_as(self.tables.sql(log::READ));
            read.bind(from).bind(log::LIMIT).fetch_all(&self.reader)
        };
        let look = async {
            last.fetch_one(&self.reader).await?;
            if let Some(place) = Place::of(after)
                && let Some(batch) = log::batch_after(place, read(place.id).await?)?
            {
                return Ok(batch);
            }
            log::batch_at_start(read(0).await?)
        };
        self.read_within(look).await
    }
}
