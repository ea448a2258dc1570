//! salvo: the layer and the session routes of `countersign-tower`, by `tower-compat`.

use std::net::SocketAddr;

use axum::http;
use countersign::{VerifiedToken, testing::TestIssuer};
use countersign_tower::JwtAuthLayer;
use salvo::{
    Listener, Request, Router, Server,
    conn::TcpListener,
    http::ReqBody,
    prelude::{TowerLayerCompat, TowerServiceCompat, handler},
};
use tower::util::MapRequest;

use crate::{authenticator, check, common};

#[handler]
async fn me(request: &mut Request) -> String {
    let token = request.extensions().get::<VerifiedToken>();
    let subject = token.and_then(|token| token.subject());
    subject.unwrap_or_default().to_owned()
}

async fn serve(router: Router) -> SocketAddr {
    let acceptor = TcpListener::new("127.0.0.1:0").bind().await;
    let server = acceptor.local_addr().unwrap();
    tokio::spawn(Server::new(acceptor).serve(router));
    server
}

#[tokio::test]
async fn salvo_takes_the_layer_of_tower() {
    let issuer = TestIssuer::new();
    let auth = JwtAuthLayer::new(authenticator(&issuer));
    let router = Router::with_path("me")
        .hoop(auth.compat::<ReqBody>())
        .get(me);
    check(serve(router).await, &issuer).await;
}

/// Removes the path of the mount, which the session routes do not expect.
fn below_mount(mut request: http::Request<ReqBody>) -> http::Request<ReqBody> {
    let path = request.uri().path().strip_prefix("/session");
    if let Some(Ok(uri)) = path.map(str::parse) {
        *request.uri_mut() = uri;
    }
    request
}

#[tokio::test]
async fn salvo_mounts_the_session_routes_as_a_tower_service() {
    let session = countersign_tower::session_routes(common::session_routes());
    let session = MapRequest::new(session, below_mount).compat();
    let router = Router::with_path("session/{**rest}").goal(session);
    let server = serve(router).await;
    assert_eq!(common::log_in(server, "engine", &[]).await.status, 200);
    assert_eq!(common::log_in(server, "", &[]).await.status, 401);
    let twice = common::log_in_at(server, "/session//login", "engine", &[]).await;
    assert_eq!(twice.status, 404);
}
