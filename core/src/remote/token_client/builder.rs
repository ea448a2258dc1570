//! The settings of a token client.

use std::{error::Error, fmt, sync::Arc};

use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use super::{
    authentication::ClientAuthentication,
    client::{Outage, Shared, TokenClient},
    endpoint::{Location, TokenEndpoint},
    form::Form,
    slot::Slot,
};
use crate::{
    clock::{Clock, SystemClock},
    error::ConfigError,
    remote::{
        http::{
            DynFetch, Fetch, FetchRequest, HttpFetch,
            url::{self, PlainHttp},
        },
        refresh::schedule::Jitter,
    },
    sync::Mutex,
};

/// Builds a [`TokenClient`]. Made by [`TokenClient::builder`] and [`TokenClient::discover`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct TokenClientBuilder {
    location: Location,
    authentication: ClientAuthentication,
    parameters: Vec<(String, String)>,
    scopes: Vec<String>,
    fetch: Option<Arc<dyn DynFetch>>,
    private_http: bool,
    exchanged_tokens: usize,
    clock: Arc<dyn Clock>,
    jitter: Jitter,
}

impl TokenClientBuilder {
    const EXCHANGED_TOKENS: usize = 10_000;

    pub(super) fn new(location: Location, authentication: ClientAuthentication) -> Self {
        Self {
            location,
            authentication,
            parameters: Vec::new(),
            scopes: Vec::new(),
            fetch: None,
            private_http: false,
            exchanged_tokens: Self::EXCHANGED_TOKENS,
            clock: Arc::new(SystemClock),
            jitter: Jitter::new(),
        }
    }

    /// Asks for a token for this service, by its name (`audience` of RFC 8693 section 2.1; Auth0 and others take it for client credentials, too).
    /// May be set several times.
    pub fn audience(self, name: impl Into<String>) -> Self {
        self.parameter("audience", name)
    }

    /// Asks for a token for this service, by its URL (`resource` of RFC 8707 section 2). May be set several times.
    pub fn resource(self, url: impl Into<String>) -> Self {
        self.parameter("resource", url)
    }

    /// Asks for this scope, or for several with spaces in between (RFC 6749 section 3.3). May be set several times. Default: the
    /// server decides.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Adds another parameter to each request: whatever the server asks for.
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Sets the HTTP client, as for [`RemoteKeys`](crate::RemoteKeys). It must have [`Fetch::post`]. Default [`HttpFetch`].
    pub fn fetch(mut self, fetch: impl Fetch) -> Self {
        self.fetch = Some(Arc::new(fetch));
        self
    }

    /// Allows plain `http` to private addresses: within a cluster or a network of containers. Whoever can read or change what is on the way
    /// there gets the secret and the tokens. It only fits a URL that begins with `http:`.
    pub fn private_http(mut self) -> Self {
        self.private_http = true;
        self
    }

    /// Sets how many [exchanged](TokenClient::exchange) tokens are kept. Default 10,000, about 2 KiB each.
    pub fn exchanged_tokens(mut self, most: usize) -> Self {
        self.exchanged_tokens = most;
        self
    }

    /// Sets the clock for `iat` and `exp` of the proofs by [`private_key_jwt`](ClientAuthentication::private_key_jwt). Default
    /// [`SystemClock`]. The lives of tokens go by a clock that nobody can set.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Makes the jitter repeatable, for a simulation.
    #[cfg(feature = "test-util")]
    pub fn jitter_seed(mut self, seed: u64) -> Self {
        self.jitter = Jitter::seeded(seed);
        self
    }

    /// Checks the settings. Nothing is fetched before the first call.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the URL is none, or not protected; when the client has no id; when a parameter is one that the client sets
    /// itself; or when a setting contradicts the URL.
    pub fn build(self) -> Result<TokenClient, ConfigError> {
        let name = self.location.url();
        url::check_url(name, PlainHttp::Anywhere)?;
        if self.private_http && !name.starts_with("http:") {
            return Err(ConfigError::Conflict(
                "`private_http` is for a URL that begins with http:, and this one is protected"
                    .into(),
            ));
        }
        if self.authentication.client_id.is_empty() {
            return Err(ConfigError::Missing("the client has no id".into()));
        }
        if self.exchanged_tokens == 0 {
            return Err(setting("`exchanged_tokens` is 0"));
        }
        let fetch = self.fetch.unwrap_or_else(|| Arc::new(HttpFetch::default()));
        let request = FetchRequest::new(name, 0);
        let request = match self.private_http {
            true => request.with_private_http(),
            false => request,
        };
        fetch.check_url(&request).map_err(|error| {
            let cause = error.source().map(ToString::to_string);
            url::refused(name, cause.unwrap_or_else(|| error.to_string()))
        })?;
        let mut form = Form::default();
        for (name, value) in &self.parameters {
            if OWN_PARAMETERS.contains(&name.as_str()) {
                return Err(setting(format!(
                    "the parameter `{name}` is not yours to set"
                )));
            }
            form.push(name, value);
        }
        if !self.scopes.is_empty() {
            form.push("scope", &self.scopes.join(" "));
        }
        Ok(TokenClient::new(Shared {
            endpoint: TokenEndpoint::new(self.location),
            authentication: self.authentication,
            form,
            fetch,
            private_http: self.private_http,
            clock: self.clock,
            own: Arc::new(Slot::new()),
            exchanged: Cache::new(self.exchanged_tokens),
            permits: Semaphore::new(TokenClient::CONCURRENT),
            outage: Mutex::new(Outage::new(self.jitter)),
        }))
    }
}

impl fmt::Debug for TokenClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenClientBuilder")
            .field("endpoint", &self.location.url())
            .field("authentication", &self.authentication)
            .finish_non_exhaustive()
    }
}

fn setting(text: impl Into<String>) -> ConfigError {
    ConfigError::InvalidSetting(text.into())
}

/// The parameters that the grant and the proof have, and one with a setting.
const OWN_PARAMETERS: [&str; 9] = [
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "grant_type",
    "requested_token_type",
    "scope",
    "subject_token",
    "subject_token_type",
];
