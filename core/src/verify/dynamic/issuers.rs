//! The handle of an app to the issuers that its resolver finds.

use std::{error::Error, fmt, future::Future, sync::Arc};

use super::{
    answer::Answer,
    book::News,
    builder::DynamicIssuersBuilder,
    engine::Engine,
    state::{Known, State},
};
use crate::{
    claims::{ClaimSlot, ClaimSpec, RegisteredClaims, VerifiedToken},
    error::{AuthError, AuthErrorKind, ConfigError},
    future::MaybeReady,
    jose::{Compact, HeaderBuffer, HeaderView, base64url},
    request::TokenText,
    verify::{caller::Caller, verifier::Verifier},
};

/// Issuers that are found while the server runs: the tenants of a product, each with a verifier of its own.
///
/// A function of the app's, the resolver, is asked with the `iss` of a token, and answers with a verifier for exactly
/// this issuer, or with `None`. [`Issuers::dynamic`](crate::Issuers::dynamic) takes one. Audience, keys, tolerances, list of revocations and
/// cache are those of the tenant's verifier. Where tenants are told apart by a part of their issuer's URL,
/// [`Tenants`](crate::Tenants) is the resolver.
///
/// `iss` is read before the signature, so anybody can put anything there:
///
/// | `iss` is | the request |
/// |---|---|
/// | no `https` URL in its one usual spelling, with user, query or fragment, or longer than 512 bytes | 401, nobody is asked |
/// | left out by [`only`](DynamicIssuersBuilder::only) | 401, nobody is asked |
/// | known | is up to the verifier; no lock, nobody is asked |
/// | one for which the resolver says `None` | 401; remembered for a [while](DynamicIssuersBuilder::unknown_for) |
/// | one for which it fails, or takes longer than ten seconds | 503; remembered for five seconds at most |
/// | one for which it has a verifier of another issuer | 500; remembered for a while |
/// | new, and the [budget](DynamicIssuersBuilder::new_per_minute) of this minute is used up | 503 |
/// | new, and all that there is [room](DynamicIssuersBuilder::capacity) for are in use | 503 |
///
/// The resolver is asked once for all requests that wait for an issuer. What it builds appears in metrics as `dynamic`.
///
/// A clone is a handle to the same issuers.
///
/// # Examples
///
/// ```
/// use countersign::{Authenticator, ConfigError, DynamicIssuers, Issuers, Verifier};
/// # #[derive(Clone)] struct Database;
/// # impl Database { async fn tenant_has(&self, _: &str) -> Result<bool, std::io::Error> { Ok(true) } }
///
/// # async fn start(database: Database) -> Result<(), ConfigError> {
/// let tenants = DynamicIssuers::new(move |issuer: Box<str>| {
///     let database = database.clone();
///     async move {
///         // The list of the app's own comes first: nothing is fetched from wherever a token says.
///         if !database.tenant_has(&issuer).await? {
///             return Ok(None);
///         }
///         let verifier = Verifier::discover(String::from(issuer)).audience("orders").build();
///         Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Some(verifier.await?))
///     }
/// });
/// let authenticator = Authenticator::new(Issuers::dynamic(tenants.clone()));
///
/// // Later, when the app has deleted a tenant:
/// tenants.remove("https://id.example/realms/a");
/// # drop(authenticator);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct DynamicIssuers(pub(super) Arc<State>);

/// A token that is not verified, in parts.
#[derive(Clone, Copy)]
pub(crate) struct Unverified<'t> {
    pub(crate) text: &'t str,
    pub(crate) compact: Compact<'t>,
    pub(crate) payload: &'t str,
}

impl DynamicIssuers {
    /// Asks this resolver, with the default settings.
    ///
    /// What it starts runs on the Tokio runtime of the caller; without one, on that of the first request.
    pub fn new<F, Fut, E>(resolver: F) -> Self
    where
        F: Fn(Box<str>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<Verifier>, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self::builder(resolver).build_unchecked()
    }

    /// Asks this resolver, with other settings.
    pub fn builder<F, Fut, E>(resolver: F) -> DynamicIssuersBuilder
    where
        F: Fn(Box<str>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<Verifier>, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        DynamicIssuersBuilder::new(resolver)
    }

    /// Adds an issuer with this verifier, in place of the one that it has: for a tenant that was just created, or all of them at the
    /// start. No token has to wait for the resolver then.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the verifier is not for exactly one issuer, in the form that the resolver would be asked about,
    /// or all that there is room for are in use.
    pub fn add(&self, verifier: &Verifier) -> Result<(), ConfigError> {
        let Some([issuer]) = verifier.issuers() else {
            return Err(ConfigError::Conflict(
                "a verifier of `DynamicIssuers` is for exactly one issuer".into(),
            ));
        };
        self.0.check_form(issuer).map_err(|problem| {
            ConfigError::InvalidSetting(format!("the issuer {issuer:?}: {problem}"))
        })?;
        self.0.add(issuer, verifier).ok_or_else(|| {
            ConfigError::InvalidSetting(
                "there is no room for one more issuer: see `capacity`".into(),
            )
        })
    }

    /// Removes an issuer.
    ///
    /// When this returns, no further request gets in with a token of the issuer, not even one that waits for keys or for the
    /// resolver, or that a cache has. It stays unknown for [`unknown_for`](DynamicIssuersBuilder::unknown_for), and the resolver decides again after that: so
    /// take the tenant out of what the resolver reads, and then call this, on each node.
    pub fn remove(&self, issuer: &str) {
        self.0.drop_issuer(issuer, true);
    }

    /// Forgets all about an issuer, so that the next token has the resolver asked: for a tenant that was just created, and may have been
    /// refused a moment ago, or one whose settings are others now.
    pub fn forget(&self, issuer: &str) {
        self.0.drop_issuer(issuer, false);
    }

    /// Returns the number of issuers that have a verifier.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.engines().len()
    }

    /// Returns whether no issuer has a verifier.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks whether a token of this issuer could be accepted.
    pub(crate) fn may_know(&self, issuer: &str) -> bool {
        self.0.check_name(issuer).is_ok()
    }

    /// Returns the length of the longest token whose issuer is read, in bytes.
    pub(crate) fn max_token_bytes(&self) -> usize {
        self.0.settings.max_token_bytes
    }

    /// Returns the verifier of an issuer, if it is known.
    pub(crate) fn engine(&self, issuer: &str) -> Option<Arc<Engine>> {
        self.0.engine(issuer)
    }

    /// Returns why nobody decides about a token of an issuer that is not known, as far as that is certain.
    pub(crate) fn refusal(&self, issuer: &str) -> Option<AuthError> {
        match self.0.permits(issuer) {
            true => self.0.check_name(issuer).err(),
            false => Some(State::not_permitted(issuer)),
        }
    }

    /// Verifies a token of this issuer.
    pub(crate) fn start(
        &self,
        issuer: &str,
        token: Unverified<'_>,
        caller: Caller,
    ) -> MaybeReady<Result<VerifiedToken, AuthError>> {
        if !self.0.permits(issuer) {
            return MaybeReady::ready(Err(State::not_permitted(issuer)));
        }
        if let Some(engine) = self.0.engine(issuer) {
            return self.verify(engine, issuer, token.text, caller);
        }
        if let Err(error) = self.0.check_name(issuer).and_then(|()| token.check(issuer)) {
            return MaybeReady::ready(Err(error));
        }
        match self.0.look(issuer) {
            Known::Engine(engine) => self.verify(engine, issuer, token.text, caller),
            Known::Refused(error) => MaybeReady::ready(Err(error)),
            Known::Soon(_) => self.wait(issuer, token.text, caller),
        }
    }

    /// Verifies a token by an engine, and once more if the issuer has changed meanwhile.
    fn verify(
        &self,
        engine: Arc<Engine>,
        issuer: &str,
        token: &str,
        caller: Caller,
    ) -> MaybeReady<Result<VerifiedToken, AuthError>> {
        match engine.verifier().start(TokenText::Str(token), caller) {
            MaybeReady::Ready(Some(result)) if engine.note(result.is_ok()) => {
                MaybeReady::ready(result)
            }
            MaybeReady::Ready(_) => self.wait(issuer, token, caller),
            waiting => {
                let own = self.clone();
                let (issuer, token) = (Box::<str>::from(issuer), token.to_owned());
                MaybeReady::waiting(async move {
                    let result = waiting.await;
                    match own.counts(&engine, &issuer, &result) {
                        true => result,
                        false => own.decide(&issuer, &token, caller).await,
                    }
                })
            }
        }
    }

    fn wait(
        &self,
        issuer: &str,
        token: &str,
        caller: Caller,
    ) -> MaybeReady<Result<VerifiedToken, AuthError>> {
        let own = self.clone();
        let (issuer, token) = (Box::<str>::from(issuer), token.to_owned());
        MaybeReady::waiting(async move { own.decide(&issuer, &token, caller).await })
    }

    /// Decides about a token, however often the app changes its mind about the issuer meanwhile.
    async fn decide(
        &self,
        issuer: &str,
        token: &str,
        caller: Caller,
    ) -> Result<VerifiedToken, AuthError> {
        loop {
            if !self.0.permits(issuer) {
                return Err(State::not_permitted(issuer));
            }
            let mut news = match self.0.look(issuer) {
                Known::Engine(engine) => {
                    let result = engine.verifier().start(TokenText::Str(token), caller).await;
                    if self.counts(&engine, issuer, &result) {
                        return result;
                    }
                    continue;
                }
                Known::Refused(error) => return Err(error),
                Known::Soon(news) => news,
            };
            let answered = news.wait_for(|news| !matches!(news, News::None)).await;
            // It is in the book, or void: the next look tells, unless it is one that nothing remembers.
            if let Ok(News::Answered(Answer::Err(why))) = answered.as_deref() {
                let after = self.0.remembered_for(why);
                return Err(why.clone().into_error(issuer, after));
            }
        }
    }

    /// Checks whether a verdict that was waited for still counts.
    fn counts(
        &self,
        engine: &Engine,
        issuer: &str,
        result: &Result<VerifiedToken, AuthError>,
    ) -> bool {
        engine.note(result.is_ok()) && self.0.permits(issuer)
    }
}

impl Unverified<'_> {
    /// Checks that this is a token whose `iss` no reader takes for another one: the resolver is not asked for less.
    fn check(&self, issuer: &str) -> Result<(), AuthError> {
        let malformed = || AuthError::from(AuthErrorKind::MalformedToken);
        HeaderView::parse(self.compact.header, &mut HeaderBuffer::new())?;
        base64url::decode(self.compact.signature).ok_or_else(malformed)?;
        let spec = &ClaimSpec::NOTHING;
        let claims = RegisteredClaims::parse(self.payload, spec)
            .map_err(|unreadable| unreadable.into_error(self.payload, spec))?;
        match claims.text(ClaimSlot::ISSUER, self.payload) == Some(issuer) {
            true => Ok(()),
            false => Err(malformed()),
        }
    }
}

/// A function alone, with the default settings.
impl<F, Fut, E> From<F> for DynamicIssuers
where
    F: Fn(Box<str>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<Verifier>, E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    fn from(resolver: F) -> Self {
        Self::new(resolver)
    }
}

/// No names: there can be a thousand.
impl fmt::Debug for DynamicIssuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicIssuers")
            .field("len", &self.len())
            .field("capacity", &self.0.settings.capacity)
            .finish_non_exhaustive()
    }
}
