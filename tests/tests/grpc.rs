//! Tests of refusals as gRPC statuses, which are those of the core.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use std::{convert::Infallible, sync::Arc, time::Duration};

use countersign::{
    AuthError, Authenticator, KeySet, Keys, Policy,
    keys::{KeySource, KeysUnavailable},
    testing::{TestIssuer, TestToken},
};
use countersign_tower::{GrpcStatus, JwtAuthLayer, RequireLayer};
use http::{Request, Response};
use tower::{Layer, Service, ServiceExt, service_fn};

/// Keys that are unavailable.
struct Away;

impl KeySource for Away {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        Err(KeysUnavailable::default())
    }
}

/// Returns the reason of a refusal, its gRPC status by the core, and the one in the answer.
fn refused<S>(service: S, authorization: Option<&str>) -> (&'static str, i32, String)
where
    S: Service<Request<()>, Response = Response<String>, Error = Infallible>,
{
    let mut request = Request::new(());
    if let Some(value) = authorization {
        let value = value.parse().unwrap();
        request.headers_mut().insert("authorization", value);
    }
    let Ok(response) = futures_executor::block_on(service.oneshot(request));
    let error = response.extensions().get::<AuthError>().unwrap();
    let status = response.headers()["grpc-status"].to_str().unwrap();
    assert_eq!(response.status(), 200);
    (error.reason(), error.kind().grpc_code(), status.to_owned())
}

#[test]
fn every_refusal_has_the_grpc_status_that_the_core_says() {
    let inner =
        || service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) });
    let issuer = TestIssuer::new();
    let bearer = |token: TestToken<'_>| Some(format!("Bearer {}", token.sign()));
    let plain = Authenticator::new(issuer.verifier());
    let away = countersign::Verifier::builder(Keys::from_source(Away))
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let with = |policy| plain.clone().require(policy);

    for (authenticator, authorization, reason, code) in [
        (plain.clone(), None, "missing_token", 16),
        (
            plain.clone(),
            Some("Bearer".into()),
            "malformed_request",
            16,
        ),
        (
            plain.clone(),
            Some("Bearer a.b".into()),
            "malformed_token",
            16,
        ),
        (
            plain.clone(),
            bearer(issuer.token().expired()),
            "expired",
            16,
        ),
        (
            plain.clone(),
            bearer(issuer.token().audience("x")),
            "wrong_audience",
            16,
        ),
        (
            with(Policy::scope("a")),
            bearer(issuer.token()),
            "insufficient_scope",
            7,
        ),
        (
            with(Policy::role("a")),
            bearer(issuer.token()),
            "forbidden",
            7,
        ),
        (
            with(Policy::max_age(Duration::ZERO)),
            bearer(issuer.token().claim("auth_time", 0)),
            "step_up_required",
            16,
        ),
        (away.into(), bearer(issuer.token()), "keys_unavailable", 14),
    ] {
        let layer = JwtAuthLayer::new(authenticator).with_rejection_response(GrpcStatus);
        assert_eq!(
            refused(layer.layer(inner()), authorization.as_deref()),
            (reason, code, code.to_string())
        );
    }
    let uncovered = RequireLayer::new(Policy::role("a")).with_rejection_response(GrpcStatus);
    assert_eq!(
        refused(uncovered.layer(inner()), None),
        ("misconfigured", 13, "13".to_owned())
    );
}
