//! The API, before a framework serves it.

use std::{fmt, sync::Arc};

use countersign::{Authenticator, Clock, Policy, VerifiedToken, remote::SavedKeys};
use demo::Readiness;

use crate::{
    config::Config,
    health,
    issuers::{self, Issuer},
    keys::{Earlier, IssuerKeys, Remote},
    place::Mistake,
    proof::Possession,
    replay::Replay,
    state::State,
    tenants::TenantIssuers,
};

/// The media type of claims.
pub(crate) const JSON: &str = "application/json";

/// The API, before a framework serves it. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    authenticator: Authenticator,
    issuers: Arc<[Issuer]>,
    replay: Option<Replay>,
    tenants: Option<TenantIssuers>,
}

impl Api {
    /// Makes the API that a file describes. Needs a tokio runtime: keys are fetched in the
    /// background, and nobody waits for them here.
    ///
    /// # Errors
    ///
    /// [`Mistake`], the first one in the file.
    pub fn new(config: &Config, clock: impl Clock) -> Result<Self, Mistake> {
        Self::after(config, clock, None, None)
    }

    /// Makes it with keys of the API before it, as far as their settings are the same, and begins with those
    /// that an earlier run has saved.
    pub(crate) fn after(
        config: &Config,
        clock: impl Clock,
        before: Option<&Self>,
        saved: Option<&State>,
    ) -> Result<Self, Mistake> {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let tenants_before = before.and_then(|api| api.tenants.as_ref());
        let replay = before.and_then(|api| api.replay.as_ref());
        let possession = Possession::read(config, replay)?;
        let before = before.map_or(&[][..], |api| &*api.issuers);
        let running = before.iter().filter_map(|issuer| issuer.keys.remote());
        let earlier = Earlier::new(running.collect(), saved);
        let issuers = Issuer::read_all(config, &clock, &earlier)?;
        let tenants = TenantIssuers::read(config, &clock, tenants_before, saved)?;
        let authenticator = issuers::authenticator(config, &issuers, tenants.as_ref())?;
        let authenticator = possession.apply(authenticator);
        // Last: a mistake in the file changes nothing of what is running.
        let allowed = tenants.as_ref().map(|tenants| tenants.allow(config));
        allowed.transpose()?;
        Ok(Self {
            authenticator,
            issuers: issuers.into(),
            replay: possession.replay,
            tenants,
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
        health::readiness(&self.issuers, self.tenants.as_ref())
    }

    /// Returns the number of issuers that have a table of their own.
    #[must_use]
    pub fn issuers(&self) -> usize {
        self.issuers.len()
    }

    /// Returns the keys to save, each with its source.
    pub(crate) fn saved_keys(&self) -> impl Iterator<Item = (String, SavedKeys)> {
        let fixed = self
            .remote()
            .filter_map(|remote| Some((remote.source().to_owned(), remote.keys().saved()?)));
        let tenants = self.tenants.iter().flat_map(TenantIssuers::saved_keys);
        fixed.chain(tenants)
    }

    /// Returns whether keys are those of a tenant who is not allowed any more.
    pub(crate) fn is_gone(&self, source: &str) -> bool {
        let tenants = self.tenants.as_ref();
        tenants.is_some_and(|tenants| tenants.is_gone(source))
            && !self.remote().any(|remote| remote.source() == source)
    }

    fn remote(&self) -> impl Iterator<Item = &Remote> {
        let keys = self.issuers.iter().map(|issuer| &issuer.keys);
        keys.filter_map(IssuerKeys::remote)
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("authenticator", &self.authenticator)
            .finish_non_exhaustive()
    }
}
