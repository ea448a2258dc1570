//! The mark of an anonymous request.

use crate::{claims::VerifiedToken, error::AuthError};

/// Marks a request that an optional layer let through without a token. Made by
/// [`Authenticator::anonymous`](crate::Authenticator::anonymous).
///
/// An adapter keeps a [`VerifiedToken`] or this in the request. Its extractors tell
/// three cases apart: somebody, nobody, and a route that no authentication covers.
#[derive(Clone, Debug)]
pub struct Anonymous(AuthError);

impl Anonymous {
    pub(crate) fn new(missing_token: AuthError) -> Self {
        Self(missing_token)
    }

    /// Returns the token of a request that needs one.
    ///
    /// # Errors
    ///
    /// [`MissingToken`](crate::AuthErrorKind::MissingToken) (401) for an anonymous request,
    /// [`Misconfigured`](crate::AuthErrorKind::Misconfigured) (500) when there is neither: no layer covers the route.
    pub fn token<'r>(
        token: Option<&'r VerifiedToken>,
        anonymous: Option<&Self>,
    ) -> Result<&'r VerifiedToken, AuthError> {
        Self::optional(token, anonymous)?.ok_or_else(|| match anonymous {
            Some(anonymous) => anonymous.0.clone(),
            None => AuthError::missing_layer(),
        })
    }

    /// Returns the token of a request that may do without one; `None` if it is anonymous.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`](crate::AuthErrorKind::Misconfigured) (500) when there is neither.
    pub fn optional<'r>(
        token: Option<&'r VerifiedToken>,
        anonymous: Option<&Self>,
    ) -> Result<Option<&'r VerifiedToken>, AuthError> {
        match (token, anonymous) {
            (None, None) => Err(AuthError::missing_layer()),
            (token, _) => Ok(token),
        }
    }
}
