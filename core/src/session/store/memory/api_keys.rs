//! API keys in memory.

use std::collections::{BTreeSet, HashMap};

use super::{MemoryStore, lock};
use crate::{
    claims::Realm,
    error::StoreError,
    session::store::{ApiKeyId, ApiKeyStore, StoredApiKey},
};

/// The rows, and the ids of each subject.
#[derive(Default)]
pub(super) struct ApiKeyRows {
    rows: HashMap<ApiKeyId, StoredApiKey>,
    subjects: HashMap<(Realm, String), BTreeSet<ApiKeyId>>,
}

impl ApiKeyRows {
    fn end(&mut self, id: &ApiKeyId) -> bool {
        let Some(row) = self.rows.remove(id) else {
            return false;
        };
        let subject = (row.realm, row.subject);
        if let Some(ids) = self.subjects.get_mut(&subject) {
            ids.remove(id);
            if ids.is_empty() {
                self.subjects.remove(&subject);
            }
        }
        true
    }

    fn ids_of(&self, realm: &Realm, subject: &str) -> Vec<ApiKeyId> {
        let ids = self.subjects.get(&(realm.clone(), subject.to_owned()));
        ids.into_iter().flatten().cloned().collect()
    }
}

/// As many keys as [sessions](MemoryStore::limited), beside them.
impl ApiKeyStore for MemoryStore {
    async fn insert_api_key(&self, key: &StoredApiKey) -> Result<(), StoreError> {
        let mut keys = lock(&self.0.api_keys);
        if keys.rows.len() >= self.0.limit {
            return Err(StoreError::new("the store is full"));
        }
        if keys.rows.contains_key(&key.id) {
            return Err(StoreError::new("the id of the API key is taken"));
        }
        let subject = (key.realm.clone(), key.subject.clone());
        keys.subjects
            .entry(subject)
            .or_default()
            .insert(key.id.clone());
        keys.rows.insert(key.id.clone(), key.clone());
        Ok(())
    }

    async fn find_api_key(&self, id: &ApiKeyId) -> Result<Option<StoredApiKey>, StoreError> {
        Ok(lock(&self.0.api_keys).rows.get(id).cloned())
    }

    async fn list_api_keys(
        &self,
        realm: &Realm,
        subject: &str,
    ) -> Result<Vec<StoredApiKey>, StoreError> {
        let keys = lock(&self.0.api_keys);
        let ids = keys.ids_of(realm, subject);
        Ok(ids
            .iter()
            .filter_map(|id| keys.rows.get(id).cloned())
            .collect())
    }

    async fn end_api_key(&self, id: &ApiKeyId) -> Result<bool, StoreError> {
        Ok(lock(&self.0.api_keys).end(id))
    }

    async fn end_api_keys(&self, realm: &Realm, subject: &str) -> Result<u64, StoreError> {
        let mut keys = lock(&self.0.api_keys);
        let ids = keys.ids_of(realm, subject);
        Ok(ids.iter().map(|id| u64::from(keys.end(id))).sum())
    }

    async fn touch_api_key(&self, id: &ApiKeyId, used_at: i64) -> Result<(), StoreError> {
        if let Some(row) = lock(&self.0.api_keys).rows.get_mut(id) {
            row.last_used_at = row.last_used_at.max(Some(used_at));
        }
        Ok(())
    }
}
