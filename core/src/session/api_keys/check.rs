//! The check of an API key at each request.

use std::sync::Arc;

use serde::Serialize;
use zeroize::Zeroize;

use super::{
    keys::ApiKeys,
    text::{ApiKeyText, Parts},
    view::ApiKey,
};
use crate::{
    auth::{OpaqueIdentity, OpaqueToken, OpaqueTokenError, OpaqueTokens},
    future::BoxFuture,
    jose::{
        Secret,
        crypto::{hmac_sha256, sha256},
    },
    session::store::{ApiKeyId, StoredApiKey, TokenHash},
};

/// The purpose of the hash, so that it can stand for no other under the same pepper.
const LABEL: &[u8] = b"countersign api key 1\0";

impl ApiKeys {
    /// Checks the text of a key, as a request has it.
    ///
    /// Unknown, wrong and good keys take the same steps: as many hashes, one question to the store, one comparison in constant
    /// time. A text that is no key by its form takes none, and a key that was refused in the last minute is refused from memory.
    ///
    /// # Errors
    ///
    /// [`OpaqueTokenError`]: unauthorized when it is no key, unknown, wrong, ended or expired; unavailable when the store is away, or
    /// [too many](crate::session::ApiKeysBuilder::failures_per_minute) were wrong.
    pub async fn check(&self, text: &str) -> Result<ApiKey, OpaqueTokenError> {
        let Some(key) = Parts::parse(text, &self.0.prefix) else {
            return Err(OpaqueTokenError::unauthorized("no API key by its form"));
        };
        let known = &self.0.known;
        let now = self.0.clock.now();
        let hashes = self.hashes(&key);
        let own = hashes.first().map_or(0, |hash| number(hash.as_bytes()));
        let id = number(&hmac_of_id(&self.0.peppers, &key.id));
        if known.is_refused(own, id, now) {
            return Err(OpaqueTokenError::unauthorized(UNKNOWN));
        }
        let Some(turn) = known.may_ask(own, now) else {
            return Err(OpaqueTokenError::unavailable(TooManyFailures));
        };
        let found = self.0.store.find(&key.id).await?;
        let stored = found.as_ref().map_or(NOBODY, |found| found.hash);
        // All of them, whichever it is.
        let is_hash = hashes
            .iter()
            .fold(false, |is_it, hash| is_it | (*hash == stored));
        let is_gone = found.is_none();
        let found = found.filter(|found| is_hash && found.realm == self.0.realm);
        let Some(found) = found else {
            match is_gone {
                true => known.is_none(id, now),
                false => known.failed(own, now),
            }
            return Err(OpaqueTokenError::unauthorized(UNKNOWN));
        };
        if found.expires_at.is_some_and(|at| at <= now) {
            known.failed(own, now);
            return Err(OpaqueTokenError::unauthorized("the API key has expired"));
        }
        if known.accepted(turn, own, found.last_used_at, now) {
            self.note_use(&found, now).await;
        }
        Ok(found.into())
    }

    /// Has the store note the use of a key: beside the request where there is a runtime, and whatever comes of it.
    async fn note_use(&self, key: &StoredApiKey, now: i64) {
        let (store, id) = (Arc::clone(&self.0.store), key.id.clone());
        let note = async move {
            // It is coarse anyway, and an outage is in the log.
            let _ = store.touch(&id, now).await;
        };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(note)),
            Err(_) => note.await,
        }
    }

    /// Returns the hash of a new key.
    pub(super) fn hash_of(&self, text: &ApiKeyText) -> Option<TokenHash> {
        let key = Parts::parse(text.as_str(), &self.0.prefix)?;
        self.hashes(&key).into_iter().next()
    }

    /// Returns the hash of a key under each pepper.
    fn hashes(&self, key: &Parts<'_>) -> Vec<TokenHash> {
        let realm = sha256(self.0.realm.as_str().as_bytes());
        let (id, secret) = (key.id.as_str().as_bytes(), key.secret.as_bytes());
        let mut message = [LABEL, &realm, id, secret].concat();
        let hash = |pepper: &Secret| TokenHash::from_bytes(hmac_sha256(pepper.as_ref(), &message));
        let hashes = self.0.peppers.iter().map(hash).collect();
        message.zeroize();
        hashes
    }
}

impl ApiKeys {
    /// Takes the keys from this header instead of where tokens are: for [`Authenticator::opaque_tokens`].
    ///
    /// For apps whose tokens are in cookies: programs send a header, and no source of tokens has to be added for them.
    ///
    /// [`Authenticator::opaque_tokens`]: crate::Authenticator::opaque_tokens
    pub fn in_header(&self, name: impl Into<String>) -> OpaqueTokens {
        self.named(OpaqueTokens::in_header(name, self.checker()))
    }

    fn named(&self, tokens: OpaqueTokens) -> OpaqueTokens {
        tokens.name(&*self.0.name).clock(Arc::clone(&self.0.clock))
    }

    fn checker(
        &self,
    ) -> impl Fn(OpaqueToken) -> BoxFuture<Result<OpaqueIdentity, OpaqueTokenError>> + use<> {
        let keys = self.clone();
        move |text| {
            let keys = keys.clone();
            Box::pin(async move { keys.check(text.as_str()).await.map(|key| identity(&key)) })
        }
    }
}

impl From<&ApiKeys> for OpaqueTokens {
    fn from(keys: &ApiKeys) -> Self {
        keys.named(Self::prefixed(&*keys.0.prefix, keys.checker()))
    }
}

impl From<ApiKeys> for OpaqueTokens {
    fn from(keys: ApiKeys) -> Self {
        Self::from(&keys)
    }
}

fn identity(key: &ApiKey) -> OpaqueIdentity {
    #[derive(Serialize)]
    struct Claims<'k> {
        jti: &'k ApiKeyId,
        iat: i64,
    }
    let claims = Claims {
        jti: key.id(),
        iat: key.created_at(),
    };
    let identity = OpaqueIdentity::new(key.subject())
        .scopes(key.scopes())
        .claims(&claims);
    match key.expires_at() {
        Some(at) => identity.expires_at(at),
        None => identity,
    }
}

/// Hashes an id, so that nobody can choose ids of one number.
fn hmac_of_id(peppers: &[Secret], id: &ApiKeyId) -> [u8; 32] {
    let pepper = peppers.first().map_or(&[][..], AsRef::as_ref);
    hmac_sha256(pepper, id.as_str().as_bytes())
}

/// Takes the first bytes of a hash as a number.
fn number(hash: &[u8; 32]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

/// What an unknown key is compared with.
const NOBODY: TokenHash = TokenHash::from_bytes([0; 32]);

const UNKNOWN: &str = "unknown API key";

#[derive(Debug, thiserror::Error)]
#[error(
    "too many unknown API keys in this minute: only those that were good before are looked up, and now and then one that comes again"
)]
struct TooManyFailures;
