//! The routes for the operator: health, readiness, metrics.
//!
//! They need no token, so they have an address of their own, on the loopback interface unless the
//! file names another.

use std::{future::pending, io, net::TcpListener};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::from_fn,
    response::IntoResponse,
    routing::get,
};

use crate::api::{Api, JSON, METRICS};

/// Serves the routes for the operator. It never ends.
///
/// # Errors
///
/// The system does not let us serve on this listener.
pub async fn manage(api: Api, listener: TcpListener) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let router = Router::new()
        .route("/healthz", get("ok"))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
        .layer(from_fn(demo::serve::body_in_time))
        .with_state(api);
    demo::serve::until(pending(), listener, router).await;
    Ok(())
}

async fn readiness(State(api): State<Api>) -> impl IntoResponse {
    let readiness = api.readiness();
    let status = StatusCode::from_u16(readiness.status());
    (
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        [(CONTENT_TYPE, JSON)],
        readiness.json(),
    )
}

async fn metrics(State(api): State<Api>) -> impl IntoResponse {
    ([(CONTENT_TYPE, METRICS)], api.metrics())
}
