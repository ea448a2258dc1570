//! The settings of an authenticator about what counts, what is required, and what is told.

use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::{
    authenticator::Authenticator,
    opaque::OpaqueTokens,
    policy::Policy,
    principal::{PrincipalResolver, Step},
};
use crate::{
    auth::csrf::Csrf,
    claims::Reader,
    error::{ChallengeParams, ConfigError, LogLevel},
};

impl Authenticator {
    /// Adds credentials that are no JWT by their form, such as API keys, which the app checks itself. Repeatable: each kind
    /// has another form. Default: none.
    ///
    /// Its tokens come out as a [`VerifiedToken`](crate::VerifiedToken), and all that follows is as for a JWT:
    /// [`principal`](Self::principal), policies, challenges. A request with a JWT and an opaque token is a bad request
    /// (400), as one with two tokens. From a cookie, it is protected by [`Csrf`] as a JWT is.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] for a prefix with which a JWT can begin, a header that can carry one, or a name that is
    /// none. [`ConfigError::Conflict`] when a token could be of two kinds, the [source](Self::source) set before reads the
    /// header too, or a verifier is for an issuer of the kind's name.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Authenticator, OpaqueIdentity, OpaqueToken, OpaqueTokenError, OpaqueTokens};
    /// # use countersign::testing::TestIssuer;
    /// # let verifier = TestIssuer::new().verifier();
    ///
    /// async fn check(key: OpaqueToken) -> Result<OpaqueIdentity, OpaqueTokenError> {
    ///     # async fn find(_: &str) -> Result<Option<u64>, std::io::Error> { Ok(None) }
    ///     let owner = find(key.as_str()).await?;
    ///     let owner = owner.ok_or_else(|| OpaqueTokenError::unauthorized("no such key"))?;
    ///     Ok(OpaqueIdentity::new(owner.to_string()))
    /// }
    ///
    /// let authenticator = Authenticator::new(verifier)
    ///     .opaque_tokens(OpaqueTokens::prefixed("sk_", check))?
    ///     .opaque_tokens(OpaqueTokens::in_header("x-api-key", check))?;
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn opaque_tokens(mut self, tokens: impl Into<OpaqueTokens>) -> Result<Self, ConfigError> {
        let tokens = tokens.into();
        tokens.check()?;
        let conflict = |text: String| Err(ConfigError::Conflict(text));
        if let Some(header) = tokens.header()
            && self.source.headers().contains(&header)
        {
            return conflict(format!(
                "`opaque_tokens`: `source` reads the header {header:?}, too: each token there would be two"
            ));
        }
        if self.issuers.is_for(tokens.issuer()) {
            let name = tokens.issuer();
            return conflict(format!(
                "`opaque_tokens`: a verifier is for the issuer {name:?}"
            ));
        }
        Arc::make_mut(self.opaque.get_or_insert_default()).add(tokens)?;
        Ok(self)
    }

    /// Sets the protection of tokens from a [cookie](crate::TokenSource::cookie) against requests that another
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

    /// Has the app find the principal of each token, after the token is verified and before any policy is asked: a
    /// function, or a [`PrincipalResolver`] with more settings. Default: none.
    ///
    /// It refuses the request (401 or 403), or cannot tell (503), or the handler finds what it has found: see
    /// [`PrincipalResolver`]. There is one; the last one counts. Session routes verify by themselves, and ask nobody.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// # let verifier = TestIssuer::new().verifier();
    /// use countersign::{Authenticator, PrincipalError, VerifiedToken};
    ///
    /// struct User {
    ///     name: String,
    /// }
    ///
    /// async fn user(token: VerifiedToken) -> Result<User, PrincipalError> {
    ///     match token.subject() {
    ///         Some("mallory") => Err(PrincipalError::forbidden("locked")),
    ///         Some(name) => Ok(User { name: name.to_owned() }),
    ///         None => Err(PrincipalError::unauthorized("no subject")),
    ///     }
    /// }
    ///
    /// let authenticator = Authenticator::new(verifier).principal(user);
    /// ```
    pub fn principal<P: Send + Sync + 'static>(
        mut self,
        resolver: impl Into<PrincipalResolver<P>>,
    ) -> Self {
        let lists = self.issuers.revocations();
        self.principal = Some(Arc::new(Step::new(resolver.into(), lists)));
        self
    }

    /// Reads the claims as a `T` in the same pass that checks the token.
    ///
    /// For an app whose handlers usually ask for [`claims::<T>`](crate::VerifiedToken::claims): they find it
    /// ready, and the payload is read once instead of twice. Nothing else changes: a token whose payload
    /// does not fit a `T` is just as valid.
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
        self.caller.reader = Reader::of::<T>();
        self
    }

    /// Keeps the text of each accepted token for the handlers: [`VerifiedToken::encoded`]. Default: it is gone
    /// with the request.
    ///
    /// An [opaque token](Self::opaque_tokens), such as an API key, is not kept.
    ///
    /// For a gateway or a backend for a frontend, which sends it on. Send it only to services that are meant
    /// by its `aud`: any other could use it in the user's name (RFC 9700 section 4.9).
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// # let issuer = TestIssuer::new();
    /// # let verifier = issuer.verifier();
    /// # let text = issuer.token().sign();
    /// use countersign::{Authenticator, adapter::Credentials};
    ///
    /// let authenticator = Authenticator::new(verifier).keep_token_text();
    /// # futures_executor::block_on(async {
    /// let token = authenticator.authenticate(Some(Credentials::new(&text))).await?;
    /// assert_eq!(token.as_ref().and_then(|token| token.encoded()), Some(text.as_str()));
    /// # Ok::<(), countersign::AuthError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// [`VerifiedToken::encoded`]: crate::VerifiedToken::encoded
    pub fn keep_token_text(mut self) -> Self {
        self.keeps_text = true;
        self
    }

    /// Sets the realm that challenges name (RFC 9110 section 11.5). No default.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.params().realm = Some(realm.into());
        self
    }

    /// Sets the URL of the protected resource's metadata, for challenges (RFC 9728 section 5.1). No
    /// default.
    pub fn resource_metadata(mut self, url: impl Into<String>) -> Self {
        self.params().resource_metadata = Some(url.into());
        self
    }

    /// Sets the level at which refusals are logged, those of policies, extractors and handlers within the
    /// layer included. Default: [`LogLevel::Debug`].
    ///
    /// The line has the stable reason, and the claim that was wrong. Anybody can cause one, so a process writes ten
    /// for each reason in ten seconds, and the next one has the number of those that were `left_out`. The feature
    /// `metrics` counts all of them.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// # let verifier = TestIssuer::new().verifier();
    /// use countersign::{Authenticator, LogLevel};
    ///
    /// let authenticator = Authenticator::new(verifier).log_refusals_at(LogLevel::Info);
    /// ```
    pub fn log_refusals_at(mut self, level: LogLevel) -> Self {
        self.params().log_level = level;
        self
    }

    /// Names actor and subject in the log where a token with an [actor](crate::VerifiedToken::actor) is refused after it was
    /// verified: the fields `actor` and `subject`. Default: no name of a user is in any line of the log.
    ///
    /// For an audit of agents and of staff that acts for customers. Names are cut to 128 characters.
    ///
    /// # Examples
    ///
    /// ```
    /// # use countersign::testing::TestIssuer;
    /// # let verifier = TestIssuer::new().verifier();
    /// use countersign::{Authenticator, Policy};
    ///
    /// // `reason="forbidden" actor="assistant" subject="ada"`
    /// let payments = Authenticator::new(verifier).require(Policy::direct()).log_actors();
    /// ```
    pub fn log_actors(mut self) -> Self {
        self.params().log_actors = true;
        self
    }

    pub(super) fn params(&mut self) -> &mut ChallengeParams {
        let added = Arc::make_mut(self.added.get_or_insert_default());
        Arc::make_mut(&mut added.params)
    }
}
