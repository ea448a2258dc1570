//! The settings of a kind of opaque tokens.

use std::{fmt, future::Future, sync::Arc};

use super::{error::OpaqueTokenError, form::Form, identity::OpaqueIdentity, token::OpaqueToken};
use crate::{
    claims::ScopeHierarchy,
    clock::{Clock, SystemClock},
    error::ConfigError,
    future::BoxFuture,
};

/// Opaque tokens: credentials that are no JWT by their form, such as API keys, and the app's check of them.
///
/// [`Authenticator::opaque_tokens`](crate::Authenticator::opaque_tokens) takes them. The form alone decides who judges a credential: what begins with the
/// prefix, or is in the header, goes to the check and never to a verifier; a JWT that was refused never goes to the check.
///
/// | the check answers | the request |
/// |---|---|
/// | `Ok(identity)` | goes on: a [`VerifiedToken`](crate::VerifiedToken), then [principal](crate::Authenticator::principal) and policies |
/// | [`OpaqueTokenError::unauthorized`] | 401 `invalid_token` |
/// | [`OpaqueTokenError::forbidden`] | 403 |
/// | any other error, by `?` | 503 |
///
/// Lists of [revocations](crate::Revocation) are not asked about such a token: its check is asked each time.
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
///     Ok(OpaqueIdentity::new(owner.to_string()).scopes(["orders:read"]))
/// }
///
/// let authenticator = Authenticator::new(verifier)
///     .opaque_tokens(OpaqueTokens::prefixed("sk_", check).name("api_key"))?;
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[must_use = "opaque tokens are refused until an `Authenticator` has them"]
#[derive(Clone)]
pub struct OpaqueTokens {
    pub(super) form: Form,
    pub(super) name: Box<str>,
    pub(super) ask: Arc<Check>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) hierarchy: Option<ScopeHierarchy>,
}

/// The check, without its types.
pub(super) type Check =
    dyn Fn(OpaqueToken) -> BoxFuture<Result<OpaqueIdentity, OpaqueTokenError>> + Send + Sync;

impl OpaqueTokens {
    /// The default of [`name`](Self::name).
    pub const DEFAULT_NAME: &'static str = "opaque";

    /// Takes tokens that begin with this prefix, wherever the authenticator [looks for tokens](crate::Authenticator::source).
    ///
    /// 1 to 32 letters, digits, and `-._~+/`. A prefix with which a JWT can begin, such as `ey`, is an error.
    pub fn prefixed<F, Fut>(prefix: impl Into<String>, check: F) -> Self
    where
        F: Fn(OpaqueToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<OpaqueIdentity, OpaqueTokenError>> + Send + 'static,
    {
        Self::new(Form::Prefix(prefix.into().into()), check)
    }

    /// Takes the content of this header, whatever it is. `Authorization` and `Cookie` are an error: they can carry a JWT.
    ///
    /// Adapters mark the header as sensitive, as that of a token.
    pub fn in_header<F, Fut>(name: impl Into<String>, check: F) -> Self
    where
        F: Fn(OpaqueToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<OpaqueIdentity, OpaqueTokenError>> + Send + 'static,
    {
        Self::new(Form::Header(name.into().to_ascii_lowercase().into()), check)
    }

    fn new<F, Fut>(form: Form, check: F) -> Self
    where
        F: Fn(OpaqueToken) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<OpaqueIdentity, OpaqueTokenError>> + Send + 'static,
    {
        Self {
            form,
            name: Self::DEFAULT_NAME.into(),
            ask: Arc::new(move |token| Box::pin(check(token))),
            clock: Arc::new(SystemClock),
            hierarchy: None,
        }
    }

    /// Sets the name of the kind: [`VerifiedToken::credential`](crate::VerifiedToken::credential), the issuer (`iss`) of its tokens, and a label of metrics.
    /// Default: `opaque`.
    ///
    /// 1 to 64 lower-case letters, digits, `_` and `-`: so no URL of an issuer. A JWT that names it as its issuer is
    /// refused, whoever signed it. Kinds of one name have the same subjects.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into().into();
        self
    }

    /// Sets which scopes imply others: see [`ScopeHierarchy`]. Default: none does. Take the one that the
    /// [verifiers](crate::VerifierBuilder::scope_hierarchy) have, so that a scope is worth the same in a token and in a key.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Authenticator, ConfigError, OpaqueTokens, Verifier, claims::ScopeHierarchy};
    ///
    /// fn with_keys(verifier: Verifier, keys: OpaqueTokens) -> Result<Authenticator, ConfigError> {
    ///     let scopes = ScopeHierarchy::new([("orders:write", "orders:read")])?;
    ///     let verifier = verifier.with_scope_hierarchy(scopes.clone());
    ///     Authenticator::new(verifier).opaque_tokens(keys.scope_hierarchy(scopes))
    /// }
    /// ```
    pub fn scope_hierarchy(mut self, hierarchy: ScopeHierarchy) -> Self {
        self.hierarchy = Some(hierarchy);
        self
    }

    /// Checks the form and the name by themselves.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        self.form.check()?;
        let name = &self.name;
        let good = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        match (1..=64).contains(&name.len()) && name.bytes().all(good) {
            true => Ok(()),
            false => Err(ConfigError::InvalidSetting(format!(
                "`OpaqueTokens::name`: {name:?} is no name of 1 to 64 lower-case letters, digits, `_` and `-`"
            ))),
        }
    }

    pub(in crate::auth) fn issuer(&self) -> &str {
        &self.name
    }

    pub(in crate::auth) fn header(&self) -> Option<&str> {
        match &self.form {
            Form::Header(name) => Some(name),
            Form::Prefix(_) => None,
        }
    }

    /// Sets the clock by which tokens expire. Default: the system's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl fmt::Debug for OpaqueTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueTokens")
            .field("name", &self.name)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}
