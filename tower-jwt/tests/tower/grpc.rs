//! Refusals as gRPC statuses.

use axum::body::Body;
use countersign::{Authenticator, Policy, testing::TestIssuer};
use countersign_tower::{GrpcStatus, JwtAuthLayer, RequireLayer};
use http::{Request, Response};
use http_body::Body as _;
use tower::{Layer, service_fn};

use crate::{Away, anonymous, answer, bearing, greet, header, verifier_with};

async fn refused(
    authenticator: impl Into<Authenticator>,
    request: Request<Body>,
) -> Response<Body> {
    let layer = JwtAuthLayer::new(authenticator).with_rejection_response(GrpcStatus);
    answer(layer.layer(service_fn(greet)), request).await
}

#[tokio::test]
async fn a_refusal_has_trailers_only() {
    let response = refused(TestIssuer::new().verifier(), anonymous()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "application/grpc");
    assert_eq!(header(&response, "grpc-status"), "16");
    assert_eq!(
        header(&response, "grpc-message"),
        "authentication is required"
    );
    assert!(response.body().is_end_stream());
}

#[tokio::test]
async fn the_challenge_comes_along_as_metadata() {
    let issuer = TestIssuer::new();
    let response = refused(issuer.verifier(), bearing(&issuer.token().expired().sign())).await;
    assert_eq!(
        header(&response, "www-authenticate"),
        r#"Bearer error="invalid_token", error_description="the token has expired""#
    );
}

#[tokio::test]
async fn a_token_that_is_not_enough_is_permission_denied() {
    let issuer = TestIssuer::new();
    let authenticator = Authenticator::new(issuer.verifier()).require(Policy::scope("write"));
    let response = refused(authenticator, bearing(&issuer.token().sign())).await;
    assert_eq!(header(&response, "grpc-status"), "7");
}

#[tokio::test]
async fn keys_that_are_away_are_unavailable_with_retry_after() {
    let issuer = TestIssuer::new();
    let verifier = verifier_with(&issuer, Away);
    let response = refused(verifier, bearing(&issuer.token().sign())).await;
    assert_eq!(header(&response, "grpc-status"), "14");
    assert_eq!(header(&response, "retry-after"), "7");
}

#[tokio::test]
async fn a_missing_layer_is_internal() {
    let require = RequireLayer::new(Policy::scope("read")).with_rejection_response(GrpcStatus);
    let response = answer(require.layer(service_fn(greet)), anonymous()).await;
    assert_eq!(header(&response, "grpc-status"), "13");
}
