//! The resolver of principals: a function of the app's, and how its answers are used.

use std::{any::Any, fmt, future::Future, marker::PhantomData, sync::Arc};

use super::error::PrincipalError;
#[cfg(feature = "cache")]
use super::{cache::PrincipalCache, subject::TokenSubject};
#[cfg(feature = "cache")]
use crate::error::ConfigError;
use crate::{
    claims::VerifiedToken,
    error::{AuthError, AuthErrorKind, Outage},
    future::BoxFuture,
    verify::RevocationLists,
};

/// Finds the principal of a verified token: the user as the app knows it.
///
/// [`Authenticator::principal`](crate::Authenticator::principal) takes one, or a function alone. It is asked after the token and the list of
/// revocations, and before any policy:
///
/// | it answers | the request |
/// |---|---|
/// | `Ok(user)` | goes on: `Principal<P>` of the adapters, [`VerifiedToken::principal`], [`Policy::principal`](crate::Policy::principal) |
/// | [`PrincipalError::unauthorized`] | 401 `invalid_token` |
/// | [`PrincipalError::forbidden`] | 403 |
/// | any other error, by `?` | 503 |
///
/// Nothing is kept, so each request costs what the function costs, unless it is one of the subject alone: `of_subject` (feature `cache`).
///
/// # Examples
///
/// ```
/// use countersign::{Authenticator, Policy, PrincipalError, VerifiedToken};
/// # use countersign::testing::TestIssuer;
/// # #[derive(Clone)] struct Database;
/// # impl Database {
/// #     async fn user(&self, id: Option<&str>) -> Result<Option<User>, std::io::Error> { Ok(Some(User { locked: false, admin: true })) }
/// # }
/// struct User {
///     locked: bool,
///     admin: bool,
/// }
///
/// # fn of(verifier: countersign::Verifier, database: Database) {
/// let authenticator = Authenticator::new(verifier)
///     .principal(move |token: VerifiedToken| {
///         let database = database.clone();
///         async move {
///             match database.user(token.subject()).await? {
///                 Some(user) if user.locked => Err(PrincipalError::forbidden("locked")),
///                 Some(user) => Ok(user),
///                 None => Err(PrincipalError::unauthorized("no such user")),
///             }
///         }
///     })
///     .require(Policy::principal("an admin", |user: &User| user.admin));
/// # }
/// # of(TestIssuer::new().verifier(), Database);
/// ```
pub struct PrincipalResolver<P> {
    source: Source,
    label: Option<Label>,
    principal: PhantomData<fn() -> P>,
}

/// A principal, whatever its type.
pub(super) type AnyPrincipal = Arc<dyn Any + Send + Sync>;

type Label = Arc<dyn Fn(&(dyn Any + Send + Sync)) -> Option<String> + Send + Sync>;

type Find =
    Arc<dyn Fn(VerifiedToken) -> BoxFuture<Result<AnyPrincipal, PrincipalError>> + Send + Sync>;

#[derive(Clone)]
enum Source {
    /// Asked for each request.
    Each(Find),
    #[cfg(feature = "cache")]
    Subject(Arc<PrincipalCache>),
}

impl<P: Send + Sync + 'static> PrincipalResolver<P> {
    /// Asks the function for each request.
    pub fn new<F, Fut>(find: F) -> Self
    where
        F: Fn(VerifiedToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<P, PrincipalError>> + Send + 'static,
    {
        Self::of(Source::Each(Arc::new(move |token| erased(find(token)))))
    }

    fn of(source: Source) -> Self {
        Self {
            source,
            label: None,
            principal: PhantomData,
        }
    }

    /// RequestFacts the principal in the log: the field `principal` of each refusal that comes after it was found. Default: no
    /// field. At most 255 bytes are written.
    ///
    /// Log a number of your own rather than a name or an address.
    #[must_use]
    pub fn log_as<D: fmt::Display>(
        mut self,
        label: impl Fn(&P) -> D + Send + Sync + 'static,
    ) -> Self {
        self.label = Some(Arc::new(move |principal| {
            principal.downcast_ref().map(|own| label(own).to_string())
        }));
        self
    }
}

#[cfg(feature = "cache")]
impl<P: Send + Sync + 'static> PrincipalResolver<P> {
    /// Asks a function that knows the subject of the token and nothing else, and keeps its answer for the
    /// subject: for [a while](Self::cache_for), ten seconds by default. A token without `sub` is refused (401).
    ///
    /// At any time the function runs once for a subject; requests that come meanwhile wait for its answer. Refusals and
    /// outages are not kept. A [revocation](crate::Revocation) of the subject by a list of the authenticator's verifiers drops what is
    /// kept, also what is just being asked for.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use countersign::{Authenticator, PrincipalError, PrincipalResolver, TokenSubject};
    /// # use countersign::testing::TestIssuer;
    /// # struct User { id: u64 }
    ///
    /// async fn user(subject: TokenSubject) -> Result<User, PrincipalError> {
    ///     # async fn find(_: &str) -> Result<Option<User>, std::io::Error> { Ok(None) }
    ///     let user = find(subject.subject()).await?;
    ///     user.ok_or_else(|| PrincipalError::unauthorized("no such user"))
    /// }
    ///
    /// let users = PrincipalResolver::of_subject(user)
    ///     .cache_for(Duration::from_secs(5))?
    ///     .log_as(|user| user.id);
    /// let authenticator = Authenticator::new(TestIssuer::new().verifier()).principal(users);
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn of_subject<F, Fut>(find: F) -> Self
    where
        F: Fn(TokenSubject) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<P, PrincipalError>> + Send + 'static,
    {
        let find = Arc::new(move |subject| erased(find(subject)));
        Self::of(Source::Subject(Arc::new(PrincipalCache::new(find))))
    }

    /// Sets how long an answer of a function [of the subject](Self::of_subject) is used, in whole seconds, counted from the moment when
    /// the function was asked. Default ten seconds.
    ///
    /// A user that the app locks gets in for so long.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when the function is one of the token, whose answers are not kept.
    /// [`ConfigError::InvalidSetting`] for less than a second.
    pub fn cache_for(self, time: std::time::Duration) -> Result<Self, ConfigError> {
        self.keep("cache_for", |cache| match time.as_secs() {
            0 => Err(ConfigError::InvalidSetting(format!(
                "`cache_for`: {time:?} is less than a second: to keep nothing, use `PrincipalResolver::new`"
            ))),
            seconds => Ok(cache.with_time(i64::try_from(seconds).unwrap_or(i64::MAX))),
        })
    }

    /// Sets how many subjects are kept at most. Default 10,000. When it is full, those that were not seen again make room.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when the function is one of the token, whose answers are not kept.
    /// [`ConfigError::InvalidSetting`] for 0.
    pub fn cache_capacity(self, subjects: usize) -> Result<Self, ConfigError> {
        self.keep("cache_capacity", |cache| match subjects {
            0 => Err(ConfigError::InvalidSetting(
                "`cache_capacity` is 0: to keep nothing, use `PrincipalResolver::new`".into(),
            )),
            _ => Ok(cache.with_capacity(subjects)),
        })
    }

    /// Changes how answers are kept, where they are.
    fn keep(
        mut self,
        setting: &str,
        change: impl FnOnce(&PrincipalCache) -> Result<PrincipalCache, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let Source::Subject(cache) = &mut self.source else {
            return Err(ConfigError::Conflict(format!(
                "`{setting}`: answers about a token are not kept, only those of `PrincipalResolver::of_subject`"
            )));
        };
        *cache = Arc::new(change(cache)?);
        Ok(self)
    }
}

/// Forgets the type.
fn erased<P: Send + Sync + 'static>(
    found: impl Future<Output = Result<P, PrincipalError>> + Send + 'static,
) -> BoxFuture<Result<AnyPrincipal, PrincipalError>> {
    Box::pin(async move {
        found
            .await
            .map(|principal| Arc::new(principal) as AnyPrincipal)
    })
}

impl<P, F, Fut> From<F> for PrincipalResolver<P>
where
    P: Send + Sync + 'static,
    F: Fn(VerifiedToken) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<P, PrincipalError>> + Send + 'static,
{
    fn from(find: F) -> Self {
        Self::new(find)
    }
}

impl<P> Clone for PrincipalResolver<P> {
    fn clone(&self) -> Self {
        Self {
            source: self.source.clone(),
            label: self.label.clone(),
            principal: PhantomData,
        }
    }
}

impl<P> fmt::Debug for PrincipalResolver<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalResolver").finish_non_exhaustive()
    }
}

/// A resolver as an authenticator uses it.
pub(in crate::auth) struct Step {
    source: Source,
    label: Option<Label>,
    /// The lists by which kept principals are dropped.
    #[cfg_attr(not(feature = "cache"), allow(dead_code))]
    lists: RevocationLists,
    outage: Outage,
}

impl Step {
    pub(in crate::auth) fn new<P>(resolver: PrincipalResolver<P>, lists: RevocationLists) -> Self {
        #[cfg(feature = "metrics")]
        for result in RESULTS {
            crate::metrics::principal(result, 0);
        }
        let PrincipalResolver { source, label, .. } = resolver;
        Self {
            source,
            label,
            lists,
            outage: Outage::new(),
        }
    }

    /// Returns the token with a principal that is kept, if there is one: without waiting.
    #[cfg_attr(not(feature = "cache"), allow(clippy::unused_self))]
    pub(in crate::auth) fn kept(
        &self,
        token: VerifiedToken,
    ) -> Result<VerifiedToken, VerifiedToken> {
        #[cfg(feature = "cache")]
        if let Source::Subject(cache) = &self.source
            && let Some(principal) = cache.kept(&token, &self.lists)
        {
            #[cfg(feature = "metrics")]
            crate::metrics::principal("kept", 1);
            return Ok(self.add(token, principal));
        }
        Err(token)
    }

    /// Finds the principal of a token, and returns the token with it.
    pub(in crate::auth) async fn resolve(
        &self,
        token: VerifiedToken,
    ) -> Result<VerifiedToken, AuthError> {
        let found = match &self.source {
            Source::Each(find) => find(token.clone()).await,
            #[cfg(feature = "cache")]
            Source::Subject(cache) => match TokenSubject::of(&token) {
                Some(subject) => cache.find(subject, &token, &self.lists).await,
                None => Err(PrincipalError::unauthorized("the token has no `sub`")),
            },
        };
        #[cfg(feature = "metrics")]
        crate::metrics::principal(result_of(&found), 1);
        self.tell(found.as_ref().err());
        match found {
            Ok(principal) => Ok(self.add(token, principal)),
            Err(error) => Err(token.complete(error.refusal())),
        }
    }

    fn add(&self, token: VerifiedToken, principal: AnyPrincipal) -> VerifiedToken {
        let label = self.label.as_ref().and_then(|label| label(&*principal));
        token.with_principal(principal, label)
    }

    /// Logs an outage where it begins and where it ends.
    fn tell(&self, error: Option<&PrincipalError>) {
        match error.filter(|error| error.kind == AuthErrorKind::PrincipalUnavailable) {
            Some(error) => {
                if let Some(left_out) = self.outage.fails() {
                    let cause = error.cause();
                    tracing::warn!(target: "countersign", %cause, left_out, "the principals of tokens cannot be found: requests are refused");
                }
            }
            None => {
                if self.outage.works() {
                    tracing::info!(target: "countersign", "the principals of tokens are found again");
                }
            }
        }
    }
}

/// The results by which principals are counted.
#[cfg(feature = "metrics")]
const RESULTS: [&str; 5] = [
    "kept",
    "found",
    "principal_refused",
    "principal_forbidden",
    "principal_unavailable",
];

#[cfg(feature = "metrics")]
fn result_of(found: &Result<AnyPrincipal, PrincipalError>) -> &'static str {
    found
        .as_ref()
        .map_or_else(|error| error.kind.reason(), |_| "found")
}
