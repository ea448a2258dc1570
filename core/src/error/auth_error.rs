//! The error of a refused request.

use std::{error::Error, fmt, sync::Arc};

use super::{kind::AuthErrorKind, mismatch::Mismatch};
use crate::error::challenge::{Challenge, ChallengeParams};

/// The refusal of a request.
///
/// Opaque: [`kind`](Self::kind) says what happened, [`reason`](Self::reason) is its stable name
/// for logs and metrics, [`challenge`](Self::challenge) is the answer for the client, and
/// [`source`](Error::source) carries details for the log: where a token is refused, a [`Mismatch`].
/// Neither the text nor the challenge ever contains a token, a key or a claim value.
///
/// # Examples
///
/// ```
/// use countersign::{AuthError, AuthErrorKind};
///
/// let error = AuthError::from(AuthErrorKind::Expired);
/// assert_eq!(error.to_string(), "the token has expired");
/// assert_eq!(error.reason(), "expired");
/// assert_eq!(error.challenge().status(), 401);
/// ```
#[derive(Clone)]
pub struct AuthError {
    kind: AuthErrorKind,
    required: Option<Arc<Required>>,
    retry_after: Option<u32>,
    source: Source,
    params: Option<Arc<ChallengeParams>>,
    facts: Option<Arc<RequestFacts>>,
}

/// Facts about the request: names of those whom it is of, for the log, and what the challenge has to know of its proof.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestFacts {
    pub(crate) principal: Option<Arc<str>>,
    pub(crate) actor: Option<String>,
    /// Only of a token with an actor.
    pub(crate) subject: Option<String>,
    /// Set if the token came, or has to come, with a proof (DPoP).
    pub(crate) is_dpop: bool,
    /// The nonce that the client shall use next.
    pub(crate) nonce: Option<Box<str>>,
}

impl RequestFacts {
    /// Those of a request that came, or has to come, with a proof.
    #[cfg(feature = "proof")]
    pub(crate) fn of_dpop(nonce: Option<String>) -> Self {
        Self {
            is_dpop: true,
            nonce: nonce.map(String::into_boxed_str),
            ..Self::default()
        }
    }
}

/// The cause, for the log.
#[derive(Clone)]
enum Source {
    None,
    Mismatch(Mismatch),
    Other(Arc<dyn Error + Send + Sync>),
}

/// The scopes and the authentication that a policy asks for, for the challenge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Required {
    pub(crate) scopes: Vec<String>,
    pub(crate) acr_values: Vec<String>,
    pub(crate) max_age: Option<u64>,
}

impl AuthError {
    /// Returns the kind of the refusal.
    #[must_use]
    pub fn kind(&self) -> AuthErrorKind {
        self.kind
    }

    /// Returns the stable machine name of [`kind`](Self::kind), in `snake_case`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.kind.reason()
    }

    /// Returns the answer for the client: status, challenge header and body.
    #[must_use]
    pub fn challenge(&self) -> Challenge {
        Challenge::new(self)
    }

    /// Makes an error for a mistake of the developer or of ours: 500, and the cause in the log.
    pub(crate) fn misconfigured(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::from(AuthErrorKind::Misconfigured).with_source(cause)
    }

    /// Makes the error of a handler that asks for claims on a route without an authentication layer: 500,
    /// since neither 401 nor 200 would be true.
    pub(crate) fn missing_layer() -> Self {
        Self::misconfigured(MissingLayer)
    }

    pub(crate) fn with_source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Source::Other(Arc::new(source));
        self
    }

    pub(crate) fn with_shared_source(mut self, source: Arc<dyn Error + Send + Sync>) -> Self {
        self.source = Source::Other(source);
        self
    }

    /// Adds facts about the request.
    pub(crate) fn of(mut self, facts: Option<RequestFacts>) -> Self {
        self.facts = facts.map(Arc::new);
        self
    }

    pub(crate) fn is_dpop(&self) -> bool {
        self.facts.as_ref().is_some_and(|facts| facts.is_dpop)
    }

    pub(crate) fn nonce(&self) -> Option<&str> {
        self.facts.as_ref()?.nonce.as_deref()
    }

    pub(crate) fn principal(&self) -> Option<&str> {
        self.facts.as_ref()?.principal.as_deref()
    }

    pub(crate) fn actor(&self) -> Option<&str> {
        self.facts.as_ref()?.actor.as_deref()
    }

    pub(crate) fn subject(&self) -> Option<&str> {
        self.facts.as_ref()?.subject.as_deref()
    }

    /// Sets the mismatch as the cause, unless there is one already.
    pub(crate) fn about(mut self, wrong: impl FnOnce() -> Mismatch) -> Self {
        if let Source::None = self.source {
            self.source = Source::Mismatch(wrong());
        }
        self
    }

    /// Returns the mismatch, if that is the cause.
    pub(crate) fn mismatch(&self) -> Option<&Mismatch> {
        match &self.source {
            Source::Mismatch(wrong) => Some(wrong),
            _ => None,
        }
    }

    pub(crate) fn with_required(mut self, required: Arc<Required>) -> Self {
        self.required = Some(required);
        self
    }

    pub(crate) fn with_retry_after(mut self, seconds: Option<u32>) -> Self {
        self.retry_after = seconds;
        self
    }

    pub(crate) fn with_params(mut self, params: &Arc<ChallengeParams>) -> Self {
        self.params = Some(Arc::clone(params));
        self
    }

    pub(crate) fn required(&self) -> Option<&Required> {
        self.required.as_deref()
    }

    pub(crate) fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    pub(crate) fn params(&self) -> Option<&ChallengeParams> {
        self.params.as_deref()
    }
}

impl From<AuthErrorKind> for AuthError {
    fn from(kind: AuthErrorKind) -> Self {
        Self {
            kind,
            required: None,
            retry_after: None,
            source: Source::None,
            params: None,
            facts: None,
        }
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.message())
    }
}

impl fmt::Debug for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthError")
            .field("kind", &self.kind)
            .field("source", &self.source())
            .finish_non_exhaustive()
    }
}

impl Error for AuthError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.source {
            Source::None => None,
            Source::Mismatch(wrong) => Some(wrong),
            Source::Other(source) => Some(&**source),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("this route is not covered by an authentication layer: wrap it, or do not ask for claims")]
struct MissingLayer;
