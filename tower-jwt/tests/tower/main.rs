//! Tests of what is particular to tower and axum. Behaviour that all adapters share is in the shared suite.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

mod address;
mod client;
mod extractors;
mod grpc;
mod http2;
mod layer;
mod log;
mod readiness;
mod require;
mod stack;

use std::{convert::Infallible, sync::Arc};

use axum::body::Body;
use countersign::{
    AuthError, KeySet, Keys, VerifiedToken,
    keys::{KeySource, KeysUnavailable},
    testing::TestIssuer,
};
use http::{Request, Response, header};
use http_body_util::BodyExt;
use tower::{Service, ServiceExt};

/// A request to `/`, without a token.
fn anonymous() -> Request<Body> {
    Request::new(Body::empty())
}

/// A request to `/` with this token.
fn bearing(token: &str) -> Request<Body> {
    let mut request = anonymous();
    let value = format!("Bearer {token}").parse().unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, value);
    request
}

/// Lets the service answer one request.
async fn answer<S, B>(service: S, request: Request<B>) -> Response<Body>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    service.oneshot(request).await.unwrap()
}

/// A service that says whose token it sees.
async fn greet(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let text = match request.extensions().get::<VerifiedToken>() {
        Some(token) => format!("Hello {}", token.subject().unwrap_or("nobody")),
        None => "Hello stranger".to_owned(),
    };
    Ok(Response::new(text.into()))
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A header of a response, or nothing.
fn header<'r>(response: &'r Response<Body>, name: &str) -> &'r str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// The stable name of the refusal that the response carries for outer layers.
fn reason(response: &Response<Body>) -> &'static str {
    response
        .extensions()
        .get::<AuthError>()
        .map_or("none", AuthError::reason)
}

/// A key source that is away.
struct Away;

impl KeySource for Away {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        Err(KeysUnavailable::retry_after(7))
    }
}

/// A verifier for the tokens of `issuer`, with keys from `source`.
fn verifier_with(issuer: &TestIssuer, source: impl KeySource) -> countersign::Verifier {
    countersign::Verifier::builder(Keys::from_source(source))
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}
