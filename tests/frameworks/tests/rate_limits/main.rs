//! Tests of rate limiters in front of the session routes.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod actix;
#[path = "../common/mod.rs"]
mod common;
mod guide_actix;
mod guide_proxy;
mod guide_tower;
mod tower;

use std::net::SocketAddr;

use crate::common::{log_in, log_in_at, send};

/// Logs in until the limiter answers, and returns how often that took, and its answer.
async fn until_limited(server: SocketAddr, head: &[&str]) -> (u32, common::Answer) {
    for logins in 0..100 {
        let answer = log_in(server, "engine", head).await;
        if answer.status != 200 {
            return (logins, answer);
        }
    }
    panic!("a hundred logins, and no limit");
}

/// Checks that logins are limited, and nothing else is, and who answers what.
async fn check_limits(server: SocketAddr, text: &str) {
    // Ours, behind the limiter.
    let wrong = log_in(server, "", &[]).await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.body.contains("invalid_grant"), "{wrong:?}");

    // The limiter's: a right password is not even looked at.
    let (logins, limited) = until_limited(server, &[]).await;
    assert!(logins >= 9, "{logins}");
    assert_eq!(limited.status, 429);
    assert!(limited.body.contains(text), "{limited:?}");
    assert!(limited.header("retry-after").is_some());

    // No other spelling of the path leads past it.
    for (path, status) in [
        ("/session/login?a=b", 429),
        ("/session/login/", 404),
        ("/session//login", 404),
        ("//session/login", 404),
        ("/session/./login", 404),
        ("/session/%6Cogin", 404),
        ("/session/Login", 404),
    ] {
        let answer = log_in_at(server, path, "engine", &[]).await;
        assert!([status, 429].contains(&answer.status), "{path}: {answer:?}");
    }

    // Everything else goes on.
    let refresh = ["content-type: application/json"];
    let body = r#"{"refresh_token":"x"}"#;
    for _ in 0..20 {
        let answer = send(server, "POST /session/refresh", &refresh, body).await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains("invalid_grant"), "{answer:?}");
        let keys = send(server, "GET /session/.well-known/jwks.json", &[], "").await;
        assert_eq!(keys.status, 200);
        let other = send(server, "GET /", &[], "").await;
        assert_eq!((other.status, other.body.as_str()), (200, "hello"));
    }
}

/// Checks that behind a proxy the address is the one that the proxy has set, and no other header.
async fn check_proxied(server: SocketAddr) {
    let (logins, limited) = until_limited(server, &["x-real-ip: 203.0.113.1"]).await;
    assert!(logins >= 10, "{logins}");
    assert_eq!(limited.status, 429);
    let forged = ["x-forwarded-for: 198.51.100.9", "x-real-ip: 203.0.113.1"];
    assert_eq!(log_in(server, "engine", &forged).await.status, 429);
    let neighbour = log_in(server, "engine", &["x-real-ip: 203.0.113.2"]).await;
    assert_eq!(neighbour.status, 200);
    // Nobody gets past without the proxy.
    assert_eq!(log_in(server, "engine", &[]).await.status, 500);
}
