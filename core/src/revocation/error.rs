//! The refusal of a token, for the client and for the log.

use crate::error::{AuthError, AuthErrorKind};

/// The refusal of a token by the list: it is revoked, or nobody can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "a revocation that still counts is missing: there was no room for it, or the clock went back"
    )]
    Incomplete,
    #[error("the revocation log was not read completely yet, or not since the clock went back")]
    NeverRead,
    #[error("the token is revoked")]
    Revoked,
    #[error("the last complete read of the revocation log is {0} s ago")]
    Stale(i64),
}

impl Refusal {
    pub(super) fn kind(self) -> AuthErrorKind {
        match self {
            Self::Revoked => AuthErrorKind::Revoked,
            _ => AuthErrorKind::RevocationUnavailable,
        }
    }

    /// Adds the cause for the log, where the kind does not say all.
    pub(super) fn complete(self, error: AuthError) -> AuthError {
        match self {
            Self::Revoked => error,
            cause => error.with_source(cause),
        }
    }
}

impl From<Refusal> for AuthError {
    fn from(refusal: Refusal) -> Self {
        refusal.complete(refusal.kind().into())
    }
}
