//! What the layer found out about a request, kept in the request's extensions.

use countersign::{AuthError, Authenticator, VerifiedToken, adapter::Anonymous};
use http::Extensions;

/// Records the verdict. What an outer layer has recorded does not count any more.
pub(crate) fn record(
    extensions: &mut Extensions,
    token: Option<VerifiedToken>,
    authenticator: &Authenticator,
) {
    match token {
        Some(token) => {
            extensions.remove::<Anonymous>();
            extensions.insert(token);
        }
        None => {
            extensions.remove::<VerifiedToken>();
            extensions.insert(authenticator.anonymous());
        }
    }
}

/// The token, for one who cannot do without it.
pub(crate) fn token(extensions: &Extensions) -> Result<&VerifiedToken, AuthError> {
    Anonymous::token(extensions.get(), extensions.get())
}

/// The token, or `None` for an anonymous request. A route without a layer is a mistake even so.
#[cfg(feature = "axum")]
pub(crate) fn optional_token(extensions: &Extensions) -> Result<Option<&VerifiedToken>, AuthError> {
    Anonymous::optional(extensions.get(), extensions.get())
}
