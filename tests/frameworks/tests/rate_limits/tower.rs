//! `tower_governor` in front of the session routes on axum.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, Response},
    routing::get,
};
use countersign_tower::session_routes;
use tokio::net::TcpListener;
use tower::{ServiceBuilder, ServiceExt};
use tower_governor::{
    GovernorLayer,
    governor::GovernorConfigBuilder,
    key_extractor::{KeyExtractor, SmartIpKeyExtractor},
};

use crate::{
    check_limits, check_proxied, common, guide_proxy::real_ip, guide_tower::app, until_limited,
};

/// Limits all session routes together, by this address.
fn limited_by(address: impl KeyExtractor<Key = IpAddr> + Send + Sync + 'static) -> Router {
    let limits = GovernorConfigBuilder::default()
        .key_extractor(address)
        .burst_size(10)
        .per_second(6)
        .finish();
    Router::new()
        .nest_service("/session", session_routes(common::session_routes()))
        .layer(GovernorLayer::new(limits.unwrap()))
}

/// Serves the app, and another route.
async fn serve(app: Router) -> SocketAddr {
    let app = app.route("/", get(async || "hello"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let server = listener.local_addr().unwrap();
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    server
}

#[tokio::test]
async fn logins_are_limited_and_nothing_else() {
    let app = app(common::session_routes()).unwrap();
    check_limits(serve(app).await, "Too Many Requests").await;
}

#[tokio::test]
async fn behind_a_proxy_the_address_is_the_one_that_the_proxy_sets() {
    check_proxied(serve(limited_by(real_ip())).await).await;
}

#[tokio::test]
async fn the_smart_key_believes_whatever_a_client_sends() {
    let server = serve(limited_by(SmartIpKeyExtractor)).await;
    let (_, limited) = until_limited(server, &["x-real-ip: 203.0.113.1"]).await;
    assert_eq!(limited.status, 429);
    let forged = ["x-forwarded-for: 198.51.100.9", "x-real-ip: 203.0.113.1"];
    assert_eq!(common::log_in(server, "engine", &forged).await.status, 200);
}

#[tokio::test]
async fn without_the_address_of_the_peer_every_login_is_500() {
    let app = app(common::session_routes()).unwrap();
    let login = Request::post("/session/login").body(Body::empty()).unwrap();
    assert_eq!(app.oneshot(login).await.unwrap().status(), 500);
}

/// The layer answers with a body of axum, and the routes with a text.
#[tokio::test]
async fn the_service_itself_is_limited_with_its_body_turned_into_axums() {
    let limits = GovernorConfigBuilder::default()
        .burst_size(1)
        .per_second(3_600)
        .finish();
    let service = ServiceBuilder::new()
        .layer(GovernorLayer::new(Arc::new(limits.unwrap())))
        .map_response(|answer: Response<String>| answer.map(Body::from))
        .service(session_routes(common::session_routes()));
    for status in [404, 429] {
        let peer = ConnectInfo(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        let request = Request::get("/unknown").extension(peer).body(Body::empty());
        let answer = service.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(answer.status(), status);
    }
}
