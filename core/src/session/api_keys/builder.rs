//! The settings of API keys, checked once.

use std::{fmt, sync::Arc};

use super::{
    keys::{ApiKeys, Inner},
    known::Known,
};
use crate::{
    auth::OpaqueTokens,
    claims::Realm,
    clock::{Clock, SystemClock},
    error::ConfigError,
    jose::{Secret, SigningKey},
    session::store::{AnyApiKeyStore, ApiKeyStore, WatchedStore},
};

/// Builds [`ApiKeys`]. Made by [`ApiKeys::builder`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct ApiKeysBuilder {
    store: Arc<dyn AnyApiKeyStore>,
    peppers: Vec<Secret>,
    prefix: String,
    name: String,
    realm: String,
    per_subject: usize,
    failures_per_minute: u32,
    max_lifetime: Option<i64>,
    clock: Arc<dyn Clock>,
}

impl ApiKeysBuilder {
    /// The default of [`prefix`](Self::prefix).
    pub const DEFAULT_PREFIX: &'static str = "sk_";
    /// The default of [`name`](Self::name) and [`realm`](Self::realm).
    pub const DEFAULT_NAME: &'static str = "api_key";
    /// The default of [`per_subject`](Self::per_subject): 100.
    pub const DEFAULT_PER_SUBJECT: usize = 100;
    /// The default of [`failures_per_minute`](Self::failures_per_minute): 600.
    pub const DEFAULT_FAILURES_PER_MINUTE: u32 = 600;

    pub(super) fn new(store: impl ApiKeyStore, pepper: impl AsRef<[u8]>) -> Self {
        Self {
            store: Arc::new(WatchedStore::new(store)),
            peppers: vec![Secret::from_bytes(pepper)],
            prefix: Self::DEFAULT_PREFIX.into(),
            name: Self::DEFAULT_NAME.into(),
            realm: Self::DEFAULT_NAME.into(),
            per_subject: Self::DEFAULT_PER_SUBJECT,
            failures_per_minute: Self::DEFAULT_FAILURES_PER_MINUTE,
            max_lifetime: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the prefix of the keys: see [`OpaqueTokens::prefixed`]. Default: `sk_`. Another prefix makes the keys unknown that
    /// have this one.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Accepts keys that were made under an earlier pepper, too. Repeatable: each call adds one.
    ///
    /// A key keeps its pepper: it can go when the last key of its time has ended.
    pub fn older_pepper(mut self, pepper: impl AsRef<[u8]>) -> Self {
        self.peppers.push(Secret::from_bytes(pepper));
        self
    }

    /// Sets the name of the kind: see [`OpaqueTokens::name`]. Default: `api_key`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the realm, for several apps over one store: their keys have nothing in common. Default: `api_key`.
    pub fn realm(mut self, name: impl Into<String>) -> Self {
        self.realm = name.into();
        self
    }

    /// Sets how many keys a subject can have, about: those that are made at once may be some more. Default 100.
    pub fn per_subject(mut self, keys: usize) -> Self {
        self.per_subject = keys;
        self
    }

    /// Sets about how many keys that turn out unknown or wrong this process asks the store about in a minute. Default 600.
    ///
    /// Beyond it, keys that were good in the last day are asked about as before, and all others are answered with 503, a new one
    /// at first: a key that comes again in a later second may take one of a tenth as many further questions, at least one a minute, which
    /// are spread over it. So a good key that is new to this process gets in at its second attempt while others invent up to
    /// 10,000 keys a second, each for a single attempt. Invented keys that come again share those questions with it: one that was looked
    /// up is refused without a question for a minute.
    pub fn failures_per_minute(mut self, failures: u32) -> Self {
        self.failures_per_minute = failures;
        self
    }

    /// Sets the longest lifetime of a new key, in seconds: one that expires later, or never, is
    /// [invalid](crate::session::ApiKeyError::Invalid). Default: none, a key may live for ever. Keys that are there stay as they are.
    pub fn max_lifetime(mut self, seconds: u32) -> Self {
        self.max_lifetime = Some(seconds.into());
        self
    }

    /// Sets the clock. Default: the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a pepper is weak as a secret (under 32 bytes), a JWT could begin with the prefix, a name is none, or a
    /// number is 0.
    pub fn build(self) -> Result<ApiKeys, ConfigError> {
        for pepper in &self.peppers {
            SigningKey::hs256(pepper)?;
        }
        let setting = |text: &str| Err(ConfigError::InvalidSetting(text.to_owned()));
        if self.per_subject == 0 {
            return setting("`per_subject` is 0: nobody could have a key");
        }
        if self.max_lifetime == Some(0) {
            return setting("`max_lifetime` is 0: no key could be made");
        }
        if self.failures_per_minute == 0 {
            return setting("`failures_per_minute` is 0: no key could be known");
        }
        let keys = ApiKeys(Arc::new(Inner {
            realm: Realm::new(self.realm)?,
            store: self.store,
            peppers: self.peppers,
            prefix: self.prefix,
            name: self.name,
            per_subject: self.per_subject,
            max_lifetime: self.max_lifetime,
            known: Known::new(self.failures_per_minute),
            clock: self.clock,
        }));
        OpaqueTokens::from(&keys).check()?;
        Ok(keys)
    }
}

impl fmt::Debug for ApiKeysBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeysBuilder")
            .field("prefix", &self.prefix)
            .field("realm", &self.realm)
            .finish_non_exhaustive()
    }
}
