//! What the middleware found out about a request, kept in the request's extensions.

use actix_web::{HttpMessage, HttpRequest};
use countersign::{AuthError, VerifiedToken};

/// The mark of an anonymous request: the refusal for whoever needs a token after all.
struct Anonymous(AuthError);

/// Notes the verdict: a token, or for an anonymous request the refusal to give where one is needed.
///
/// It replaces the verdict of a middleware further out.
pub(crate) fn note(request: &HttpRequest, verdict: Result<VerifiedToken, AuthError>) {
    forget(request);
    let mut extensions = request.extensions_mut();
    match verdict {
        Ok(token) => drop(extensions.insert(token)),
        Err(missing) => drop(extensions.insert(Anonymous(missing))),
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
    if let Some(token) = extensions.get::<VerifiedToken>() {
        return Ok(token.clone());
    }
    Err(match extensions.get::<Anonymous>() {
        Some(Anonymous(missing)) => missing.clone(),
        None => AuthError::missing_layer(),
    })
}

/// The token; `None` for an anonymous request; a refusal (500) without a middleware.
pub(crate) fn optional_token(request: &HttpRequest) -> Result<Option<VerifiedToken>, AuthError> {
    if request.extensions().contains::<Anonymous>() {
        return Ok(None);
    }
    token(request).map(Some)
}
