//! The calls for sealed rings on SQLite.

use countersign::{issue::RingStore, session::store::StoreError};
use sqlx::{query, query_scalar};

use crate::{SqliteStore, rings};

impl RingStore for SqliteStore {
    async fn read_ring(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let read = query_scalar(self.tables.sql(rings::READ)).bind(name);
        self.read_within(read.fetch_optional(&self.pool)).await
    }

    async fn replace_ring(
        &self,
        name: &str,
        from: Option<&[u8]>,
        to: &[u8],
    ) -> Result<bool, StoreError> {
        let replace = match from {
            Some(from) => query(self.tables.sql(rings::REPLACE))
                .bind(name)
                .bind(to)
                .bind(from),
            None => query(self.tables.sql(rings::ADD)).bind(name).bind(to),
        };
        let done = self.write(replace.execute(&self.pool)).await?;
        Ok(done.rows_affected() == 1)
    }
}
