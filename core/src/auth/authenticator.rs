//! The boundary that adapters call: find the credentials, then authenticate them.

use std::{fmt, iter, sync::Arc};

use serde::de::DeserializeOwned;

use super::{anonymous::Anonymous, authenticate::Authenticate, policy::Policy};
use crate::{
    auth::csrf::{Csrf, CsrfCheck, CsrfToken},
    claims::{Reader, VerifiedToken},
    error::{AuthError, AuthErrorKind, ChallengeParams, ConfigError, Mismatch, quoted},
    future::MaybeReady,
    log,
    request::{Credentials, Provenance, RequestHead, TokenSource},
    verify::{Issuers, Verifier},
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
    /// Set if a part of the policy is for everybody, and not only for those who have a token.
    token_is_required: bool,
    policy: Option<Arc<Policy>>,
    reader: Reader,
    /// `None` as long as it has no name: then no request counts a reference to it.
    space: Option<Arc<ChallengeParams>>,
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
            token_is_required: false,
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

    /// Lets requests *without* a token through as anonymous, unless something is
    /// [required](Self::require). A bad token is still refused.
    ///
    /// Routes that are not for everybody have the adapters' `Require`, or ask for the claims.
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Sets a policy that every request must fulfil. Repeatable: all policies must hold.
    ///
    /// A request without a token proves nothing: it is refused (401), also with
    /// [`optional`](Self::optional) and whatever the policy says. To ask only those who bring a token,
    /// use [`require_if_present`](Self::require_if_present).
    pub fn require(mut self, policy: Policy) -> Self {
        self.token_is_required = true;
        self.require_if_present(policy)
    }

    /// Sets a policy for a token *if* there is one. Repeated, or with [`require`](Self::require), both
    /// policies must hold.
    ///
    /// With [`optional`](Self::optional), whoever leaves the token out gets past this policy.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// # let verifier = TestIssuer::new().verifier();
    /// use countersign::{Authenticator, Policy};
    ///
    /// // A public page, which greets its users. Suspended ones are turned away.
    /// let authenticator = Authenticator::new(verifier)
    ///     .optional()
    ///     .require_if_present(Policy::claim("suspended", true).not());
    /// ```
    pub fn require_if_present(mut self, policy: Policy) -> Self {
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
    /// rules of [`TokenSource`]; [`AuthErrorKind::CrossSite`], [`AuthErrorKind::MissingOrigin`] or
    /// [`AuthErrorKind::WrongCsrfToken`] (403), by those of [`Csrf`].
    pub fn credentials<'h>(
        &self,
        head: &'h dyn RequestHead,
    ) -> Result<Option<Credentials<'h>>, AuthError> {
        let mut found = self.source.find(head);
        self.check_site(head, &mut found)
            .map_err(|error| self.refuse(error))?;
        found
            .and_then(|found| found.map(Credentials::read).transpose())
            .map_err(|kind| self.refuse(kind.into()))
    }

    /// Verifies what [`credentials`](Self::credentials) found. The second call of an adapter.
    ///
    /// The future's output is `Ok(None)` for an anonymous request, which only
    /// [`optional`](Self::optional) allows. It is ready at the first poll, unless a key has to be
    /// fetched.
    pub fn authenticate(&self, credentials: Option<Credentials<'_>>) -> Authenticate {
        match credentials {
            Some(credentials) => self.verify(&credentials),
            None => Authenticate::ready(self.without_token()),
        }
    }

    /// Finds the token in a request and verifies it: both calls in one.
    pub fn check(&self, head: &dyn RequestHead) -> Authenticate {
        let mut found = self.source.find(head);
        match (self.check_site(head, &mut found), &found) {
            (Ok(()), Ok(Some(credentials))) => self.verify(credentials),
            (Ok(()), Ok(None)) => Authenticate::ready(self.without_token()),
            (Ok(()), Err(kind)) => Authenticate::ready(Err(self.refuse((*kind).into()))),
            (Err(error), _) => Authenticate::ready(Err(self.refuse(error))),
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

    /// Whether the site that sent a token in a cookie may do so, as far as the head says.
    fn check_site<'h>(
        &self,
        head: &'h dyn RequestHead,
        found: &mut Result<Option<Credentials<'h>>, AuthErrorKind>,
    ) -> Result<(), AuthError> {
        if let Ok(Some(credentials)) = found
            && credentials.from_cookie
            && let Some(csrf) = &self.csrf
            && let CsrfCheck::NeedsToken(value) = csrf.check_head(head)?
        {
            credentials.found.csrf_value = Some(value.0);
        }
        Ok(())
    }

    fn verify(&self, credentials: &Credentials<'_>) -> Authenticate {
        let found = &credentials.found;
        match self.issuers.start(credentials.token, self.reader) {
            MaybeReady::Ready(Some(Ok(token))) => self.decide(token, found),
            MaybeReady::Ready(Some(Err(error))) => Authenticate::ready(Err(self.refuse(error))),
            waiting => {
                let authenticator = self.clone();
                let csrf_value = found.csrf_value.map(<[u8]>::to_vec);
                let (ambiguous, place) = (found.ambiguous, found.place);
                Authenticate::new(MaybeReady::waiting(async move {
                    let result = waiting.await;
                    let found = Provenance {
                        ambiguous,
                        place,
                        csrf_value: csrf_value.as_deref(),
                    };
                    match result {
                        Ok(token) => authenticator.decide(token, &found).await,
                        Err(error) => Err(authenticator.refuse(error)),
                    }
                }))
            }
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
        if self.optional && !self.token_is_required {
            log::count("anonymous");
            return Ok(None);
        }
        Err(log::refusal(self.missing_token()))
    }

    /// The checks that come after the verifier's.
    ///
    /// It makes what the adapter gets, at once: to move a verdict about takes longer than to decide.
    fn decide(&self, token: VerifiedToken, found: &Provenance<'_>) -> Authenticate {
        if let Err(error) = self.check_place(&token, found) {
            return Authenticate::ready(Err(self.refuse(error)));
        }
        let token = match &self.space {
            Some(space) => token.in_space(space),
            None => token,
        };
        if let Some(policy) = &self.policy
            && let Err(error) = policy.check(&token)
        {
            return Authenticate::ready(Err(log::refusal(error)));
        }
        log::count("accepted");
        Authenticate::ready(Ok(Some(token)))
    }

    /// Whether this token counts in that place, and nowhere else was one.
    fn check_place(&self, token: &VerifiedToken, found: &Provenance<'_>) -> Result<(), AuthError> {
        if found.ambiguous {
            return Err(AuthErrorKind::MalformedRequest.into());
        }
        if !self.own_sources.is_empty() && !self.is_in_its_place(token, found.place) {
            let error = AuthError::from(AuthErrorKind::UnknownIssuer);
            return Err(error.about(|| {
                let expected = "an issuer whose tokens count where this one was";
                Mismatch::written("iss", expected, quoted(token.issuer()))
            }));
        }
        match (&self.csrf, found.csrf_value) {
            (Some(csrf), Some(value)) => csrf.check_verified(CsrfToken(value), token),
            _ => Ok(()),
        }
    }

    /// Whether tokens of this issuer count where the request carries this one.
    fn is_in_its_place(&self, token: &VerifiedToken, place: Option<usize>) -> bool {
        let issuer = token.issuer();
        let mut own = self.own_sources.iter();
        let own = own.find(|(name, _)| issuer == Some(name));
        match (own, place) {
            (Some((_, own)), Some(index)) => {
                let part = self.source.part(index);
                part.is_some_and(|part| own.contains(part))
            }
            // Nobody said where, or the token is from no request.
            (None, _) | (_, None) => true,
        }
    }

    /// A refusal that does not know the protection space yet.
    fn refuse(&self, error: AuthError) -> AuthError {
        log::refusal(self.in_space(error))
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("issuers", &self.issuers)
            .field("source", &self.source)
            .field("csrf", &self.csrf)
            .field("optional", &self.optional)
            .field("token_is_required", &self.token_is_required)
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
