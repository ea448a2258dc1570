//! The cross-site protection over real HTTP/2, where `:authority` names the host.

use std::convert::Infallible;

use axum::body::Body;
use countersign::{Authenticator, TokenSource, testing::TestIssuer};
use countersign_tower::JwtAuthLayer;
use http::{Request, Response};
use hyper::ext::Protocol;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use tower::{ServiceBuilder, service_fn};

/// Sends requests over one connection, each with the same token in a cookie, and returns their
/// statuses.
async fn statuses(requests: impl IntoIterator<Item = Request<Body>>) -> Vec<u16> {
    let issuer = TestIssuer::new();
    let authenticator = Authenticator::new(issuer.verifier()).source(TokenSource::cookie("access"));
    let service = ServiceBuilder::new()
        .layer(JwtAuthLayer::new(authenticator))
        .service(service_fn(|_: Request<hyper::body::Incoming>| async {
            Ok::<_, Infallible>(Response::new(String::new()))
        }));
    let (client, server) = tokio::io::duplex(16 << 10);
    let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .enable_connect_protocol()
        .serve_connection(TokioIo::new(server), TowerToHyperService::new(service));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(client))
            .await
            .unwrap();
    let cookie = format!("access={}", issuer.token().sign());
    let talk = async {
        let mut statuses = Vec::new();
        for mut request in requests {
            request
                .headers_mut()
                .insert("cookie", cookie.parse().unwrap());
            let response = sender.send_request(request).await.unwrap();
            statuses.push(response.status().as_u16());
        }
        statuses
    };
    tokio::select! {
        statuses = talk => statuses,
        served = server => panic!("the server has ended: {served:?}"),
        ended = connection => panic!("the client has ended: {ended:?}"),
    }
}

fn request(method: &str, origin: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri("http://app.example/")
        .header("origin", origin)
        .body(Body::empty())
        .unwrap()
}

#[tokio::test]
async fn the_authority_outweighs_a_host_header() {
    let post = |host: &str, origin: &str| {
        let mut request = request("POST", origin);
        request.headers_mut().insert("host", host.parse().unwrap());
        request
    };
    let statuses = statuses([
        post("internal:8080", "https://app.example"),
        post("internal:8080", "http://internal:8080"),
        request("POST", "https://app.example"),
        request("POST", "http://internal:8080"),
    ]);
    assert_eq!(statuses.await, [200, 403, 200, 403]);
}

#[tokio::test]
async fn a_websocket_over_extended_connect_needs_the_own_origin() {
    let connect = |origin: &str| {
        let mut request = request("CONNECT", origin);
        let websocket = Protocol::from_static("websocket");
        request.extensions_mut().insert(websocket);
        request
    };
    let statuses = statuses([
        // The client may use the extension once it has seen the server's settings.
        request("GET", "https://evil.app.example"),
        connect("https://evil.app.example"),
        connect("https://app.example"),
    ]);
    assert_eq!(statuses.await, [200, 403, 200]);
}
