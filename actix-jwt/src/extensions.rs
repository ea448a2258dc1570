//! The verdict on a request, kept in the request's extensions.
//!
//! There is a [`VerifiedToken`], or [`Anonymous`], or neither, but never both.

use actix_web::dev::Extensions;
use countersign::{AuthError, Authenticator, VerifiedToken, adapter::Anonymous};

/// Stores the verdict in place of that of an outer middleware.
pub(crate) fn store(
    extensions: &mut Extensions,
    token: Option<VerifiedToken>,
    authenticator: &Authenticator,
) {
    clear(extensions);
    match token {
        Some(token) => {
            extensions.insert(token);
        }
        None => {
            extensions.insert(authenticator.anonymous());
        }
    }
}

/// Removes the verdict of an outer middleware.
pub(crate) fn clear(extensions: &mut Extensions) {
    // There is none in most requests, and to look is cheaper than to remove.
    if extensions.contains::<VerifiedToken>() {
        extensions.remove::<VerifiedToken>();
    }
    if extensions.contains::<Anonymous>() {
        extensions.remove::<Anonymous>();
    }
}

/// Returns the token. Refuses an anonymous request (401), and one without a middleware (500).
pub(crate) fn token(extensions: &Extensions) -> Result<&VerifiedToken, AuthError> {
    Anonymous::token(extensions.get(), extensions.get())
}

/// Returns the token, or `None` for an anonymous request. Refuses one without a middleware (500).
pub(crate) fn optional_token(extensions: &Extensions) -> Result<Option<&VerifiedToken>, AuthError> {
    Anonymous::optional(extensions.get(), extensions.get())
}
