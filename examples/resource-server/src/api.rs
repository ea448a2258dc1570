//! The API, before a framework serves it.

use std::{fmt, sync::Arc};

use countersign::{Authenticator, Clock, Policy, VerifiedToken};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::{
    config::Config,
    health::Readiness,
    issuers::{self, Issuer},
    place::Mistake,
};

/// The media type of claims and of the state of the keys.
pub(crate) const JSON: &str = "application/json";
/// The media type of `/metrics`: what Prometheus reads.
pub(crate) const METRICS: &str = "text/plain; version=0.0.4";

/// The API, before a framework serves it. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    authenticator: Authenticator,
    issuers: Arc<[Issuer]>,
    metrics: PrometheusHandle,
}

impl Api {
    /// Makes the API that a file describes. Needs a tokio runtime: keys are fetched in the
    /// background, and nobody waits for them here.
    ///
    /// # Errors
    ///
    /// [`Mistake`], the first one in the file.
    pub fn new(
        config: &Config,
        clock: impl Clock,
        metrics: PrometheusHandle,
    ) -> Result<Self, Mistake> {
        let issuers = Issuer::read_all(config, &(Arc::new(clock) as Arc<dyn Clock>))?;
        Ok(Self {
            authenticator: issuers::authenticator(config, &issuers)?,
            issuers: issuers.into(),
            metrics,
        })
    }

    /// Returns the authentication of `/v1/*`: everybody with a good token.
    pub fn users(&self) -> Authenticator {
        self.authenticator.clone()
    }

    /// Returns the authentication of `/v1/feed`: those, and everybody without a token.
    pub fn anybody(&self) -> Authenticator {
        self.users().optional()
    }

    /// Returns the policy of `/v1/admin`.
    pub fn admins() -> Policy {
        Policy::scope("admin")
    }

    /// Returns the answer of `/v1/feed`.
    #[must_use]
    pub fn greeting(token: Option<&VerifiedToken>) -> String {
        let name = token.map(|token| token.subject().unwrap_or("somebody"));
        name.unwrap_or("anonymous").to_owned()
    }

    /// Returns the answer of `/readyz`.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        Readiness::of(&self.issuers)
    }

    /// Returns the answer of `/metrics`.
    #[must_use]
    pub fn metrics(&self) -> String {
        self.metrics.render()
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("authenticator", &self.authenticator)
            .finish_non_exhaustive()
    }
}
