//! A store of API keys without generics, each call of which is measured and watched.

use super::{
    any_store::{Reply, WatchedStore},
    api_key_id::ApiKeyId,
    api_key_store::{ApiKeyStore, StoredApiKey},
};
use crate::claims::Realm;

/// An [`ApiKeyStore`] without generics, for [`ApiKeys`](crate::session::ApiKeys).
pub(crate) trait AnyApiKeyStore: Send + Sync {
    fn insert<'a>(&'a self, key: &'a StoredApiKey) -> Reply<'a, ()>;
    fn find<'a>(&'a self, id: &'a ApiKeyId) -> Reply<'a, Option<StoredApiKey>>;
    fn list<'a>(&'a self, realm: &'a Realm, subject: &'a str) -> Reply<'a, Vec<StoredApiKey>>;
    fn end<'a>(&'a self, id: &'a ApiKeyId) -> Reply<'a, bool>;
    fn end_all<'a>(&'a self, realm: &'a Realm, subject: &'a str) -> Reply<'a, u64>;
    fn touch<'a>(&'a self, id: &'a ApiKeyId, used_at: i64) -> Reply<'a, ()>;
}

impl<S: ApiKeyStore> AnyApiKeyStore for WatchedStore<S> {
    fn insert<'a>(&'a self, key: &'a StoredApiKey) -> Reply<'a, ()> {
        Box::pin(self.watch("insert_api_key", self.store.insert_api_key(key)))
    }

    fn find<'a>(&'a self, id: &'a ApiKeyId) -> Reply<'a, Option<StoredApiKey>> {
        Box::pin(self.watch("find_api_key", self.store.find_api_key(id)))
    }

    fn list<'a>(&'a self, realm: &'a Realm, subject: &'a str) -> Reply<'a, Vec<StoredApiKey>> {
        Box::pin(self.watch("list_api_keys", self.store.list_api_keys(realm, subject)))
    }

    fn end<'a>(&'a self, id: &'a ApiKeyId) -> Reply<'a, bool> {
        Box::pin(self.watch("end_api_key", self.store.end_api_key(id)))
    }

    fn end_all<'a>(&'a self, realm: &'a Realm, subject: &'a str) -> Reply<'a, u64> {
        Box::pin(self.watch("end_api_keys", self.store.end_api_keys(realm, subject)))
    }

    fn touch<'a>(&'a self, id: &'a ApiKeyId, used_at: i64) -> Reply<'a, ()> {
        Box::pin(self.watch("touch_api_key", self.store.touch_api_key(id, used_at)))
    }
}
