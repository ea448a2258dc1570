//! tower's layer around a plain service.

use std::convert::Infallible;

use bytes::Bytes;
use countersign::{Authenticator, VerifiedToken};
use countersign_tower::JwtAuthLayer;
use http_body_util::{BodyExt, Full};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::{ANONYMOUS, Answer, Request};

type Body = Full<Bytes>;

pub(crate) fn send(authenticator: &Authenticator, request: &Request) -> Answer {
    let mut builder = http::Request::builder()
        .method(request.method.as_str())
        .uri(&request.target);
    for (name, value) in &request.headers {
        builder = builder.header(name, value.as_slice());
    }
    let Ok(request) = builder.body(Body::default()) else {
        return Answer::unbuildable();
    };
    let service = ServiceBuilder::new()
        .layer(JwtAuthLayer::new(authenticator.clone()))
        .service(service_fn(route));
    let response = futures_executor::block_on(service.oneshot(request));
    let Ok(response) = response;
    let text = |name: http::HeaderName| {
        let value = response.headers().get(name)?;
        Some(value.to_str().expect("visible ASCII").to_owned())
    };
    let succeeded = response.status().is_success();
    Answer {
        status: response.status().as_u16(),
        www_authenticate: text(http::header::WWW_AUTHENTICATE),
        retry_after: text(http::header::RETRY_AFTER),
        content_type: text(http::header::CONTENT_TYPE).filter(|_| !succeeded),
        body: body_text(response.into_body()),
    }
}

async fn route(request: http::Request<Body>) -> Result<http::Response<Body>, Infallible> {
    let subject = request
        .extensions()
        .get::<VerifiedToken>()
        .map_or(ANONYMOUS, |token| token.subject().unwrap_or(""))
        .to_owned();
    Ok(http::Response::new(Body::from(subject)))
}

fn body_text(body: Body) -> String {
    let bytes = futures_executor::block_on(body.collect())
        .unwrap_or_else(|never| match never {})
        .to_bytes();
    String::from_utf8(bytes.to_vec()).expect("a text")
}
