//! The layer among others.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Body, routing::get};
use countersign::{AuthError, testing::TestIssuer};
use countersign_tower::{
    JwtAuthLayer, JwtAuthService, RequireLayer, RequireService, ResponseFuture,
};
use http::{Method, Request, Response};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_http::{
    cors::{Any, CorsLayer},
    trace::TraceLayer,
};

use crate::{anonymous, answer, bearing, greet, header, text};

fn app(issuer: &TestIssuer) -> Router {
    Router::new()
        .route("/", get(|| async { "in" }))
        .route_layer(JwtAuthLayer::new(issuer.verifier()))
}

fn cors() -> CorsLayer {
    CorsLayer::new().allow_origin(Any)
}

fn preflight() -> Request<Body> {
    let mut request = anonymous();
    *request.method_mut() = Method::OPTIONS;
    for (name, value) in [
        ("origin", "https://app.example"),
        ("access-control-request-method", "GET"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn a_preflight_is_refused_like_any_request_without_a_token() {
    let app = Router::new()
        .route("/", get(|| async {}).options(|| async {}))
        .layer(JwtAuthLayer::new(TestIssuer::new().verifier()));
    assert_eq!(answer(app, preflight()).await.status(), 401);
}

#[tokio::test]
async fn a_cors_layer_outside_answers_preflights() {
    let app = app(&TestIssuer::new()).layer(cors());
    let response = answer(app, preflight()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "access-control-allow-origin"), "*");
}

#[tokio::test]
async fn a_cors_layer_outside_lets_browsers_read_refusals() {
    let app = app(&TestIssuer::new()).layer(cors());
    let response = answer(app, anonymous()).await;
    assert_eq!(response.status(), 401);
    assert_eq!(header(&response, "access-control-allow-origin"), "*");
}

#[tokio::test]
async fn an_outer_layer_can_log_why_a_request_was_refused() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let service = ServiceBuilder::new()
        .map_response({
            let log = Arc::clone(&log);
            move |response: Response<Body>| {
                let error = response.extensions().get::<AuthError>();
                log.lock().unwrap().extend(error.map(AuthError::reason));
                response
            }
        })
        .layer(JwtAuthLayer::new(TestIssuer::new().verifier()))
        .service(service_fn(greet));
    answer(service, bearing("not.a.token")).await;
    assert_eq!(*log.lock().unwrap(), ["malformed_token"]);
}

#[tokio::test]
async fn layers_that_change_the_body_go_outside() {
    let issuer = TestIssuer::new();
    let service = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(JwtAuthLayer::new(issuer.verifier()))
        .service(service_fn(greet));
    let request = bearing(&issuer.token().subject("ada").sign());
    let response = service.oneshot(request).await.unwrap().map(Body::new);
    assert_eq!(text(response).await, "Hello ada");
}

#[tokio::test]
async fn a_route_layer_leaves_unknown_paths_a_404() {
    let mut request = anonymous();
    *request.uri_mut() = "/unknown".parse().unwrap();
    assert_eq!(answer(app(&TestIssuer::new()), request).await.status(), 404);
}

#[tokio::test]
async fn a_layer_around_the_router_covers_unknown_paths_too() {
    let app = Router::new()
        .route("/", get(|| async {}))
        .layer(JwtAuthLayer::new(TestIssuer::new().verifier()));
    let mut request = anonymous();
    *request.uri_mut() = "/unknown".parse().unwrap();
    assert_eq!(answer(app, request).await.status(), 401);
}

#[tokio::test]
async fn a_fallback_is_covered_by_a_layer_but_not_by_a_route_layer() {
    let issuer = TestIssuer::new();
    let app = || {
        Router::new()
            .route("/", get(|| async {}))
            .fallback(|| async { "the fallback" })
    };
    let unknown = || {
        let mut request = anonymous();
        *request.uri_mut() = "/unknown".parse().unwrap();
        request
    };
    let open = app().route_layer(JwtAuthLayer::new(issuer.verifier()));
    let response = answer(open, unknown()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(text(response).await, "the fallback");
    let covered = app().layer(JwtAuthLayer::new(issuer.verifier()));
    assert_eq!(answer(covered, unknown()).await.status(), 401);
}

#[tokio::test]
async fn its_future_can_be_named() {
    struct Named<S>
    where
        JwtAuthService<S>: tower::Service<Request<Body>>,
    {
        response: <JwtAuthService<S> as tower::Service<Request<Body>>>::Future,
    }

    let service = JwtAuthLayer::new(TestIssuer::new().verifier());
    let mut service = tower::Layer::layer(&service, app(&TestIssuer::new()));
    let named = Named::<Router> {
        response: tower::Service::call(&mut service, anonymous()),
    };
    assert_eq!(named.response.await.unwrap().status(), 401);
}

#[tokio::test]
async fn it_serves_a_connection_of_hyper() {
    let issuer = TestIssuer::new();
    let service = ServiceBuilder::new()
        .layer(JwtAuthLayer::new(issuer.verifier()))
        .service(service_fn(|_: Request<hyper::body::Incoming>| async {
            Ok::<_, std::convert::Infallible>(Response::new("in".to_owned()))
        }));
    let (mut client, server) = tokio::io::duplex(16 << 10);
    let connection = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(server), TowerToHyperService::new(service));

    let talk = async {
        let token = issuer.token().sign();
        let request = format!(
            "GET / HTTP/1.1\r\nhost: a\r\n\r\n\
             GET / HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let mut answers = String::new();
        client.read_to_string(&mut answers).await.unwrap();
        answers
    };
    let (served, answers) = tokio::join!(connection, talk);
    served.unwrap();
    let statuses: Vec<&str> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| &answer[..3])
        .collect();
    assert_eq!(statuses, ["401", "200"]);
}

/// It compiles, so it holds.
#[test]
fn layers_services_and_futures_are_as_shareable_as_what_they_wrap() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    fn sent<T: Send + 'static>(_: fn() -> T) {}
    fn future<S, B>() -> S::Future
    where
        S: tower::Service<Request<B>>,
    {
        unreachable!("only its type counts")
    }

    shared::<JwtAuthLayer>();
    shared::<JwtAuthService<Router>>();
    shared::<RequireLayer>();
    shared::<RequireService<Router>>();
    sent(future::<JwtAuthService<Router>, Body>);
    sent(future::<RequireService<Router>, Body>);
    sent::<ResponseFuture<std::future::Ready<()>>>(|| unreachable!("only its type counts"));
}
