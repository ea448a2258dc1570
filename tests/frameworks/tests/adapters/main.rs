//! Tests of adapters to other frameworks, as the guide `frameworks` shows them.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

#[path = "../common/mod.rs"]
mod common;
mod ntex;
mod poem;
mod rocket;
mod salvo;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use countersign::{Authenticator, testing::TestIssuer};

use crate::common::send;

/// Returns a listener on a free port, and its address.
fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.set_nonblocking(true).unwrap();
    let server = listener.local_addr().unwrap();
    (listener, server)
}

fn authenticator(issuer: &TestIssuer) -> Authenticator {
    Authenticator::new(issuer.verifier()).realm("orders")
}

/// Checks that `GET /me` answers with the subject of a valid token, and refuses all others as the adapters
/// to axum and actix-web do.
async fn check(server: SocketAddr, issuer: &TestIssuer) {
    let bearer = |token: &str| format!("authorization: Bearer {token}");
    let good = bearer(&issuer.token().subject("ada").sign());
    let answer = send(server, "GET /me?a=b", &[&good], "").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ada"));

    let expired = bearer(&issuer.token().expired().sign());
    for (head, status, challenge) in [
        (&[][..], 401, r#"Bearer realm="orders""#),
        (&[expired.as_str()], 401, "the token has expired"),
        (&["authorization: Bearer a.b.c"], 401, "invalid_token"),
        // Two tokens: the adapter shows every line of a header.
        (&[good.as_str(), &expired], 400, "invalid_request"),
    ] {
        let answer = send(server, "GET /me", head, "").await;
        assert_eq!(answer.status, status, "{answer:?}");
        let told = answer.header("www-authenticate").unwrap();
        assert!(told.contains(challenge), "{told}");
        let media_type = answer.header("content-type");
        assert_eq!(media_type, Some("application/problem+json"));
        let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["status"], status);
    }
}
