//! The answers to questions about an issuer, as requests get them.

use std::{error::Error, sync::Arc};

use tokio::time::Duration;

use super::engine::Engine;
use crate::error::{AuthError, AuthErrorKind, Fixed, Mismatch};

/// The answer about one issuer.
pub(super) type Answer = Result<Arc<Engine>, Refusal>;

/// The reason why the tokens of an issuer are not verified.
#[derive(Clone)]
pub(super) enum Refusal {
    /// As many issuers as may be are in use.
    Full,
    /// The resolver's verifier is not for this issuer alone.
    Misconfigured(Cause),
    /// Too many unknown issuers were asked about in the last minute.
    OverBudget,
    /// Nobody can tell.
    Unavailable(Cause),
    /// The resolver does not know it, or the app has removed it.
    Unknown,
}

pub(super) type Cause = Arc<dyn Error + Send + Sync>;

impl Refusal {
    pub(super) fn unavailable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::Unavailable(Arc::new(cause))
    }

    /// Returns its name in the counters.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Misconfigured(_) => "misconfigured",
            Self::OverBudget => "over_budget",
            Self::Unavailable(_) => "unavailable",
            Self::Unknown => "unknown",
        }
    }

    /// Makes the refusal of a request, which may come again after a while.
    pub(super) fn into_error(self, issuer: &str, after: Duration) -> AuthError {
        let unavailable = |cause: Cause| {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            AuthError::from(AuthErrorKind::IssuerUnavailable)
                .with_shared_source(cause)
                .with_retry_after(Some(u32::try_from(seconds.max(1)).unwrap_or(u32::MAX)))
        };
        match self {
            Self::Full => unavailable(Arc::new(Full)),
            Self::Misconfigured(cause) => {
                AuthError::from(AuthErrorKind::Misconfigured).with_shared_source(cause)
            }
            Self::OverBudget => unavailable(Arc::new(OverBudget)),
            Self::Unavailable(cause) => unavailable(cause),
            Self::Unknown => unknown(issuer),
        }
    }
}

/// Makes the refusal of a token whose issuer is none of those that are known.
pub(super) fn unknown(issuer: &str) -> AuthError {
    static ISSUER: Fixed = Fixed::new("iss", "an issuer that the resolver knows");

    AuthError::from(AuthErrorKind::UnknownIssuer).about(|| Mismatch::text(&ISSUER, issuer))
}

/// Makes the refusal of a token whose issuer is written as no issuer is.
pub(super) fn ill_formed(issuer: &str) -> AuthError {
    static ISSUER: Fixed = Fixed::new(
        "iss",
        "an https URL of at most 512 bytes in its usual spelling, without user, query and fragment",
    );

    AuthError::from(AuthErrorKind::UnknownIssuer).about(|| Mismatch::text(&ISSUER, issuer))
}

#[derive(Debug, thiserror::Error)]
#[error("all issuers that `capacity` has room for are in use")]
struct Full;

#[derive(Debug, thiserror::Error)]
#[error("more unknown issuers in a minute than `new_per_minute`")]
struct OverBudget;

/// The resolver ended without an answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoAnswer {
    #[error("the resolver of issuers has panicked, or its runtime has ended")]
    Ended,
    #[error("the resolver of issuers took longer than ten seconds")]
    Late,
    #[error("a resolver of issuers needs a Tokio runtime")]
    NoRuntime,
}

/// The verifier is for other issuers.
#[derive(Debug, thiserror::Error)]
#[error("the resolver's verifier for {0:?} is not for this issuer, or not for it alone")]
pub(super) struct OtherIssuer(pub(super) Box<str>);
