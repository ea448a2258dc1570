//! The verdict on a request, kept in the request's extensions.
//!
//! There is a [`VerifiedToken`], or [`Anonymous`], or neither, but never both.

use countersign::{AuthError, Authenticator, VerifiedToken, adapter::Anonymous};
use http::Extensions;

/// Stores the verdict in place of that of an outer layer.
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

/// Removes the verdict of an outer layer.
pub(crate) fn clear(extensions: &mut Extensions) {
    extensions.remove::<VerifiedToken>();
    extensions.remove::<Anonymous>();
}

/// Returns the token. Refuses an anonymous request (401), and one without a layer (500).
pub(crate) fn token(extensions: &Extensions) -> Result<&VerifiedToken, AuthError> {
    Anonymous::token(extensions.get(), extensions.get())
}

/// Returns the token, or `None` for an anonymous request. Refuses one without a layer (500).
#[cfg(feature = "axum")]
pub(crate) fn optional_token(extensions: &Extensions) -> Result<Option<&VerifiedToken>, AuthError> {
    Anonymous::optional(extensions.get(), extensions.get())
}
