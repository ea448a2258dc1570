//! Why a token is not let in, for the client and for the log.

use crate::error::{AuthError, AuthErrorKind};

/// Why the list does not let a token in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    Revoked,
    Unavailable(Unavailable),
}

impl Refusal {
    pub(super) fn kind(self) -> AuthErrorKind {
        match self {
            Self::Revoked => AuthErrorKind::Revoked,
            Self::Unavailable(_) => AuthErrorKind::RevocationUnavailable,
        }
    }

    /// Adds what the log should say.
    pub(super) fn complete(self, error: AuthError) -> AuthError {
        match self {
            Self::Revoked => error,
            Self::Unavailable(cause) => error.with_source(cause),
        }
    }
}

impl From<Refusal> for AuthError {
    fn from(refusal: Refusal) -> Self {
        refusal.complete(refusal.kind().into())
    }
}

/// Why nobody can tell whether a token is revoked. For the log.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum Unavailable {
    #[error(
        "a revocation that still counts is missing: there was no room for it, or the clock went back"
    )]
    Incomplete,
    #[error("the revocation log was not read completely yet, or not since the clock went back")]
    NeverRead,
    #[error("the last complete read of the revocation log is {0} s ago")]
    Stale(i64),
}
