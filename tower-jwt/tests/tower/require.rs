//! Policies inside the layer.

use axum::{Router, body::Body, routing::get};
use countersign::{AuthError, Authenticator, Policy, testing::TestIssuer};
use countersign_tower::{JwtAuthLayer, RequireLayer};
use http::Response;
use tower::{Layer, service_fn};

use crate::{anonymous, answer, bearing, greet, header, reason, text};

fn app(authenticator: impl Into<Authenticator>, policy: Policy) -> Router {
    Router::new()
        .route("/", get(|| async { "in" }))
        .route_layer(RequireLayer::new(policy))
        .route_layer(JwtAuthLayer::new(authenticator))
}

#[tokio::test]
async fn a_token_that_holds_what_is_asked_for_is_let_in() {
    let issuer = TestIssuer::new();
    let app = app(issuer.verifier(), Policy::scope("read"));
    let response = answer(app, bearing(&issuer.token().scope("read").sign())).await;
    assert_eq!(text(response).await, "in");
}

#[tokio::test]
async fn a_token_that_does_not_is_403_and_told_what_would_be_enough() {
    let issuer = TestIssuer::new();
    let app = app(issuer.verifier(), Policy::scope("write"));
    let response = answer(app, bearing(&issuer.token().scope("read").sign())).await;
    assert_eq!(response.status(), 403);
    assert_eq!(
        header(&response, "www-authenticate"),
        r#"Bearer error="insufficient_scope", error_description="the token lacks a required scope", scope="write""#
    );
    assert_eq!(reason(&response), "insufficient_scope");
}

#[tokio::test]
async fn an_anonymous_request_is_401_in_the_protection_space_of_the_layer() {
    let authenticator = Authenticator::new(TestIssuer::new().verifier())
        .realm("orders")
        .optional();
    let app = app(authenticator, Policy::scope("read"));
    let response = answer(app, anonymous()).await;
    assert_eq!(response.status(), 401);
    assert_eq!(
        header(&response, "www-authenticate"),
        r#"Bearer realm="orders""#
    );
}

#[tokio::test]
async fn a_route_without_a_layer_is_500() {
    let service = RequireLayer::new(Policy::scope("read")).layer(service_fn(greet));
    let issuer = TestIssuer::new();
    let response = answer(service, bearing(&issuer.token().scope("read").sign())).await;
    assert_eq!(response.status(), 500);
    assert_eq!(reason(&response), "misconfigured");
}

#[tokio::test]
async fn its_refusals_can_look_as_you_like() {
    let issuer = TestIssuer::new();
    let require = RequireLayer::new(Policy::role("admin"))
        .with_rejection_response(|error: &AuthError| Response::new(Body::from(error.reason())));
    let service = JwtAuthLayer::new(issuer.verifier()).layer(require.layer(service_fn(greet)));
    let response = answer(service, bearing(&issuer.token().role("user").sign())).await;
    assert!(header(&response, "www-authenticate").contains("insufficient_scope"));
    assert_eq!(text(response).await, "forbidden");
}

#[test]
fn the_inner_service_can_be_reached() {
    let mut service = RequireLayer::new(Policy::default()).layer("inner");
    assert_eq!(service.get_ref(), &"inner");
    *service.get_mut() = "changed";
    assert_eq!(service.into_inner(), "changed");
}
