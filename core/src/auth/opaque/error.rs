//! The reasons why a check accepts no opaque token.

use std::{error::Error, fmt, sync::Arc};

use crate::error::{AuthError, AuthErrorKind};

/// The reason why an opaque token is not accepted: an answer of the check of [`OpaqueTokens`].
///
/// `?` turns any [`Error`] into an [outage](Self::unavailable), so what cannot be decided lets nobody in.
///
/// [`OpaqueTokens`]: crate::OpaqueTokens
///
/// # Examples
///
/// ```
/// use countersign::{OpaqueIdentity, OpaqueTokenError};
///
/// fn decide(found: Result<Option<u64>, std::io::Error>) -> Result<OpaqueIdentity, OpaqueTokenError> {
///     match found? {
///         Some(user) => Ok(OpaqueIdentity::new(user.to_string())),
///         None => Err(OpaqueTokenError::unauthorized("no such key")),
///     }
/// }
/// # assert!(decide(Ok(None)).is_err());
/// ```
#[derive(Clone)]
pub struct OpaqueTokenError {
    pub(super) kind: AuthErrorKind,
    /// For the log.
    cause: Arc<dyn Error + Send + Sync>,
}

impl OpaqueTokenError {
    /// Refuses the token: 401 `invalid_token`. It is unknown, revoked or wrong. `reason` is for the log; the client
    /// does not see it.
    #[must_use]
    pub fn unauthorized(reason: &'static str) -> Self {
        Self::new(AuthErrorKind::OpaqueTokenRefused, Reason(reason))
    }

    /// Refuses its owner: 403. Another token would not help. `reason` is for the log; the client does not see it.
    #[must_use]
    pub fn forbidden(reason: &'static str) -> Self {
        Self::new(AuthErrorKind::OpaqueTokenForbidden, Reason(reason))
    }

    /// Says that nobody can tell now: 503. `cause` is for the log.
    #[must_use]
    pub fn unavailable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::new(AuthErrorKind::OpaqueTokenUnavailable, cause)
    }

    fn new(kind: AuthErrorKind, cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            kind,
            cause: Arc::new(cause),
        }
    }

    /// Makes the refusal of the request.
    pub(super) fn refusal(&self) -> AuthError {
        AuthError::from(self.kind).with_shared_source(Arc::clone(&self.cause))
    }

    /// Returns the cause, for the log.
    pub(super) fn cause(&self) -> &(dyn Error + Send + Sync) {
        &*self.cause
    }
}

/// An outage.
impl<E: Error + Send + Sync + 'static> From<E> for OpaqueTokenError {
    fn from(cause: E) -> Self {
        Self::unavailable(cause)
    }
}

impl fmt::Debug for OpaqueTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueTokenError")
            .field("kind", &self.kind)
            .field("cause", &self.cause)
            .finish()
    }
}

/// A reason of the app's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Reason(&'static str);
