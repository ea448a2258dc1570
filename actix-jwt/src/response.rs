//! The response: the inner service's, or what a refused client gets to see.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{
    HttpResponse,
    body::EitherBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{
        CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
        RETRY_AFTER, WWW_AUTHENTICATE,
    },
};
use countersign::{AuthError, adapter::Challenge};
use pin_project_lite::pin_project;

use crate::error::Error;

/// Makes the response to a refused request.
///
/// Implemented for closures, so one can be given to
/// [`JwtAuth::with_rejection_response`](crate::JwtAuth::with_rejection_response) or
/// [`Require::with_rejection_response`](crate::Require::with_rejection_response) directly.
///
/// 1. `WWW-Authenticate` and `Retry-After` are added afterwards, unless the response sets them
///    itself.
/// 2. The [`AuthError`] is put into the response's extensions afterwards.
/// 3. That of a [`JwtAuth`](crate::JwtAuth) also replaces the default response of whatever is inside:
///    `Require`, extractors, and handlers that refuse with `?`.
/// 4. The refusal is logged already. To start from the usual response, ask
///    [`DefaultResponseForAuthError`], not [`Error`], which would log it again.
///
/// # Examples
///
/// ```
/// use actix_web::HttpResponse;
/// use countersign::{AuthError, Policy};
/// use countersign_actix::{Require, ResponseForAuthError};
///
/// #[derive(Clone)]
/// struct AsText;
///
/// impl ResponseForAuthError for AsText {
///     fn response_for_auth_error(&self, error: &AuthError) -> HttpResponse {
///         match error.kind().status() {
///             403 => HttpResponse::Forbidden().body("ask for more rights"),
///             _ => HttpResponse::Unauthorized().body("please log in"),
///         }
///     }
/// }
/// let admins = Require::new(Policy::role("admin")).with_rejection_response(AsText);
/// ```
pub trait ResponseForAuthError {
    /// Makes the response. Status and body are all it has to care about.
    ///
    /// Keep to the status of [`AuthErrorKind::status`](countersign::AuthErrorKind::status): a client that
    /// is told 401 for an outage (503) throws a good token away.
    fn response_for_auth_error(&self, error: &AuthError) -> HttpResponse;

    /// Returns whether the response gives way to that of an outer middleware. By default it does not; the
    /// [default response](DefaultResponseForAuthError) does.
    fn gives_way(&self) -> bool {
        false
    }
}

impl<F> ResponseForAuthError for F
where
    F: Fn(&AuthError) -> HttpResponse,
{
    fn response_for_auth_error(&self, error: &AuthError) -> HttpResponse {
        self(error)
    }
}

/// The default response: a problem document (RFC 9457).
///
/// # Examples
///
/// A response of your own may start from it:
///
/// ```
/// use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
/// use countersign::{AuthError, Policy};
/// use countersign_actix::{DefaultResponseForAuthError, Require, ResponseForAuthError};
///
/// let admins = Require::new(Policy::role("admin")).with_rejection_response(|error: &AuthError| {
///     let mut response = DefaultResponseForAuthError.response_for_auth_error(error);
///     response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
///     response
/// });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultResponseForAuthError;

impl ResponseForAuthError for DefaultResponseForAuthError {
    fn response_for_auth_error(&self, error: &AuthError) -> HttpResponse {
        // The refusal is logged already.
        HttpResponse::from_error(Error(error.clone()))
    }

    fn gives_way(&self) -> bool {
        true
    }
}

/// Marks a response that gives way to that of an outer middleware.
pub(crate) struct GivesWay;

pin_project! {
    /// The response to come: the inner service's, or a refusal.
    ///
    /// The refusal is boxed, so that the requests that pass do not carry room for it.
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F> {
        Inner {
            #[pin]
            response: F,
        },
        Refused {
            response: Option<Box<ServiceResponse>>,
        },
    }
}

impl<F> ResponseFuture<F> {
    /// Waits for the response of the inner service.
    pub(crate) fn inner(response: F) -> Self {
        Self {
            state: State::Inner { response },
        }
    }

    /// Refuses, in place of the inner service.
    pub(crate) fn refused(
        request: ServiceRequest,
        rejection: &impl ResponseForAuthError,
        error: AuthError,
    ) -> Self {
        let (request, _) = request.into_parts();
        let response = ServiceResponse::new(request, refuse(rejection, error));
        Self {
            state: State::Refused {
                response: Some(Box::new(response)),
            },
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<ServiceResponse<B>, E>>,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(match self.project().state.project() {
            StateProjection::Inner { response } => {
                ready!(response.poll(cx)).map(ServiceResponse::map_into_left_body)
            }
            StateProjection::Refused { response } => {
                // A future that was ready must not be polled again: only a broken executor does.
                let response = response.take().expect("polled after it was ready");
                Ok(response.map_into_right_body())
            }
        })
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// Makes the whole response to a refused request.
fn refuse(rejection: &impl ResponseForAuthError, error: AuthError) -> HttpResponse {
    let mut response = rejection.response_for_auth_error(&error);
    complete(&mut response, error);
    // A response of the app's own may have started from the default one.
    if !rejection.gives_way() {
        response.extensions_mut().remove::<GivesWay>();
    }
    response
}

/// Makes the response anew if it is a refusal from further inside that gives way. Headers that were added
/// to it on the way stay.
pub(crate) fn replace<B>(
    rejection: &impl ResponseForAuthError,
    response: ServiceResponse<EitherBody<B>>,
) -> ServiceResponse<EitherBody<B>> {
    if !response.response().extensions().contains::<GivesWay>() {
        return response;
    }
    let Some(error) = response.response().extensions().get::<AuthError>().cloned() else {
        return response;
    };
    let (request, old) = response.into_parts();
    let mut response = refuse(rejection, error);
    let own = response.headers_mut();
    let added: Vec<_> = old
        .headers()
        .iter()
        .filter(|(name, _)| !OF_THE_BODY.contains(name) && !own.contains_key(*name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for (name, value) in added {
        own.append(name, value);
    }
    ServiceResponse::new(request, response.map_into_right_body())
}

/// The headers that go with the response that they were made for.
const OF_THE_BODY: [HeaderName; 5] = [
    CONTENT_LENGTH,
    CONTENT_TYPE,
    RETRY_AFTER,
    WWW_AUTHENTICATE,
    DPOP_NONCE,
];

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
pub(crate) fn complete(response: &mut HttpResponse, error: AuthError) {
    // The default response has its challenge already, unless it is that of another error. Only 503 says when to come back.
    let is_there = response.extensions().contains::<GivesWay>()
        && response.headers().contains_key(WWW_AUTHENTICATE)
        && error.kind().status() != 503;
    if !is_there {
        add_challenge(response.headers_mut(), &error.challenge());
    }
    let mut extensions = response.extensions_mut();
    // Replaces the one that the default response has put there already.
    match extensions.get_mut() {
        Some(own) => *own = error,
        None => {
            extensions.insert(error);
        }
    }
}

fn add_challenge(headers: &mut HeaderMap, challenge: &Challenge) {
    let mut before = None;
    for (name, text) in challenge.headers() {
        let Some(value) = header_value(&text) else {
            continue;
        };
        // Two of one name come one behind the other.
        let header = header_name(name);
        match before == Some(name) {
            true => headers.append(header, value),
            false if headers.contains_key(&header) => continue,
            false => _ = headers.insert(header, value),
        }
        before = Some(name);
    }
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
