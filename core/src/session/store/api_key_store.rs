//! The interface of a store of API keys, and its rows.

use std::{fmt, future::Future};

use serde::{Deserialize, Serialize};

use super::{api_key_id::ApiKeyId, digest::TokenHash};
use crate::{claims::Realm, error::StoreError};

/// Keeps API keys: the stores of sessions do.
///
/// A store decides nothing: it finds rows. Rules that every implementation keeps, and that
/// `testing::api_key_store_suite` checks:
///
/// 1. Of many racers that [end](Self::end_api_key) one key, exactly one gets `true`. From then on nobody finds it.
/// 2. A read sees every write that was answered before it: no reading from a lagging replica.
/// 3. Whatever goes wrong is a [`StoreError`], never an empty answer.
/// 4. Subjects of different realms are different subjects.
/// 5. Ending the sessions of a subject or a realm leaves API keys alone, and no key goes by itself, expired or not.
///
/// A store is cheap to clone, and its clones share the data.
pub trait ApiKeyStore: Clone + Send + Sync + 'static {
    /// Adds a key. Its id is new: one that is taken is an error.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say that the key is there.
    fn insert_api_key(
        &self,
        key: &StoredApiKey,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Finds the key of this id, expired or not.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say.
    fn find_api_key(
        &self,
        id: &ApiKeyId,
    ) -> impl Future<Output = Result<Option<StoredApiKey>, StoreError>> + Send;

    /// Lists the keys of the subject, expired or not, in any order.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say.
    fn list_api_keys(
        &self,
        realm: &Realm,
        subject: &str,
    ) -> impl Future<Output = Result<Vec<StoredApiKey>, StoreError>> + Send;

    /// Removes the key. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say. The step may have happened even so.
    fn end_api_key(&self, id: &ApiKeyId) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Removes all keys of the subject. Returns how many there were.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say. The step may have happened even so.
    fn end_api_keys(
        &self,
        realm: &Realm,
        subject: &str,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Notes that the key was used at this time, in seconds since 1970, unless a later one is noted. A key that is gone
    /// stays away.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it could not be noted.
    fn touch_api_key(
        &self,
        id: &ApiKeyId,
        used_at: i64,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// An API key as a store keeps it: one row. Times in seconds since 1970.
///
/// A reader of the store may see all of it: no key can be computed from it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredApiKey {
    /// The id, and the key of the row. It is unique over all realms.
    pub id: ApiKeyId,
    /// The realm that it belongs to.
    pub realm: Realm,
    /// The user: 1 to 255 bytes without control characters.
    pub subject: String,
    /// The keyed hash of the key's text.
    pub hash: TokenHash,
    /// The label by which the user knows the key: 1 to 255 bytes without control characters.
    pub label: String,
    /// The scopes, with a space between two of them; at most 1 KiB.
    pub scopes: String,
    /// The time when it was made.
    pub created_at: i64,
    /// The time from which on it is refused. `None`: never.
    pub expires_at: Option<i64>,
    /// The time of its last use, as far as that was noted: see [`touch_api_key`](ApiKeyStore::touch_api_key).
    pub last_used_at: Option<i64>,
}

/// No hash, label or subject: it may be an address.
impl fmt::Debug for StoredApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredApiKey")
            .field("id", &self.id)
            .field("realm", &self.realm)
            .field("created_at", &self.created_at)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
