//! The refusal of one check.

use crate::error::{AuthError, AuthErrorKind};

/// The refusal of one check. One byte in the common case, so that a check moves no `AuthError` about.
pub(super) enum Refused {
    /// Without a cause of its own.
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
