//! Tests of the address of a client, as the session routes find it.

use std::net::{IpAddr, SocketAddr};

use axum::{Router, body::Body, extract::ConnectInfo};
use countersign::{
    Issuer, MemoryStore, SessionRoutes, Sessions, SigningKey,
    session::{Identity, LoginLimits, SignIn},
};
use countersign_tower::session_routes;
use http::{Extensions, Request};
use tower::ServiceExt;

/// An app that lets one login of each address fail.
fn app() -> Router {
    let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256().unwrap())
        .audience("app")
        .build()
        .unwrap();
    let sessions = Sessions::builder(issuer, MemoryStore::new())
        .build()
        .unwrap();
    let limits = LoginLimits::builder().per_address(1).build().unwrap();
    let routes = SessionRoutes::json(sessions, |_: SignIn<serde_json::Value>| async {
        Ok::<Option<Identity<()>>, std::io::Error>(None)
    });
    Router::new().nest_service("/token", session_routes(routes.login_limits(limits)))
}

async fn log_in(app: &Router, name: u32, extend: impl FnOnce(&mut Extensions)) -> u16 {
    let mut request = Request::post("/token/login")
        .header("content-type", "application/json")
        .body(Body::from(format!(r#"{{"name":{name}}}"#)))
        .unwrap();
    extend(request.extensions_mut());
    app.clone()
        .oneshot(request)
        .await
        .unwrap()
        .status()
        .as_u16()
}

fn socket(address: &str) -> SocketAddr {
    (address.parse::<IpAddr>().unwrap(), 443).into()
}

#[tokio::test]
async fn connect_info_is_the_address_before_a_socket_address() {
    let app = app();
    let both = |extensions: &mut Extensions| {
        extensions.insert(ConnectInfo(socket("192.0.2.1")));
        extensions.insert(socket("192.0.2.2"));
    };
    assert_eq!(log_in(&app, 1, both).await, 401);
    assert_eq!(log_in(&app, 2, both).await, 429);
    let other = |extensions: &mut Extensions| {
        extensions.insert(socket("192.0.2.2"));
    };
    assert_eq!(log_in(&app, 3, other).await, 401);
}

#[tokio::test]
async fn a_server_on_hyper_puts_a_socket_address() {
    let app = app();
    let here = |extensions: &mut Extensions| {
        extensions.insert(socket("192.0.2.1"));
    };
    assert_eq!(log_in(&app, 1, here).await, 401);
    assert_eq!(log_in(&app, 2, here).await, 429);
}

#[tokio::test]
async fn without_either_only_accounts_are_limited() {
    let app = app();
    for name in 0..5 {
        assert_eq!(log_in(&app, name, |_| ()).await, 401);
    }
}
