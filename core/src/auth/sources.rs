//! The settings of an authenticator about where tokens are.

use std::{iter, sync::Arc};

use super::authenticator::Authenticator;
use crate::{error::ConfigError, request::TokenSource};

impl Authenticator {
    /// Sets where requests carry the token. Default: the `Authorization` header.
    pub fn source(mut self, source: TokenSource) -> Self {
        self.source = source;
        self
    }

    /// Accepts the tokens of one issuer from these sources only, which [`source`](Self::source) names as
    /// well. Default: from all of them.
    ///
    /// For an app whose own sessions are in a cookie, beside a provider whose clients send a header.
    /// A token from another source is refused like one of an unknown issuer. Where an issuer has several
    /// names, one of them stands for all.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when no verifier is for this issuer: nothing would be kept out.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Authenticator, Issuers, TokenSource};
    /// # use countersign::{Verifier, testing::TestIssuer};
    /// # let own = TestIssuer::new();
    /// # let verifier = |name| Verifier::builder(own.key()).issuer(name).audience("orders").build();
    /// let issuers = [verifier("https://login.example")?, verifier("https://id.example")?];
    /// let issuers = Issuers::new(issuers)?;
    /// let cookie = TokenSource::cookie("__Host-access");
    /// let authenticator = Authenticator::new(issuers)
    ///     .source(TokenSource::bearer().or(cookie.clone()))
    ///     .source_for("https://login.example", cookie)?
    ///     .source_for("https://id.example", TokenSource::bearer())?;
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn source_for(
        mut self,
        issuer: impl AsRef<str>,
        source: TokenSource,
    ) -> Result<Self, ConfigError> {
        let issuer = issuer.as_ref();
        let names = self.issuers.names(issuer).ok_or_else(|| {
            ConfigError::Conflict(format!(
                "`source_for` {issuer:?}: no verifier is for this issuer"
            ))
        })?;
        let own = Arc::make_mut(&mut self.own_sources);
        own.retain(|(other, _)| other.as_ref().is_none_or(|other| !names.contains(other)));
        own.extend(names.into_iter().map(Some).zip(iter::repeat(source)));
        Ok(self)
    }

    /// Accepts the tokens of all issuers that a [resolver](crate::Issuers::dynamic) finds from these sources only, as
    /// [`source_for`](Self::source_for) does for one issuer, which still counts for the issuer that it names. Opaque tokens are of no resolver.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when there is no resolver: nothing would be kept out.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Authenticator, Issuers, TokenSource};
    /// # use countersign::{ConfigError, Verifier, testing::TestIssuer};
    /// # async fn resolver(_: Box<str>) -> Result<Option<Verifier>, ConfigError> { Ok(None) }
    /// # fn start(login: Verifier) -> Result<(), ConfigError> {
    /// // The app's own sessions are in a cookie, and tenants' clients send a header.
    /// let cookie = TokenSource::cookie("__Host-access");
    /// let authenticator = Authenticator::new(Issuers::new([login])?.with_dynamic(resolver)?)
    ///     .source(TokenSource::bearer().or(cookie.clone()))
    ///     .source_for(TestIssuer::ISSUER, cookie)?
    ///     .source_for_dynamic(TokenSource::bearer())?;
    /// # drop(authenticator);
    /// # Ok(()) }
    /// # start(TestIssuer::new().verifier()).unwrap();
    /// ```
    #[cfg(feature = "remote")]
    pub fn source_for_dynamic(mut self, source: TokenSource) -> Result<Self, ConfigError> {
        if !self.issuers.has_dynamic() {
            return Err(ConfigError::Conflict(
                "`source_for_dynamic`: there is no resolver of issuers".into(),
            ));
        }
        let own = Arc::make_mut(&mut self.own_sources);
        own.retain(|(other, _)| other.is_some());
        own.push((None, source));
        Ok(self)
    }
}
