//! What the middleware found out about a request, kept in the request's extensions.

use actix_web::{HttpMessage, HttpRequest};
use countersign::{AuthError, Authenticator, VerifiedToken, adapter::Anonymous};

/// Notes the verdict. What a middleware further out has noted does not count any more.
pub(crate) fn note(
    request: &HttpRequest,
    token: Option<VerifiedToken>,
    authenticator: &Authenticator,
) {
    let mut extensions = request.extensions_mut();
    match token {
        Some(token) => {
            // In most cases there is nothing yet, and to look is cheaper than to remove.
            if extensions.contains::<Anonymous>() {
                extensions.remove::<Anonymous>();
            }
            extensions.insert(token);
        }
        None => {
            extensions.remove::<VerifiedToken>();
            extensions.insert(authenticator.anonymous());
        }
    }
}

/// Drops the verdict of a middleware further out.
pub(crate) fn forget(request: &HttpRequest) {
    let mut extensions = request.extensions_mut();
    extensions.remove::<VerifiedToken>();
    extensions.remove::<Anonymous>();
}

/// The token; a refusal (401) for an anonymous request, and (500) without a middleware.
pub(crate) fn token(request: &HttpRequest) -> Result<VerifiedToken, AuthError> {
    let extensions = request.extensions();
    Anonymous::token(extensions.get(), extensions.get()).cloned()
}

/// The token; `None` for an anonymous request; a refusal (500) without a middleware.
pub(crate) fn optional_token(request: &HttpRequest) -> Result<Option<VerifiedToken>, AuthError> {
    let extensions = request.extensions();
    let token = Anonymous::optional(extensions.get(), extensions.get())?;
    Ok(token.cloned())
}
