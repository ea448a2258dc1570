//! The tenants of a product: an allow list, and the issuer of each.

use std::{collections::HashSet, error::Error, fmt, future::Future, sync::Arc};

use super::pattern::Pattern;
use crate::{
    claims::Provider,
    error::ConfigError,
    sync::ArcSwap,
    verify::{
        dynamic::{DynamicIssuers, DynamicIssuersBuilder},
        verifier::Verifier,
    },
};

/// Tenants whose issuers differ in one part of their names, such as the realms of a Keycloak, and the list of those that are allowed.
///
/// [`resolver`](Self::resolver) makes [`DynamicIssuers`] of it. The list can change while the server runs: [`set`](Self::set) is in effect at
/// the next request. Clones share it.
///
/// # Examples
///
/// ```
/// use countersign::{Authenticator, ConfigError, Issuers, Tenants, Verifier};
///
/// # fn start() -> Result<(), ConfigError> {
/// let tenants = Tenants::pattern("https://{tenant}.id.example", ["acme", "globex"])?;
/// let resolver = tenants.resolver(async |tenant| {
///     let audience = format!("https://{}.app.example", tenant.name());
///     Verifier::discover(tenant).audience(audience).build().await
/// });
/// let authenticator = Authenticator::new(Issuers::dynamic(resolver.build()?));
///
/// tenants.set(["acme", "globex", "initech"])?;
/// assert_eq!(tenants.tenant_of("https://initech.id.example"), Some("initech"));
/// assert_eq!(tenants.tenant_of("https://hooli.id.example"), None);
/// # drop(authenticator);
/// # Ok(()) }
/// # start().unwrap();
/// ```
#[derive(Clone)]
pub struct Tenants {
    pattern: Arc<Pattern>,
    kind: Kind,
    allowed: Arc<ArcSwap<HashSet<Box<str>>>>,
}

/// The provider whose tenants these are.
#[derive(Clone)]
enum Kind {
    Entra,
    Keycloak { base: Arc<str> },
    Plain,
}

/// A tenant: what is built for it, [`Verifier::discover`] takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    name: Box<str>,
    provider: Provider,
}

impl Tenants {
    /// Tenants of issuers of this form, with `{tenant}` in place of the tenant's name, which is a whole segment of the path or a whole label
    /// of the host: `https://id.example/realms/{tenant}`, `https://{tenant}.id.example`.
    ///
    /// A name is of the letters `A-Z a-z 0-9 - . _ ~` in a path, where no dot comes first and 128 bytes are the most, and of `a-z 0-9 -` in a
    /// host.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when the pattern is not of this form, or a name is none.
    pub fn pattern<N: AsRef<str>>(
        pattern: impl AsRef<str>,
        allowed: impl IntoIterator<Item = N>,
    ) -> Result<Self, ConfigError> {
        Self::new(pattern.as_ref(), Kind::Plain, allowed)
    }

    /// Tenants of Microsoft Entra ID, by their ids, for an app that is registered for the accounts of several organizations. See
    /// [Entra ID](Provider#entra-id).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when one is no GUID.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Issuers, Tenants, Verifier};
    ///
    /// # fn start() -> Result<(), countersign::ConfigError> {
    /// let tenants = Tenants::entra(["72f988bf-86f1-41af-91ab-2d7cd011db47"])?;
    /// let resolver = tenants.resolver(async |tenant| {
    ///     Verifier::discover(tenant).audience("6e74172b-be56-4843-9ff4-e66a39bb12e3").build().await
    /// });
    /// let issuers = Issuers::dynamic(resolver.build()?);
    /// # drop(issuers);
    /// # Ok(()) }
    /// # start().unwrap();
    /// ```
    pub fn entra<N: AsRef<str>>(
        tenant_ids: impl IntoIterator<Item = N>,
    ) -> Result<Self, ConfigError> {
        let pattern = "https://login.microsoftonline.com/{tenant}/v2.0";
        Self::new(pattern, Kind::Entra, tenant_ids)
    }

    /// Realms of a Keycloak, by its base URL and their names. See [Keycloak](Provider#keycloak).
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when `base` is not the URL of the server, or a realm has characters that a URL writes in another way.
    pub fn keycloak<N: AsRef<str>>(
        base: impl AsRef<str>,
        realms: impl IntoIterator<Item = N>,
    ) -> Result<Self, ConfigError> {
        let base = base.as_ref().trim_end_matches('/');
        let _ = Provider::keycloak(base, "realm")?;
        let kind = Kind::Keycloak { base: base.into() };
        Self::new(&format!("{base}/realms/{{tenant}}"), kind, realms)
    }

    fn new<N: AsRef<str>>(
        pattern: &str,
        kind: Kind,
        allowed: impl IntoIterator<Item = N>,
    ) -> Result<Self, ConfigError> {
        let tenants = Self {
            pattern: Arc::new(Pattern::parse(pattern)?),
            kind,
            allowed: Arc::new(ArcSwap::from_pointee(HashSet::new())),
        };
        tenants.set(allowed)?;
        Ok(tenants)
    }

    /// Allows these tenants and no others, from the next request on, also for tokens that wait for keys or that a cache has.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when a name is none; then the list stays as it is.
    pub fn set<N: AsRef<str>>(
        &self,
        allowed: impl IntoIterator<Item = N>,
    ) -> Result<(), ConfigError> {
        let names = allowed.into_iter().map(|name| self.checked(name.as_ref()));
        self.allowed
            .store(Arc::new(names.collect::<Result<_, _>>()?));
        Ok(())
    }

    /// Returns the name of a tenant as its issuer has it.
    fn checked(&self, name: &str) -> Result<Box<str>, ConfigError> {
        let name = match self.kind {
            Kind::Entra => name.to_ascii_lowercase(),
            Kind::Keycloak { .. } | Kind::Plain => name.to_owned(),
        };
        let _ = self.provider(&name)?;
        match self.pattern.is_tenant(&name) {
            true => Ok(name.into()),
            false => Err(ConfigError::InvalidSetting(format!(
                "{name:?} is no name of a tenant: an issuer does not have it as it is"
            ))),
        }
    }

    fn provider(&self, name: &str) -> Result<Provider, ConfigError> {
        match &self.kind {
            Kind::Entra => Provider::entra(name),
            Kind::Keycloak { base } => Provider::keycloak(base, name),
            Kind::Plain => Ok(Provider::new(self.pattern.issuer(name))),
        }
    }

    /// Returns the tenant of an issuer, if it is one of those that are allowed now: of [`VerifiedToken::issuer`](crate::VerifiedToken::issuer).
    #[must_use]
    pub fn tenant_of<'i>(&self, issuer: &'i str) -> Option<&'i str> {
        let tenant = self.pattern.tenant_of(issuer)?;
        self.allowed.load().contains(tenant).then_some(tenant)
    }

    /// Makes a resolver of issuers: `verifier` builds that of a tenant, with its audience and whatever else its tokens need. The list
    /// is asked [for each token](DynamicIssuersBuilder::only), so nobody can have more asked about than it has: the
    /// [budget](DynamicIssuersBuilder::new_per_minute) is the largest, and so is the [room](DynamicIssuersBuilder::capacity): 10,000 tenants, also when
    /// the list grows later.
    pub fn resolver<F, Fut, E>(&self, verifier: F) -> DynamicIssuersBuilder
    where
        F: Fn(Tenant) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Verifier, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let own = self.clone();
        let builder = DynamicIssuers::builder(move |issuer: Box<str>| {
            let tenant = own.tenant_of(&issuer).map(|name| {
                let provider = own.provider(name)?;
                let name = name.into();
                Ok::<_, ConfigError>(verifier(Tenant { name, provider }))
            });
            async move {
                let Some(verifier) = tenant.transpose()? else {
                    return Ok(None);
                };
                verifier
                    .await
                    .map(Some)
                    .map_err(Into::<Box<dyn Error + Send + Sync>>::into)
            }
        });
        // The list is the bound, also when it has grown.
        let builder = builder
            .capacity(DynamicIssuersBuilder::LARGEST_CAPACITY)
            .new_per_minute(DynamicIssuersBuilder::LARGEST_NEW_PER_MINUTE);
        let own = self.clone();
        let builder = builder.only(move |issuer| own.tenant_of(issuer).is_some());
        match self.pattern.is_http() {
            true => builder.private_http(),
            false => builder,
        }
    }
}

impl Tenant {
    /// Returns the name: the part of the issuer that is the tenant's own.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name of the issuer, as its tokens have it.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.provider.issuer()
    }

    /// Returns what its tokens are like.
    pub fn provider(&self) -> &Provider {
        &self.provider
    }
}

impl From<Tenant> for Provider {
    fn from(tenant: Tenant) -> Self {
        tenant.provider
    }
}

impl fmt::Debug for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tenants")
            .field("pattern", &self.pattern)
            .field("allowed", &self.allowed.load().len())
            .finish_non_exhaustive()
    }
}
