//! A tower service without a framework around it.

use std::{convert::Infallible, future::Ready, hint::black_box, task::Context};

use countersign::{AuthError, AuthErrorKind, Verifier};
use countersign_tower::{JwtAuthLayer, JwtAuthService};
use futures_util::{FutureExt, task::noop_waker_ref};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use tower::{Layer, Service, util::ServiceFn};

use super::{ANSWER, HEADERS};

type Answer = Ready<Result<Response<String>, Infallible>>;
type Bare = ServiceFn<fn(Request<()>) -> Answer>;

/// Returns a service that answers at once.
pub fn bare() -> Bare {
    tower::service_fn(|request| {
        black_box(&request);
        std::future::ready(Ok(Response::new(ANSWER.to_owned())))
    })
}

/// Returns the bare service, behind the layer.
pub fn ours(verifier: &Verifier) -> JwtAuthService<Bare> {
    JwtAuthLayer::new(verifier).layer(bare())
}

/// Returns a service that only builds the response to a request without a token: status, headers,
/// body.
pub fn refusing() -> Bare {
    tower::service_fn(|request| {
        black_box(&request);
        std::future::ready(Ok(refusal()))
    })
}

/// Returns such a service, with the error in the response's extensions, where the layer puts it for
/// a log.
pub fn refusing_with_error() -> Bare {
    tower::service_fn(|request| {
        black_box(&request);
        let mut response = refusal();
        let error = AuthError::from(AuthErrorKind::MissingToken);
        response.extensions_mut().insert(error);
        std::future::ready(Ok(response))
    })
}

fn refusal() -> Response<String> {
    let mut response = Response::new(PROBLEM.to_owned());
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    let problem = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(CONTENT_TYPE, problem);
    let challenge = HeaderValue::from_static("Bearer");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

const PROBLEM: &str = concat!(
    r#"{"type":"about:blank","title":"Unauthorized","status":401,"#,
    r#""detail":"authentication is required"}"#
);

/// The parts of a request.
pub struct Requests {
    headers: Vec<(HeaderName, HeaderValue)>,
    authorization: Option<HeaderValue>,
}

impl Requests {
    pub fn new(authorization: Option<&str>) -> Self {
        let headers = HEADERS.map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        Self {
            headers: headers.into(),
            authorization: authorization.map(|text| text.parse().expect("a header's value")),
        }
    }

    /// Makes one request.
    pub fn make<B: Default>(&self) -> Request<B> {
        let mut headers = HeaderMap::with_capacity(8);
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        if let Some(value) = &self.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        let mut request = Request::new(B::default());
        *request.headers_mut() = headers;
        request
    }
}

/// Calls this service, each time with a new request.
pub fn calls<S>(mut service: S, authorization: Option<&str>) -> impl FnMut() -> Response<String>
where
    S: Service<Request<()>, Response = Response<String>, Error = Infallible>,
{
    let requests = Requests::new(authorization);
    move || call(&mut service, requests.make())
}

/// Calls a service that has its answer at once.
pub fn call<S, B, A>(service: &mut S, request: Request<B>) -> Response<A>
where
    S: Service<Request<B>, Response = Response<A>, Error = Infallible>,
{
    let mut context = Context::from_waker(noop_waker_ref());
    assert!(service.poll_ready(&mut context).is_ready());
    let response = service.call(request).now_or_never();
    let Ok(response) = response.expect("nothing to wait for");
    response
}
