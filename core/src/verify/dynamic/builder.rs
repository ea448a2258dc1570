//! The settings of a resolver of issuers.

use std::{error::Error, fmt, future::Future, sync::Arc, time::Duration};

use super::{
    issuers::DynamicIssuers,
    state::{Settings, State},
};
use crate::{
    error::ConfigError,
    remote::url::PlainHttp,
    verify::{builder::VerifierBuilder, verifier::Verifier},
};

/// Builds [`DynamicIssuers`]. Made by [`DynamicIssuers::builder`].
///
/// # Examples
///
/// ```
/// use std::{collections::HashSet, sync::{Arc, RwLock}};
///
/// use countersign::{ConfigError, DynamicIssuers, Verifier};
///
/// # fn start() -> Result<(), ConfigError> {
/// let allowed: Arc<RwLock<HashSet<String>>> = Arc::default();
/// let list = Arc::clone(&allowed);
/// let resolver = async |issuer: Box<str>| {
///     let verifier = Verifier::discover(String::from(issuer)).audience("orders");
///     Ok::<_, ConfigError>(Some(verifier.build().await?))
/// };
/// let tenants = DynamicIssuers::builder(resolver)
///     .only(move |issuer| list.read().is_ok_and(|list| list.contains(issuer)))
///     .capacity(5_000)
///     .build()?;
/// # drop((tenants, allowed));
/// # Ok(()) }
/// # start().unwrap();
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct DynamicIssuersBuilder(Settings);

impl DynamicIssuersBuilder {
    /// The default for [`capacity`](Self::capacity): 1,000 issuers.
    pub const DEFAULT_CAPACITY: usize = 1_000;
    /// The largest [`capacity`](Self::capacity): 10,000 issuers.
    pub const LARGEST_CAPACITY: usize = 10_000;
    /// The default for [`new_per_minute`](Self::new_per_minute): 60 questions.
    pub const DEFAULT_NEW_PER_MINUTE: usize = 60;
    /// The largest [`new_per_minute`](Self::new_per_minute): 6,000 questions.
    pub const LARGEST_NEW_PER_MINUTE: usize = 6_000;
    /// The default for [`unknown_for`](Self::unknown_for): 30 seconds.
    pub const DEFAULT_UNKNOWN_FOR: Duration = Duration::from_secs(30);
    /// The largest [`unknown_for`](Self::unknown_for): 10 minutes.
    pub const LARGEST_UNKNOWN_FOR: Duration = Duration::from_secs(600);
    /// The default for [`idle_after`](Self::idle_after): 10 minutes.
    pub const DEFAULT_IDLE_AFTER: Duration = Duration::from_secs(600);
    /// The largest [`idle_after`](Self::idle_after): 7 days.
    pub const LARGEST_IDLE_AFTER: Duration = Duration::from_secs(7 * 86_400);

    pub(super) fn new<F, Fut, E>(resolver: F) -> Self
    where
        F: Fn(Box<str>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<Verifier>, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self(Settings {
            resolver: Arc::new(move |issuer| {
                let answer = resolver(issuer);
                Box::pin(async move { answer.await.map_err(Into::into) })
            }),
            only: None,
            capacity: Self::DEFAULT_CAPACITY,
            new_per_minute: Self::DEFAULT_NEW_PER_MINUTE,
            unknown_for: Self::DEFAULT_UNKNOWN_FOR,
            idle_after: Self::DEFAULT_IDLE_AFTER,
            max_token_bytes: VerifierBuilder::DEFAULT_MAX_TOKEN_BYTES,
            http: None,
        })
    }

    /// Accepts no other issuers than those of which this says `true`: an allow list that changes while the server runs.
    /// Repeatable: all of them must. No default.
    ///
    /// It is asked for each token, before anything else and again after waiting, so it has to be quick: a look into a set, not into a
    /// database. An issuer that it leaves out is refused (401) from the next request on.
    pub fn only(mut self, is_allowed: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.0.only = Some(match self.0.only.take() {
            Some(first) => Arc::new(move |issuer| first(issuer) && is_allowed(issuer)),
            None => Arc::new(is_allowed),
        });
        self
    }

    /// Sets how many issuers have a verifier at a time. Default 1,000, at most 10,000.
    ///
    /// When there is no room, the one that was not used for longest makes room, if that is [long enough](Self::idle_after).
    pub fn capacity(mut self, issuers: usize) -> Self {
        self.0.capacity = issuers;
        self
    }

    /// Sets how many questions the resolver gets in any minute, all issuers together. Default 60, at most 6,000.
    ///
    /// Anybody can name issuers that do not exist, so this bounds what they can make the resolver do. Beyond it, tokens of
    /// issuers that are not known are answered with 503, and those that are known notice nothing.
    pub fn new_per_minute(mut self, questions: usize) -> Self {
        self.0.new_per_minute = questions;
        self
    }

    /// Sets how long an issuer that the resolver does not know is refused without another question. Default 30 seconds, from one second to
    /// 10 minutes.
    ///
    /// [`forget`](DynamicIssuers::forget) ends it at once for a tenant that was just created.
    pub fn unknown_for(mut self, time: Duration) -> Self {
        self.0.unknown_for = time;
        self
    }

    /// Sets how long no token of an issuer may have been accepted before it may make room for another one. Default 10
    /// minutes, at most 7 days.
    ///
    /// A new issuer is answered with 503 rather than have one evicted that is in use.
    pub fn idle_after(mut self, time: Duration) -> Self {
        self.0.idle_after = time;
        self
    }

    /// Sets the longest token whose issuer is read, in bytes. Default 8 KiB, at most 64 KiB. The verifier of the issuer may
    /// have a [lower limit](VerifierBuilder::max_token_bytes).
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.0.max_token_bytes = bytes;
        self
    }

    /// Allows issuers of plain `http` on this machine: `localhost`, `127.0.0.0/8`, `[::1]`. For tests. Default: `https` only.
    pub fn loopback_http(mut self) -> Self {
        self.0.http = Some(PlainHttp::Loopback);
        self
    }

    /// Allows issuers of plain http in private networks, whose names the developer has written.
    pub(in crate::verify) fn private_http(mut self) -> Self {
        self.0.http = Some(PlainHttp::Private);
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when one is out of bounds.
    pub fn build(self) -> Result<DynamicIssuers, ConfigError> {
        let Settings {
            capacity,
            new_per_minute,
            unknown_for,
            idle_after,
            max_token_bytes,
            ..
        } = &self.0;
        let second = Duration::from_secs(1);
        for (is_good, text) in [
            (
                (1..=Self::LARGEST_CAPACITY).contains(capacity),
                "`capacity` is not between 1 and 10000 issuers",
            ),
            (
                (1..=Self::LARGEST_NEW_PER_MINUTE).contains(new_per_minute),
                "`new_per_minute` is not between 1 and 6000",
            ),
            (
                (second..=Self::LARGEST_UNKNOWN_FOR).contains(unknown_for),
                "`unknown_for` is not between one second and 10 minutes",
            ),
            (
                *idle_after <= Self::LARGEST_IDLE_AFTER,
                "`idle_after` is more than 7 days",
            ),
            (
                (1..=VerifierBuilder::LARGEST_MAX_TOKEN_BYTES).contains(max_token_bytes),
                "`max_token_bytes` is not between 1 and 65536",
            ),
        ] {
            if !is_good {
                return Err(ConfigError::InvalidSetting(text.to_owned()));
            }
        }
        Ok(self.build_unchecked())
    }

    pub(super) fn build_unchecked(self) -> DynamicIssuers {
        DynamicIssuers(Arc::new(State::new(self.0)))
    }
}

impl fmt::Debug for DynamicIssuersBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicIssuersBuilder")
            .field("capacity", &self.0.capacity)
            .field("new_per_minute", &self.0.new_per_minute)
            .finish_non_exhaustive()
    }
}
