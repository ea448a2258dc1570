//! The source of a provider's tokens.

use crate::{
    claims::{Provider, Standing},
    request::TokenSource,
};

impl Provider {
    /// Returns where its tokens are in a request, for [`Authenticator::source`](crate::Authenticator::source) or
    /// [`source_for`](crate::Authenticator::source_for): the header `Authorization`, unless the section of the provider says otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::{Authenticator, ConfigError, Provider, testing::TestIssuer};
    /// # let verifier = TestIssuer::new().verifier();
    /// let access = Provider::cloudflare_access("example")?;
    /// let authenticator = Authenticator::new(verifier).source(access.token_source());
    /// # Ok::<(), ConfigError>(())
    /// ```
    pub fn token_source(&self) -> TokenSource {
        match self.standing {
            Standing::Bearer => TokenSource::bearer(),
            Standing::BearerOrCookie(name) => TokenSource::bearer().or(TokenSource::cookie(name)),
            Standing::Cookie(name) => TokenSource::cookie(name),
            Standing::Header(name) => TokenSource::header(name),
        }
    }
}
