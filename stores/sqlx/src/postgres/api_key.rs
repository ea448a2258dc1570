//! The calls for API keys on PostgreSQL.

use countersign::session::{
    Realm,
    store::{ApiKeyId, ApiKeyStore, StoreError, StoredApiKey},
};
use sqlx::{query, query_as};

use crate::{
    PostgresStore,
    api_keys::{self, ApiKeyRow},
};

impl ApiKeyStore for PostgresStore {
    async fn insert_api_key(&self, key: &StoredApiKey) -> Result<(), StoreError> {
        let insert = api_keys::bind_insert(query(self.tables.sql(api_keys::INSERT)), key);
        self.run(async |connection| insert.execute(connection).await)
            .await
            .map(drop)
    }

    async fn find_api_key(&self, id: &ApiKeyId) -> Result<Option<StoredApiKey>, StoreError> {
        let find = query_as(self.tables.sql(api_keys::FIND)).bind(id.as_str());
        let row: Option<ApiKeyRow> = self
            .run(async |connection| find.fetch_optional(connection).await)
            .await?;
        row.map(api_keys::api_key)
            .transpose()
            .map_err(StoreError::new)
    }

    async fn list_api_keys(
        &self,
        realm: &Realm,
        subject: &str,
    ) -> Result<Vec<StoredApiKey>, StoreError> {
        let list = query_as(self.tables.sql(api_keys::LIST))
            .bind(realm.as_str())
            .bind(subject);
        let rows: Vec<ApiKeyRow> = self
            .run(async |connection| list.fetch_all(connection).await)
            .await?;
        let keys = rows.into_iter().map(api_keys::api_key);
        keys.collect::<sqlx::Result<_>>().map_err(StoreError::new)
    }

    async fn end_api_key(&self, id: &ApiKeyId) -> Result<bool, StoreError> {
        let end = query(self.tables.sql(api_keys::END)).bind(id.as_str());
        let done = self
            .run(async |connection| end.execute(connection).await)
            .await?;
        Ok(done.rows_affected() == 1)
    }

    async fn end_api_keys(&self, realm: &Realm, subject: &str) -> Result<u64, StoreError> {
        let end = query(self.tables.sql(api_keys::END_ALL))
            .bind(realm.as_str())
            .bind(subject);
        let done = self
            .run(async |connection| end.execute(connection).await)
            .await?;
        Ok(done.rows_affected())
    }

    async fn touch_api_key(&self, id: &ApiKeyId, used_at: i64) -> Result<(), StoreError> {
        let touch = query(self.tables.sql(api_keys::TOUCH))
            .bind(id.as_str())
            .bind(used_at);
        self.run(async |connection| touch.execute(connection).await)
            .await
            .map(drop)
    }
}
