//! The log of revocations in PostgreSQL.

use countersign::{
    revocation::{LogBatch, LogPosition, RevocationEntry, RevocationLog},
    session::store::{StoreEpoch, StoreError},
};
use sqlx::{query, query_as, query_scalar};

use crate::{
    PostgresStore,
    log::{self, Columns, Place},
    postgres::sql,
};

impl RevocationLog for PostgresStore {
    async fn append(&self, entries: &[RevocationEntry]) -> Result<(), StoreError> {
        let entries = || entries.iter().map(Columns::from);
        let append = query(self.tables.sql(sql::APPEND))
            .bind(entries().map(|entry| entry.kind).collect::<Vec<_>>())
            .bind(entries().map(|entry| entry.realm).collect::<Vec<_>>())
            .bind(entries().map(|entry| entry.name).collect::<Vec<_>>())
            .bind(
                entries()
                    .map(|entry| entry.issued_before)
                    .collect::<Vec<_>>(),
            )
            .bind(entries().map(|entry| entry.until).collect::<Vec<_>>());
        self.run(async |connection| append.execute(connection).await)
            .await?;
        Ok(())
    }

    async fn read(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        log::read(after, self.settings, || self.look(after)).await
    }

    async fn time(&self) -> Result<Option<i64>, StoreError> {
        let time = query_scalar(sql::TIME);
        self.run_on(&self.reader, async |connection| {
            time.fetch_one(connection).await
        })
        .await
    }
    async fn store_epoch(&self) -> Result<Option<StoreEpoch>, StoreError> {
        self.epoch_on(&self.reader).await.map(Some)
    }
}

impl PostgresStore {
    async fn look(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        let last = query_scalar::<_, i64>(self.tables.sql(sql::LAST));
        let read = |from: i64| {
            let read = query_as(self.tables.sql(log::READ));
            read.bind(from).bind(log::LIMIT)
        };
        self.run_on(&self.reader, async |connection| {
            last.fetch_one(&mut *connection).await?;
            if let Some(place) = Place::of(after) {
                let found = read(place.id).fetch_all(&mut *connection).await?;
                if let Some(batch) = log::batch_after(place, found)? {
                    return Ok(batch);
                }
            }
            log::batch_at_start(read(0).fetch_all(connection).await?)
        })
        .await
    }
}
