//! The settings of a source of remote keys.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use tokio::runtime::Handle;

use super::{remote_keys::RemoteKeys, saved::SavedKeys};
use crate::remote::{
    document::{Endpoint, Location},
    refresh::{RefreshTask, State, schedule::Jitter},
};
use crate::{
    clock::{Clock, SystemClock},
    error::ConfigError,
    jose::Algorithm,
    keys::KeySet,
    remote::http::{
        DynFetch, Fetch, HttpFetch,
        url::{self, PlainHttp},
    },
};

/// Builds [`RemoteKeys`]. Made by [`RemoteKeys::jwks`], [`RemoteKeys::discover`] and [`RemoteKeys::certificates`].
///
/// The defaults are for every provider; most apps set nothing.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use countersign::{RemoteKeys, remote::HttpFetch};
///
/// # async fn start(own_ca: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// let keys = RemoteKeys::discover("https://id.internal.example")
///     .fetch(HttpFetch::builder().root_certificate_pem(own_ca).build()?)
///     .max_stale(Duration::from_secs(6 * 3600))
///     .build()?;
/// # Ok(()) }
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct RemoteKeysBuilder {
    location: Location,
    algorithms: Option<Vec<Algorithm>>,
    keys_host: Option<String>,
    private_http: bool,
    fetch: Option<Arc<dyn DynFetch>>,
    max_stale: Duration,
    saved: Option<SavedKeys>,
    clock: Arc<dyn Clock>,
    jitter: Jitter,
}

impl RemoteKeysBuilder {
    /// The default for [`max_stale`](Self::max_stale): one hour.
    pub const DEFAULT_MAX_STALE: Duration = Duration::from_secs(3_600);
    /// The largest [`max_stale`](Self::max_stale): seven days.
    pub const LARGEST_MAX_STALE: Duration = Duration::from_secs(7 * 86_400);

    pub(super) fn new(location: Location) -> Self {
        Self {
            location,
            algorithms: None,
            keys_host: None,
            private_http: false,
            fetch: None,
            max_stale: Self::DEFAULT_MAX_STALE,
            saved: None,
            clock: Arc::new(SystemClock),
            jitter: Jitter::new(),
        }
    }

    /// The algorithms that a key without `alg` is used for. Default: those that the verifier
    /// is set to [accept](crate::VerifierBuilder::algorithms), if it
    /// [discovers](crate::Verifier::discover) its keys; else [`KeySet::DEFAULT_ALGORITHMS`], one for
    /// each type.
    ///
    /// To accept fewer algorithms than the keys are for, set those of the verifier.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
        self
    }

    /// Accepts a `jwks_uri` on the issuer's host or on this one only. Default: any host that is a
    /// name.
    pub fn keys_host(mut self, host: impl Into<String>) -> Self {
        self.keys_host = Some(host.into());
        self
    }

    /// Allows plain `http` to private networks: for a provider in the same Docker network or cluster, such as
    /// `http://keycloak:8080` or `http://auth.default.svc`.
    ///
    /// **Whoever is in that network and can pretend to be the provider can let anybody in.** A service mesh
    /// that encrypts between the containers is protection enough; a flat office network is not.
    ///
    /// Private are loopback addresses, those of RFC 1918 (`10.0.0.0/8`, `172.16.0.0/12`, `192.168.0.0/16`), and unique
    /// local ones of IPv6 (`fc00::/7`, RFC 4193). What counts is the address that is connected to, at each fetch: a
    /// name that also leads to any other address is refused. Redirects are not followed, and the `jwks_uri` of
    /// an `https` issuer stays `https`. A [`Fetch`] of your own decides by itself what it does over `http`.
    ///
    /// # Examples
    ///
    /// Docker's usual set-up: browsers and tokens name `http://localhost:8080`, and the API reaches the provider
    /// under the name of its container. So the metadata, which names `localhost`, is of no use to it.
    ///
    /// ```
    /// use countersign::{Provider, RemoteKeys, Verifier};
    ///
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = RemoteKeys::jwks("http://keycloak:8080/realms/shop/protocol/openid-connect/certs")
    ///     .private_http()
    ///     .build()?;
    /// let verifier = Verifier::builder(keys)
    ///     .provider(Provider::keycloak("http://localhost:8080", "shop")?)
    ///     .audience("orders")
    ///     .build()?;
    /// # drop(verifier);
    /// # Ok(()) }
    /// ```
    pub fn private_http(mut self) -> Self {
        self.private_http = true;
        self
    }

    /// Sets how documents are fetched. Default [`HttpFetch::default`]: HTTPS, with the certificates that the
    /// operating system trusts.
    pub fn fetch(mut self, fetch: impl Fetch) -> Self {
        self.fetch = Some(Arc::new(fetch));
        self
    }

    /// Sets how long keys are used after they expired, while the provider is away, in whole seconds. Default
    /// one hour, at most seven days.
    ///
    /// It bounds two things: how long an outage of the provider may last, and how long a key that the
    /// provider has withdrawn is still accepted when an attacker keeps the news from this server.
    pub fn max_stale(mut self, stale: Duration) -> Self {
        self.max_stale = stale;
        self
    }

    /// Starts with keys of an earlier run, until the first fetch has ended.
    ///
    /// Ignored, with a warning, when they are too old, from the future, of another source, or no keys.
    pub fn warm(mut self, saved: SavedKeys) -> Self {
        self.saved = Some(saved);
        self
    }

    /// The clock for the age of [saved](Self::warm) keys. Default [`SystemClock`]. Everything else
    /// goes by a clock that nobody can set.
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

    /// Checks the settings, and starts to fetch: a task on the Tokio runtime of the caller.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the URL is none, or not protected; when a setting is out of bounds, or contradicts
    /// the URL; or outside of a Tokio runtime.
    pub fn build(self) -> Result<RemoteKeys, ConfigError> {
        self.build_for(None)
    }

    pub(super) fn build_for(
        self,
        accepted: Option<&[Algorithm]>,
    ) -> Result<RemoteKeys, ConfigError> {
        url::check_url(self.location.name(), PlainHttp::Anywhere)?;
        if let Location::Issuer(issuer) = &self.location
            && issuer.contains('?')
        {
            return Err(setting("an issuer has no query (RFC 8414 section 2)"));
        }
        if self.max_stale > Self::LARGEST_MAX_STALE {
            return Err(setting("`max_stale` is more than seven days"));
        }
        if self.private_http && !self.location.name().starts_with("http:") {
            return Err(ConfigError::Conflict(
                "`private_http` is for a URL that begins with http:, and this one is protected"
                    .into(),
            ));
        }
        if let Some(host) = &self.keys_host {
            check_keys_host(host, &self.location)?;
        }
        let usual = match self.location {
            Location::AlbKeys(_) => &[Algorithm::ES256],
            _ => KeySet::DEFAULT_ALGORITHMS,
        };
        let algorithms = (self.algorithms).unwrap_or_else(|| accepted.unwrap_or(usual).to_vec());
        if let Location::AlbKeys(_) = self.location
            && algorithms != [Algorithm::ES256]
        {
            return Err(ConfigError::Conflict(
                "`algorithms`: the keys of a load balancer are for ES256".into(),
            ));
        }
        if algorithms.is_empty() {
            return Err(setting("the list of `algorithms` is empty"));
        }
        let fetch = self.fetch.unwrap_or_else(|| Arc::new(HttpFetch::default()));
        let request = Endpoint::request(self.location.name(), self.private_http);
        fetch.check_url(&request).map_err(|error| {
            let cause = error.source().map(ToString::to_string);
            url::refused(
                self.location.name(),
                cause.unwrap_or_else(|| error.to_string()),
            )
        })?;
        let runtime = Handle::try_current().map_err(|_| {
            ConfigError::Missing("remote keys need a Tokio runtime: build them within one".into())
        })?;
        let name = self.location.name().to_owned();
        let state = State::new(
            name,
            self.max_stale,
            self.clock,
            self.jitter,
            self.private_http,
            runtime.clone(),
        );
        let state = Arc::new(match &self.location {
            Location::AlbKeys(_) => state.fetching_each(),
            _ => state,
        });
        if let Some(saved) = self.saved {
            state.warm(saved, &algorithms, self.location.document());
        }
        let mut endpoint = Endpoint::new(
            self.location,
            self.keys_host,
            self.private_http,
            algorithms,
            fetch,
            self.max_stale,
        );
        if let Some(saved) = state.saved() {
            endpoint.start_with(&saved.jwks);
        }
        let driver = RefreshTask::new(Arc::clone(&state), endpoint);
        let task = runtime.spawn(driver.run());
        Ok(RemoteKeys::start(state, task.abort_handle()))
    }
}

impl fmt::Debug for RemoteKeysBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeysBuilder")
            .field("location", &self.location)
            .field("max_stale", &self.max_stale)
            .finish_non_exhaustive()
    }
}

/// Checks for a host alone, in lower case as it is compared: no scheme, no port, no path.
fn check_keys_host(host: &str, location: &Location) -> Result<(), ConfigError> {
    if !matches!(location, Location::Issuer(_)) {
        return Err(ConfigError::Conflict(
            "`keys_host` is for keys that are discovered: this URL has its host".into(),
        ));
    }
    if url::host(&format!("https://{host}/")).as_deref() != Some(host) {
        return Err(ConfigError::InvalidSetting(format!(
            "`keys_host` is {host:?}, which is no host name in lower case"
        )));
    }
    Ok(())
}

fn setting(text: &str) -> ConfigError {
    ConfigError::InvalidSetting(text.to_owned())
}
