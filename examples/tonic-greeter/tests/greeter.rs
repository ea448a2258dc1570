//! The greeter as a client sees it, over a real connection.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

use std::{future::poll_fn, net::SocketAddr};

use countersign::{Authenticator, Issuer, Policy, SigningKey};
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_stream::StreamExt;
use tonic::{
    Code, Status,
    body::Body,
    codegen::{Bytes, Service, http::Request},
    transport::Endpoint,
};
use tonic_greeter::{greet, serve};

fn issuer() -> Issuer {
    Issuer::builder("https://id.example", SigningKey::generate_es256().unwrap())
        .audience("greeter")
        .build()
        .unwrap()
}

fn token(issuer: &Issuer) -> String {
    let token = issuer.issue(&json!({ "sub": "ada" }));
    token.unwrap().into_string()
}

async fn start(authenticator: impl Into<Authenticator>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, authenticator.into()));
    address
}

#[tokio::test]
async fn a_call_with_a_token_is_accepted() {
    let issuer = issuer();
    let server = start(issuer.verifier()).await;
    let text = greet(server, Some(&token(&issuer))).await.unwrap();
    assert_eq!(text, "Hello, ada");
}

#[tokio::test]
async fn a_call_without_a_token_is_unauthenticated() {
    let server = start(issuer().verifier()).await;
    let status = greet(server, None).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.message(), "authentication is required");
    assert_eq!(status.metadata().get("www-authenticate").unwrap(), "Bearer");
}

#[tokio::test]
async fn a_call_with_a_token_of_somebody_else_is_unauthenticated() {
    let server = start(issuer().verifier()).await;
    let status = greet(server, Some(&token(&issuer()))).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_call_that_stops_within_its_message_is_ended() {
    let issuer = issuer();
    let server = start(issuer.verifier()).await;
    let first = Frame::data(Bytes::from_static(b"\0"));
    let stalled = tokio_stream::once(Ok::<_, Status>(first)).chain(tokio_stream::pending());
    let request = Request::post(format!("http://{server}/greeter.Greeter/Greet"))
        .header("content-type", "application/grpc")
        .header("authorization", format!("Bearer {}", token(&issuer)))
        .body(Body::new(StreamBody::new(stalled)))
        .unwrap();
    let channel = Endpoint::new(format!("http://{server}")).unwrap();
    let mut channel = channel.connect().await.unwrap();
    poll_fn(|cx| channel.poll_ready(cx)).await.unwrap();
    let answer = channel.call(request).await.unwrap();
    let status = Status::from_header_map(answer.headers()).unwrap();
    assert_eq!(status.message(), "Timeout expired");
}

#[tokio::test]
async fn a_call_with_a_token_that_is_not_enough_is_permission_denied() {
    let issuer = issuer();
    let authenticator = Authenticator::new(issuer.verifier()).require(Policy::scope("greet"));
    let server = start(authenticator).await;
    let status = greet(server, Some(&token(&issuer))).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
}
