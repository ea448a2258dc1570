//! API keys of users: how they are made, listed and ended.

use std::{fmt, sync::Arc};

use super::{
    builder::ApiKeysBuilder,
    error::ApiKeyError,
    known::Known,
    new_key::{NewApiKey, is_name},
    text::ApiKeyText,
    view::ApiKey,
};
use crate::{
    claims::Realm,
    clock::Clock,
    jose::Secret,
    session::store::{AnyApiKeyStore, ApiKeyId, ApiKeyStore, StoredApiKey},
};

/// API keys: credentials that users make for their programs, beside the tokens of their sessions. Cheap to clone.
///
/// A key is random, and the store has its hash alone, keyed by a pepper that is not in the store. It is looked up at each
/// request, so one that was ended is refused at the next. Logging out, also everywhere, ends no API key.
///
/// [`Authenticator::opaque_tokens`](crate::Authenticator::opaque_tokens) takes it.
///
/// # Examples
///
/// ```
/// use countersign::{Authenticator, MemoryStore, session::{ApiKeys, NewApiKey}};
/// # use countersign::testing::TestIssuer;
/// # let verifier = TestIssuer::new().verifier();
/// # let pepper = "an example pepper of 32 bytes or more";
/// let keys = ApiKeys::builder(MemoryStore::new(), pepper).prefix("sk_").build()?;
/// let authenticator = Authenticator::new(verifier).opaque_tokens(&keys)?;
///
/// # futures_executor::block_on(async {
/// let new = NewApiKey::new("CI").scopes(["orders:read"]);
/// let (key, text) = keys.create("ada", &new).await?;
/// assert!(text.as_str().starts_with("sk_"));
///
/// assert!(keys.end(key.id()).await?);
/// assert!(keys.check(text.as_str()).await.is_err());
/// # Ok::<(), countersign::session::ApiKeyError>(())
/// # }).unwrap();
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ApiKeys(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) realm: Realm,
    pub(super) store: Arc<dyn AnyApiKeyStore>,
    /// The first one is for new keys.
    pub(super) peppers: Vec<Secret>,
    pub(super) prefix: String,
    pub(super) name: String,
    pub(super) per_subject: usize,
    /// In seconds.
    pub(super) max_lifetime: Option<i64>,
    pub(super) known: Known,
    pub(super) clock: Arc<dyn Clock>,
}

impl ApiKeys {
    /// Starts the settings of keys in this store, hashed under this pepper: 32 random bytes or more, kept where the secrets
    /// of the app are and not in the store. Without it, all keys are unknown.
    pub fn builder(store: impl ApiKeyStore, pepper: impl AsRef<[u8]>) -> ApiKeysBuilder {
        ApiKeysBuilder::new(store, pepper)
    }

    /// Makes a key for a subject. Its text is for the user alone, and cannot be had again.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError`]: `Invalid` for a subject, label, scope or expiry that a key cannot have; `TooMany`; `Unavailable` when the store
    /// is away.
    pub async fn create(
        &self,
        subject: &str,
        new: &NewApiKey,
    ) -> Result<(ApiKey, ApiKeyText), ApiKeyError> {
        let now = self.0.clock.now();
        let scopes = new.check(now)?;
        let latest = self.0.max_lifetime.map(|most| now.saturating_add(most));
        if latest.is_some_and(|latest| new.expires_at.is_none_or(|at| at > latest)) {
            return Err(ApiKeyError::Invalid(
                "the key expires never, or later than keys may",
            ));
        }
        if !is_name(subject, 255) {
            return Err(ApiKeyError::Invalid(
                "a subject has 1 to 255 bytes without control characters",
            ));
        }
        self.make_room(subject, now).await?;
        let (id, text) =
            ApiKeyText::generate(&self.0.prefix).map_err(|_| ApiKeyError::NoRandomness)?;
        let hash = self.hash_of(&text);
        let stored = StoredApiKey {
            id,
            realm: self.0.realm.clone(),
            subject: subject.to_owned(),
            hash: hash.ok_or(ApiKeyError::NoRandomness)?,
            label: new.label.clone(),
            scopes,
            created_at: now,
            expires_at: new.expires_at,
            last_used_at: None,
        };
        self.0.store.insert(&stored).await?;
        Ok((stored.into(), text))
    }

    /// Ends the expired keys of a subject that has as many as it can, and checks that there is room for one more.
    async fn make_room(&self, subject: &str, now: i64) -> Result<(), ApiKeyError> {
        let all = self.0.store.list(&self.0.realm, subject).await?;
        let mut count = all.len();
        for key in all {
            if count < self.0.per_subject {
                break;
            }
            if key.expires_at.is_some_and(|at| at <= now) {
                self.0.store.end(&key.id).await?;
                count -= 1;
            }
        }
        match count < self.0.per_subject {
            true => Ok(()),
            false => Err(ApiKeyError::TooMany),
        }
    }

    /// Lists the keys of a subject, the newest first, expired ones included.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Unavailable`] when the store is away.
    pub async fn list(&self, subject: &str) -> Result<Vec<ApiKey>, ApiKeyError> {
        let mut all = self.0.store.list(&self.0.realm, subject).await?;
        all.sort_by(|one, other| {
            let newest = other.created_at.cmp(&one.created_at);
            newest.then_with(|| one.id.cmp(&other.id))
        });
        Ok(all.into_iter().map(ApiKey::from).collect())
    }

    /// Ends a key, whoever has it: it is refused from the next request on. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Unavailable`] when the store is away, or cannot say whether it is done.
    pub async fn end(&self, id: &ApiKeyId) -> Result<bool, ApiKeyError> {
        self.end_if(id, |_| true).await
    }

    /// Ends a key of this subject. Returns whether there was one: `false` also for a key of somebody else.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Unavailable`] when the store is away, or cannot say whether it is done.
    pub async fn end_of(&self, subject: &str, id: &ApiKeyId) -> Result<bool, ApiKeyError> {
        self.end_if(id, |key| key.subject == subject).await
    }

    async fn end_if(
        &self,
        id: &ApiKeyId,
        is_meant: impl FnOnce(&StoredApiKey) -> bool + Send,
    ) -> Result<bool, ApiKeyError> {
        // Neither the realm nor the subject of a key ever changes.
        let found = self.0.store.find(id).await?;
        match found.is_some_and(|key| key.realm == self.0.realm && is_meant(&key)) {
            true => Ok(self.0.store.end(id).await?),
            false => Ok(false),
        }
    }

    /// Ends all keys of a subject. Returns how many there were.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Unavailable`] when the store is away, or cannot say whether it is done.
    pub async fn end_all(&self, subject: &str) -> Result<u64, ApiKeyError> {
        Ok(self.0.store.end_all(&self.0.realm, subject).await?)
    }
}

/// Shows the names.
impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys")
            .field("prefix", &self.0.prefix)
            .field("realm", &self.0.realm)
            .finish_non_exhaustive()
    }
}
