//! Why a check refuses a token.

use crate::error::{AuthError, AuthErrorKind};

/// Why a check refuses a token. Small, so that no error is moved about where there is none, nor where
/// anybody can cause one.
pub(super) enum Refused {
    /// There is no more to say.
    Kind(AuthErrorKind),
    Because(Box<AuthError>),
}

impl Refused {
    pub(super) fn because(error: AuthError) -> Self {
        Self::Because(Box::new(error))
    }

    pub(super) fn kind(&self) -> AuthErrorKind {
        match self {
            Self::Kind(kind) => *kind,
            Self::Because(error) => error.kind(),
        }
    }
}

impl From<AuthErrorKind> for Refused {
    fn from(kind: AuthErrorKind) -> Self {
        Self::Kind(kind)
    }
}

impl From<Refused> for AuthError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Kind(kind) => kind.into(),
            Refused::Because(error) => *error,
        }
    }
}
