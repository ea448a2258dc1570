//! The boundary that adapters call: find the credentials, then authenticate them.

use std::{fmt, iter, sync::Arc};

use serde::de::DeserializeOwned;

use crate::{
    anonymous::Anonymous,
    authenticate::Authenticate,
    challenge::ProtectionSpace,
    claims::{Reader, VerifiedToken},
    config_error::ConfigError,
    credentials::Credentials,
    csrf::{Csrf, CsrfCheck, CsrfToken},
    error::{AuthError, AuthErrorKind},
    future::MaybeReady,
    issuers::Issuers,
    policy::Policy,
    source::{RequestHead, TokenSource},
    verify::Verifier,
};

/// How requests are authenticated: who issues, where the token is, what it must hold.
///
/// Adapters take anything that converts into it, so a [`Verifier`] alone will do. All options are
/// made here, once, for every framework.
///
/// # Examples
///
/// ```
/// use countersign::{Authenticator, Policy, TokenSource};
/// # use countersign::testing::TestIssuer;
/// # let verifier = TestIssuer::new().verifier();
/// let authenticator = Authenticator::new(verifier)
///     .source(TokenSource::bearer().or(TokenSource::cookie("__Host-access")))
///     .require(Policy::scope("orders:read"))
///     .realm("orders");
/// ```
#[must_use = "an authenticator does nothing until a layer uses it"]
#[derive(Clone)]
pub struct Authenticator {
    issuers: Issuers,
    source: TokenSource,
    /// For these issuers, the part of `source` where their tokens count.
    own_sources: Arc<Vec<(Box<str>, TokenSource)>>,
    csrf: Option<Arc<Csrf>>,
    optional: bool,
    policy: Option<Arc<Policy>>,
    reader: Reader,
    /// `None` as long as it has no name: then no request counts a reference to it.
    space: Option<Arc<ProtectionSpace>>,
}

impl Authenticator {
    /// Accepts the tokens that this verifier, or these issuers, accept.
    pub fn new(issuers: impl Into<Issuers>) -> Self {
        Self {
            issuers: issuers.into(),
            source: TokenSource::default(),
            own_sources: Arc::default(),
            csrf: Some(Arc::default()),
            optional: false,
            policy: None,
            reader: Reader::UNTYPED,
            space: None,
        }
    }

    /// Where requests carry the token. Default: the `Authorization` header.
    pub fn source(mut self, source: TokenSource) -> Self {
        self.source = source;
        self
    }

    /// Lets the tokens of one issuer count in these of the places that [`source`](Self::source)
    /// names, and nowhere else. Default: everywhere.
    ///
    /// For an app whose own sessions are in a cookie, beside a provider whose clients send a header.
    /// A token in a place that is not for its issuer is refused like one of an unknown issuer. Where an
    /// issuer has several names, one of them stands for all.
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
            ConfigError::Conflict(format!("no verifier is for the issuer {issuer:?}"))
        })?;
        let own = Arc::make_mut(&mut self.own_sources);
        own.retain(|(other, _)| !names.contains(other));
        own.extend(names.into_iter().zip(iter::repeat(source)));
        Ok(self)
    }

    /// How tokens from a [cookie](TokenSource::cookie) are protected against requests that another
    /// site makes a browser send. Default: [`Csrf::new`].
    pub fn csrf(mut self, csrf: Csrf) -> Self {
        self.csrf = Some(Arc::new(csrf));
        self
    }

    /// Accepts tokens from a cookie whoever made the browser send the request.
    ///
    /// Any page that a logged-in user visits can then act in that user's name, as far as `SameSite`
    /// lets it: that never stops pages of sibling subdomains. Only for a server behind something that
    /// has checked the origin already.
    pub fn without_csrf_protection(mut self) -> Self {
        self.csrf = None;
        self
    }

    /// Lets requests *without* a token through as anonymous. A bad token is still refused.
    ///
    /// Anonymous requests have no token to check, so [`require`](Self::require) does not stop them:
    /// use it for what a token must hold *if* there is one, and the adapters' `Require` for routes
    /// that are not for everybody.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// What every token must hold. Said again, both policies must hold.
    pub fn require(mut self, policy: Policy) -> Self {
        let policy = match self.policy.take() {
            Some(first) => Policy::clone(&first).and(policy),
            None => policy,
        };
        self.policy = Some(Arc::new(policy));
        self
    }

    /// Reads the claims as a `T` in the same pass that checks the token.
    ///
    /// For an app whose handlers mostly ask for [`claims::<T>`](VerifiedToken::claims): they find it
    /// ready, and the payload is read once instead of twice. Nothing else changes; a token whose
    /// payload does not fit a `T` is no less valid.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// # let verifier = TestIssuer::new().verifier();
    /// use countersign::Authenticator;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct User {
    ///     sub: String,
    /// }
    ///
    /// let authenticator = Authenticator::new(verifier).parse_as::<User>();
    /// ```
    pub fn parse_as<T>(mut self) -> Self
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        self.reader = Reader::of::<T>();
        self
    }

    /// The protection space that challenges name (RFC 9110 section 11.5). No default.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        Arc::make_mut(self.space.get_or_insert_default()).realm = Some(realm.into());
        self
    }

    /// The URL of the protected resource's metadata, for challenges (RFC 9728 section 5.1). No
    /// default.
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        Arc::make_mut(self.space.get_or_insert_default()).resource_metadata = Some(url.into());
        self
    }

    /// Finds the token in a request. The first of two calls an adapter makes.
    ///
    /// `None` when there is no token.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::MalformedRequest`] (400) or [`AuthErrorKind::MalformedToken`] (401), by the
    /// rules of [`TokenSource`]; [`AuthErrorKind::CrossSite`] (403), by those of [`Csrf`].
    pub fn credentials<'h>(
        &self,
        head: &'h dyn RequestHead,
    ) -> Result<Option<Credentials<'h>>, AuthError> {
        self.find(head)
            .map_err(|error| self.report(self.in_space(error)))
    }

    /// Verifies what [`credentials`](Self::credentials) found. The second call of an adapter.
    ///
    /// The future's output is `Ok(None)` for an anonymous request, which only
    /// [`optional`](Self::optional) allows. It is ready at the first poll, unless a key has to be
    /// fetched.
    pub fn authenticate(&self, credentials: Option<Credentials<'_>>) -> Authenticate {
        let Some(credentials) = credentials else {
            return Authenticate::new(MaybeReady::ready(self.without_token()));
        };
        let (ambiguous, csrf) = (credentials.is_ambiguous(), credentials.csrf_value());
        let found_in = credentials.found_in();
        let verified = self.issuers.start(credentials.token(), self.reader);
        Authenticate::new(match verified {
            MaybeReady::Ready(result) => MaybeReady::Ready(
                result.map(|result| self.decide(result, ambiguous, found_in, csrf)),
            ),
            waiting => {
                let authenticator = self.clone();
                let csrf = csrf.map(<[u8]>::to_vec);
                waiting.map(move |result| {
                    authenticator.decide(result, ambiguous, found_in, csrf.as_deref())
                })
            }
        })
    }

    /// Finds the token in a request and verifies it: both calls in one.
    pub fn check(&self, head: &dyn RequestHead) -> Authenticate {
        match self.credentials(head) {
            Ok(credentials) => self.authenticate(credentials),
            Err(error) => Authenticate::new(MaybeReady::ready(Err(error))),
        }
    }

    /// The mark of an anonymous request, which only [`optional`](Self::optional) lets through.
    ///
    /// For adapters, which keep it in the request for their extractors.
    #[must_use]
    pub fn anonymous(&self) -> Anonymous {
        Anonymous::new(self.missing_token())
    }

    /// The names of the headers that can carry the token, in lower case, for adapters that keep
    /// them out of logs.
    #[must_use]
    pub fn credential_headers(&self) -> Vec<&str> {
        self.source.headers()
    }

    fn find<'h>(&self, head: &'h dyn RequestHead) -> Result<Option<Credentials<'h>>, AuthError> {
        let found = self.source.find(head)?;
        match (&self.csrf, found) {
            (Some(csrf), Some(credentials)) if credentials.is_from_cookie() => {
                Ok(Some(match csrf.check_head(head)? {
                    CsrfCheck::NeedsToken(value) => credentials.with_csrf_value(value.0),
                    CsrfCheck::Pass => credentials,
                }))
            }
            _ => Ok(found),
        }
    }

    fn missing_token(&self) -> AuthError {
        self.in_space(AuthErrorKind::MissingToken.into())
    }

    fn in_space(&self, error: AuthError) -> AuthError {
        match &self.space {
            Some(space) => error.with_space(space),
            None => error,
        }
    }

    fn without_token(&self) -> Result<Option<VerifiedToken>, AuthError> {
        if self.optional {
            count("anonymous");
            return Ok(None);
        }
        Err(self.report(self.missing_token()))
    }

    fn decide(
        &self,
        verified: Result<VerifiedToken, AuthError>,
        ambiguous: bool,
        found_in: Option<usize>,
        csrf_value: Option<&[u8]>,
    ) -> Result<Option<VerifiedToken>, AuthError> {
        let token = verified
            .and_then(|token| {
                if ambiguous {
                    return Err(AuthErrorKind::MalformedRequest.into());
                }
                if !self.is_in_its_place(&token, found_in) {
                    return Err(AuthErrorKind::UnknownIssuer.into());
                }
                if let (Some(csrf), Some(value)) = (&self.csrf, csrf_value) {
                    csrf.check_verified(CsrfToken(value), &token)?;
                }
                Ok(token)
            })
            .map_err(|error| self.report(self.in_space(error)))?;
        let token = match &self.space {
            Some(space) => token.in_space(space),
            None => token,
        };
        if let Some(policy) = &self.policy {
            policy.check(&token).map_err(|error| self.report(error))?;
        }
        count("accepted");
        Ok(Some(token))
    }

    /// Whether tokens of this issuer count where the request carries this one.
    fn is_in_its_place(&self, token: &VerifiedToken, found_in: Option<usize>) -> bool {
        let issuer = token.issuer();
        let mut own = self.own_sources.iter();
        let own = own.find(|(name, _)| issuer == Some(name));
        match (own, found_in) {
            (Some((_, own)), Some(index)) => {
                let part = self.source.part(index);
                part.is_some_and(|part| own.contains(part))
            }
            // Nobody said where, or the token is from no request.
            (None, _) | (_, None) => true,
        }
    }

    /// Says in the log why a request is refused, and counts it. Nothing of it comes from the client.
    fn report(&self, error: AuthError) -> AuthError {
        count(error.reason());
        write_to_log(&error);
        error
    }
}

/// Writes the refusal of a request to the log, as an event of `tracing`, and counts it.
///
/// For adapters that refuse a request themselves. Fields: `reason` (stable), `status`, and `cause`
/// where there is more to say. Clients' mistakes are `debug`, our own are `warn`. Without keys it is `debug`
/// too: a source of keys says so itself, once, and a flood of requests must not flood the log.
pub fn log(error: &AuthError) {
    #[cfg(feature = "metrics")]
    crate::metrics::handler_refusal(error.reason());
    write_to_log(error);
}

/// Counts the verdict on a request.
fn count(outcome: &'static str) {
    #[cfg(feature = "metrics")]
    crate::metrics::request(outcome);
    #[cfg(not(feature = "metrics"))]
    let _ = outcome;
}

fn write_to_log(error: &AuthError) {
    let (reason, status) = (error.reason(), error.kind().status());
    let cause = std::error::Error::source(error).map(tracing::field::display);
    if status >= 500 && error.kind() != AuthErrorKind::KeysUnavailable {
        tracing::warn!(target: "countersign", reason, status, cause, "cannot authenticate");
    } else {
        tracing::debug!(target: "countersign", reason, status, cause, "request refused");
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("issuers", &self.issuers)
            .field("source", &self.source)
            .field("csrf", &self.csrf)
            .field("optional", &self.optional)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl From<Verifier> for Authenticator {
    fn from(verifier: Verifier) -> Self {
        Self::new(verifier)
    }
}

impl From<&Verifier> for Authenticator {
    fn from(verifier: &Verifier) -> Self {
        Self::new(verifier)
    }
}

impl From<Issuers> for Authenticator {
    fn from(issuers: Issuers) -> Self {
        Self::new(issuers)
    }
}
