//! What the layer found out about a request, kept in the request's extensions.

use countersign::{AuthError, Authenticator, VerifiedToken};
use http::Extensions;

/// A request without a token, let through by an optional layer. It holds the refusal for whoever
/// cannot do without a token.
#[derive(Clone)]
struct Anonymous(AuthError);

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
            extensions.insert(Anonymous(authenticator.missing_token()));
        }
    }
}

/// The token, for one who cannot do without it. A refusal is logged here.
pub(crate) fn token(extensions: &Extensions) -> Result<&VerifiedToken, AuthError> {
    match (extensions.get(), extensions.get()) {
        (Some(token), _) => Ok(token),
        (None, Some(Anonymous(refusal))) => Err(logged(refusal.clone())),
        (None, None) => Err(logged(AuthError::missing_layer())),
    }
}

/// The token, or `None` for an anonymous request. A route without a layer is a mistake even so.
#[cfg(feature = "axum")]
pub(crate) fn optional_token(extensions: &Extensions) -> Result<Option<&VerifiedToken>, AuthError> {
    match extensions.get::<Anonymous>() {
        Some(_) => Ok(None),
        None => token(extensions).map(Some),
    }
}

/// The layer's refusals are logged in the core. The adapter's own are logged here.
pub(crate) fn logged(error: AuthError) -> AuthError {
    countersign::log(&error);
    error
}
