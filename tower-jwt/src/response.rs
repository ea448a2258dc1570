//! The response: the inner service's, or what a refused client gets to see.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use countersign::{AuthError, adapter::Challenge};
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE},
};
use pin_project_lite::pin_project;

/// Makes the response to a refused request.
///
/// Implemented for closures, so one can be given to
/// [`JwtAuthLayer::with_rejection_response`](crate::JwtAuthLayer::with_rejection_response) or
/// [`RequireLayer::with_rejection_response`](crate::RequireLayer::with_rejection_response) directly.
///
/// 1. `WWW-Authenticate` and `Retry-After` are added afterwards, unless the response sets them
///    itself.
/// 2. The [`AuthError`] is put into the response's extensions afterwards.
/// 3. That of a [`JwtAuthLayer`](crate::JwtAuthLayer) also replaces the default response of whatever is
///    inside: `RequireLayer`, extractors, and handlers that refuse with `?`.
/// 4. The refusal is logged already. To start from the usual response, ask
///    [`DefaultResponseForAuthError`]. For gRPC there is `GrpcStatus` (feature `grpc`).
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
    /// Keep to the status of [`AuthErrorKind::status`](countersign::AuthErrorKind::status): a client that
    /// is told 401 for an outage (503) throws a good token away.
    fn response_for_auth_error(&self, error: &AuthError) -> Response<B>;

    /// Returns whether the response gives way to that of an outer layer. By default it does not; the
    /// [default response](DefaultResponseForAuthError) does.
    fn gives_way(&self) -> bool {
        false
    }
}

impl<F, B> ResponseForAuthError<B> for F
where
    F: Fn(&AuthError) -> Response<B>,
{
    fn response_for_auth_error(&self, error: &AuthError) -> Response<B> {
        self(error)
    }
}

/// The default response: a problem document (RFC 9457).
///
/// Makes every body that is `From<String>`: axum's `Body`, `http_body_util::Full`, `String` itself.
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
        // Core's statuses are all valid.
        *response.status_mut() =
            StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
        response
    }

    fn gives_way(&self) -> bool {
        true
    }
}

/// Marks a response that gives way to that of an outer layer.
#[derive(Clone, Copy)]
struct GivesWay;

pin_project! {
    /// The response to come: the inner service's, unboxed, or a refusal.
    #[must_use = "a future does nothing until it is polled"]
    pub struct ResponseFuture<F>
    where
        F: Future,
    {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F>
    where
        F: Future,
    {
        Inner {
            #[pin]
            response: F,
        },
        Ready {
            response: Option<F::Output>,
        },
    }
}

impl<F: Future> ResponseFuture<F> {
    /// Waits for the response of the inner service.
    pub(crate) fn inner(response: F) -> Self {
        Self {
            state: State::Inner { response },
        }
    }

    fn ready(output: F::Output) -> Self {
        Self {
            state: State::Ready {
                response: Some(output),
            },
        }
    }
}

impl<F, B, E> ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    /// Refuses, in place of the inner service.
    pub(crate) fn refused(rejection: &impl ResponseForAuthError<B>, error: AuthError) -> Self {
        Self::ready(Ok(refuse(rejection, error)))
    }

    /// Fails as the inner service did before it could be called.
    pub(crate) fn failed(error: E) -> Self {
        Self::ready(Err(error))
    }
}

impl<F: Future> Future for ResponseFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProjection::Inner { response } => response.poll(cx),
            StateProjection::Ready { response } => {
                // It is taken once: only a broken executor polls a future that was ready.
                Poll::Ready(response.take().expect("polled after it was ready"))
            }
        }
    }
}

impl<F: Future> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// Makes the whole response to a refused request.
pub(crate) fn refuse<B>(rejection: &impl ResponseForAuthError<B>, error: AuthError) -> Response<B> {
    let mut response = rejection.response_for_auth_error(&error);
    complete(&mut response, error);
    // A response of the app's own may have started from a default one.
    if rejection.gives_way() {
        response.extensions_mut().insert(GivesWay);
    } else {
        response.extensions_mut().remove::<GivesWay>();
    }
    response
}

/// Makes the response anew if it is a refusal from further inside that gives way. Headers that were added
/// to it on the way stay.
pub(crate) fn replace<B>(
    rejection: &impl ResponseForAuthError<B>,
    response: Response<B>,
) -> Response<B> {
    if response.extensions().get::<GivesWay>().is_none() {
        return response;
    }
    let (mut old, body) = response.into_parts();
    let Some(error) = old.extensions.remove::<AuthError>() else {
        return Response::from_parts(old, body);
    };
    let mut response = refuse(rejection, error);
    for name in [
        CONTENT_LENGTH,
        CONTENT_TYPE,
        RETRY_AFTER,
        WWW_AUTHENTICATE,
        DPOP_NONCE,
    ] {
        old.headers.remove(name);
    }
    for name in response.headers().keys() {
        old.headers.remove(name);
    }
    response.headers_mut().extend(old.headers);
    old.extensions.remove::<GivesWay>();
    response.extensions_mut().extend(old.extensions);
    response
}

/// The headers that the answer to a request gets whatever answers it.
#[derive(Default)]
pub(crate) struct AddedHeaders {
    /// Set if the request has a token in its URL: the page must not send that along with its own requests.
    pub(crate) keeps_url_private: bool,
    /// The nonce for the client's next proof.
    pub(crate) dpop_nonce: Option<HeaderValue>,
}

impl AddedHeaders {
    /// Adds the headers. A nonce that is there already is newer.
    pub(crate) fn add_to(&self, headers: &mut HeaderMap) {
        if self.keeps_url_private {
            headers.insert(REFERRER_POLICY, NO_REFERRER);
        }
        if let Some(nonce) = &self.dpop_nonce
            && !headers.contains_key(DPOP_NONCE)
        {
            headers.insert(DPOP_NONCE, nonce.clone());
        }
    }
}

/// Adds the headers of the challenge that the response does not set itself, and the error.
pub(crate) fn complete<B>(response: &mut Response<B>, error: AuthError) {
    let challenge = error.challenge();
    let headers = response.headers_mut();
    let mut before = None;
    for (name, text) in challenge.headers() {
        let Some(value) = header_value(&text) else {
            continue;
        };
        // Two of one name come one behind the other.
        let header = header_name(name);
        match before == Some(name) {
            true => _ = headers.append(header, value),
            // There are few, so they are searched in order.
            false if headers.keys().any(|own| *own == header) => continue,
            false => _ = headers.insert(header, value),
        }
        before = Some(name);
    }
    response.extensions_mut().insert(error);
}

fn header_name(name: &'static str) -> HeaderName {
    match name {
        "www-authenticate" => WWW_AUTHENTICATE,
        // Core's names are all valid.
        name => HeaderName::from_static(name),
    }
}

fn header_value(challenge: &str) -> Option<HeaderValue> {
    match challenge {
        // For a request without a token: nothing to copy.
        "Bearer" => Some(BEARER),
        // Core writes visible ASCII and spaces only, which are valid in every header.
        challenge => HeaderValue::from_str(challenge).ok(),
    }
}

// Checked at compile time.
const BEARER: HeaderValue = HeaderValue::from_static("Bearer");
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
const NO_REFERRER: HeaderValue = HeaderValue::from_static("no-referrer");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static(Challenge::PROBLEM_JSON);
