//! How a refusal looks.

use countersign::{AuthError, adapter::Challenge};
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};

/// Makes the response to a refused request.
///
/// Implemented for [`DefaultResponseForAuthError`], for `GrpcStatus` (feature `grpc`), and for every
/// `Fn(&AuthError) -> Response<B>`, so a closure will do. Hand it to
/// [`JwtAuthLayer::with_rejection_response`](crate::JwtAuthLayer::with_rejection_response) or
/// [`RequireLayer::with_rejection_response`](crate::RequireLayer::with_rejection_response).
///
/// Two things are done to every response afterwards. `WWW-Authenticate` and `Retry-After` are added
/// as the error says, unless the response sets them itself. And the [`AuthError`] is put into the
/// response's extensions, so that outer layers can log it.
///
/// # Examples
///
/// ```
/// use countersign::AuthError;
/// use countersign_tower::JwtAuthLayer;
/// use http::{Response, StatusCode};
/// # let verifier = countersign::testing::TestIssuer::new().verifier();
///
/// let layer = JwtAuthLayer::new(verifier).with_rejection_response(|error: &AuthError| {
///     let mut response = Response::new(format!("no entry: {error}"));
///     *response.status_mut() =
///         StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
///     response
/// });
/// # fn is_layer<S>(_: impl tower_layer::Layer<S>) {}
/// # is_layer::<()>(layer);
/// ```
pub trait ResponseForAuthError<B> {
    /// Makes the response. Status and body are all it has to care about.
    ///
    /// [`AuthError::challenge`] knows the right status. Keep to it: a client that is told 401 for
    /// an outage (503) throws a good token away.
    fn response_for_auth_error(&self, error: &AuthError) -> Response<B>;
}

impl<F, B> ResponseForAuthError<B> for F
where
    F: Fn(&AuthError) -> Response<B>,
{
    fn response_for_auth_error(&self, error: &AuthError) -> Response<B> {
        self(error)
    }
}

/// The response unless you say otherwise: a problem document (RFC 9457).
///
/// It makes every body that can be made from a `String`: axum's `Body`, `http_body_util::Full`,
/// `String` itself.
///
/// # Examples
///
/// For a body that cannot, change the body in a closure:
///
/// ```
/// use countersign::AuthError;
/// use countersign_tower::{DefaultResponseForAuthError, JwtAuthLayer, ResponseForAuthError};
/// use http::Response;
/// use http_body_util::{BodyExt, combinators::BoxBody};
/// # let verifier = countersign::testing::TestIssuer::new().verifier();
///
/// let layer = JwtAuthLayer::new(verifier).with_rejection_response(|error: &AuthError| {
///     let response: Response<String> = DefaultResponseForAuthError.response_for_auth_error(error);
///     response.map(|body| BoxBody::new(body.map_err(std::io::Error::other)))
/// });
/// # fn is_layer<S>(_: impl tower_layer::Layer<S>) {}
/// # is_layer::<()>(layer);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultResponseForAuthError;

impl<B: From<String>> ResponseForAuthError<B> for DefaultResponseForAuthError {
    fn response_for_auth_error(&self, error: &AuthError) -> Response<B> {
        let kind = error.kind();
        let mut response = Response::new(kind.problem_json().into());
        // The core's statuses are all valid.
        *response.status_mut() =
            StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
        response
    }
}

/// The whole answer to a refused request.
pub(crate) fn refuse<R, B>(rejection: &R, error: AuthError) -> Response<B>
where
    R: ResponseForAuthError<B>,
{
    let mut response = rejection.response_for_auth_error(&error);
    let challenge = error.challenge();
    let headers = response.headers_mut();
    if let Some(value) = challenge.www_authenticate().and_then(header_value) {
        add(headers, WWW_AUTHENTICATE, value);
    }
    if let Some(seconds) = challenge.retry_after() {
        add(headers, RETRY_AFTER, seconds.into());
    }
    response.extensions_mut().insert(error);
    response
}

/// Adds a header that the response does not have. It has few, so they are looked through.
fn add(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if !headers.keys().any(|own| *own == name) {
        headers.insert(name, value);
    }
}

fn header_value(challenge: &str) -> Option<HeaderValue> {
    match challenge {
        // That of a request without a token: nothing to copy.
        "Bearer" => Some(BEARER),
        // The core writes nothing but visible ASCII and spaces, which every header may hold.
        challenge => HeaderValue::from_str(challenge).ok(),
    }
}

// Checked once, when this is compiled.
const BEARER: HeaderValue = HeaderValue::from_static("Bearer");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static(Challenge::PROBLEM_JSON);
