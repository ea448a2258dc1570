//! tower's layer around a plain service, and around routes of axum.

use std::{convert::Infallible, net::SocketAddr};

use axum::{Router, body::Body, extract::ConnectInfo, routing::get};
use bytes::Bytes;
use countersign::{AuthError, Authenticator, VerifiedToken};
use countersign_tower::{Claims, ClaimsRejection, JwtAuthLayer, Principal, RequireLayer, Token};
use http::{HeaderName, HeaderValue, Response, header};
use http_body_util::{BodyExt, Full};
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

use crate::{ANONYMOUS, Answer, Misfit, Person, Request, User, admins};

pub(crate) fn send(authenticator: &Authenticator, request: &Request) -> Answer {
    let service = ServiceBuilder::new()
        .layer(JwtAuthLayer::new(authenticator.clone()))
        .service(service_fn(route));
    answer(service, request)
}

pub(crate) fn visit(authenticator: &Authenticator, request: &Request) -> Answer {
    let admins = get(subject).route_layer(RequireLayer::new(admins()));
    let app = Router::new()
        .route("/claims", get(claims))
        .route("/claims-if-any", get(claims_if_any))
        .route("/misfit", get(misfit))
        .route("/admin", admins)
        .route("/actor", get(actor))
        .route("/principal", get(principal))
        .route("/principal-if-any", get(principal_if_any))
        .route_layer(JwtAuthLayer::new(authenticator.clone()))
        .route("/uncovered", get(claims));
    answer(app, request)
}

fn answer<S, B>(service: S, request: &Request) -> Answer
where
    S: Service<http::Request<Body>, Response = Response<B>, Error = Infallible>,
    B: BodyExt<Data = Bytes, Error: std::fmt::Debug>,
{
    let Some(request) = build(request) else {
        return Answer::unbuildable();
    };
    let Ok(response) = futures_executor::block_on(service.oneshot(request));
    let text = |name: HeaderName| {
        let all = response.headers().get_all(name).iter();
        let text = |value: &HeaderValue| value.to_str().expect("visible ASCII").to_owned();
        crate::core::joined(all.map(text))
    };
    let succeeded = response.status().is_success();
    let error = response.extensions().get::<AuthError>();
    Answer {
        status: response.status().as_u16(),
        www_authenticate: text(header::WWW_AUTHENTICATE),
        dpop_nonce: text(HeaderName::from_static("dpop-nonce")),
        retry_after: text(header::RETRY_AFTER),
        content_type: text(header::CONTENT_TYPE).filter(|_| !succeeded),
        reason: error.map(AuthError::reason),
        body: body_text(response.into_body()),
    }
}

pub(crate) fn build(request: &Request) -> Option<http::Request<Body>> {
    let mut builder = http::Request::builder()
        .method(request.method.as_str())
        .uri(&request.target);
    for (name, value) in &request.headers {
        builder = builder.header(name, value.as_slice());
    }
    if let Some(peer) = request.peer {
        builder = builder.extension(ConnectInfo(SocketAddr::from((peer, 443))));
    }
    if let Some(certificate) = request.certificate {
        builder = builder.extension(certificate);
    }
    builder.body(Body::from(request.body.clone())).ok()
}

async fn route<B>(request: http::Request<B>) -> Result<Response<Full<Bytes>>, Infallible> {
    let subject = request
        .extensions()
        .get::<VerifiedToken>()
        .map_or(ANONYMOUS, |token| token.subject().unwrap_or(""))
        .to_owned();
    Ok(Response::new(subject.into()))
}

async fn claims(Claims(user): Claims<User>) -> String {
    user.sub.clone()
}

async fn claims_if_any(user: Option<Claims<User>>) -> String {
    user.map_or_else(|| ANONYMOUS.to_owned(), |user| user.sub.clone())
}

async fn misfit(_: Claims<Misfit>) {}

async fn actor(Token(token): Token) -> Result<String, ClaimsRejection> {
    Ok(crate::actor(&token)?)
}

async fn principal(Principal(person): Principal<Person>) -> String {
    person.0.clone()
}

async fn principal_if_any(person: Option<Principal<Person>>) -> String {
    person.map_or_else(|| ANONYMOUS.to_owned(), |person| person.0.0.clone())
}

async fn subject(Token(token): Token) -> String {
    token.subject().unwrap_or("").to_owned()
}

fn body_text(body: impl BodyExt<Data = Bytes, Error: std::fmt::Debug>) -> String {
    let body = futures_executor::block_on(body.collect()).expect("a whole body");
    String::from_utf8(body.to_bytes().to_vec()).expect("a text")
}
