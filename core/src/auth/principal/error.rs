//! The reasons why a verified token leads to no principal.

use std::{error::Error, fmt, sync::Arc};

use crate::error::{AuthError, AuthErrorKind};

/// The reason why the user of a verified token may not act: an answer of a [`PrincipalResolver`].
///
/// `?` turns any [`Error`] into an [outage](Self::unavailable), so what cannot be decided lets nobody in.
///
/// [`PrincipalResolver`]: crate::PrincipalResolver
///
/// # Examples
///
/// ```
/// use countersign::PrincipalError;
///
/// struct User {
///     locked: bool,
/// }
///
/// fn decide(found: Result<Option<User>, std::io::Error>) -> Result<User, PrincipalError> {
///     match found? {
///         Some(user) if user.locked => Err(PrincipalError::forbidden("the account is locked")),
///         Some(user) => Ok(user),
///         None => Err(PrincipalError::unauthorized("there is no such user")),
///     }
/// }
/// # assert!(decide(Ok(None)).is_err());
/// ```
#[derive(Clone)]
pub struct PrincipalError {
    pub(super) kind: AuthErrorKind,
    /// For the log.
    cause: Arc<dyn Error + Send + Sync>,
}

impl PrincipalError {
    /// Refuses the token: 401 `invalid_token`. The user has to log in again, as somebody else or not at all. `reason` is for
    /// the log; the client does not see it.
    #[must_use]
    pub fn unauthorized(reason: &'static str) -> Self {
        Self::new(AuthErrorKind::PrincipalRefused, Reason(reason))
    }

    /// Refuses the user: 403. To log in again would not help. `reason` is for the log; the client does not see it.
    #[must_use]
    pub fn forbidden(reason: &'static str) -> Self {
        Self::new(AuthErrorKind::PrincipalForbidden, Reason(reason))
    }

    /// Says that nobody can tell now: 503. `cause` is for the log.
    #[must_use]
    pub fn unavailable(cause: impl Error + Send + Sync + 'static) -> Self {
        Self::new(AuthErrorKind::PrincipalUnavailable, cause)
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
impl<E: Error + Send + Sync + 'static> From<E> for PrincipalError {
    fn from(cause: E) -> Self {
        Self::unavailable(cause)
    }
}

impl fmt::Debug for PrincipalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrincipalError")
            .field("kind", &self.kind)
            .field("cause", &self.cause)
            .finish()
    }
}

/// A reason of the app's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Reason(&'static str);
