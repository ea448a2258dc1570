//! The routes on axum.

use std::{io, net::TcpListener};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use countersign_tower::{JwtAuthLayer, RequireLayer, Token};

use crate::api::{Api, JSON, METRICS};

pub(crate) async fn serve(
    api: Api,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    demo::serve::until(stop, listener, router(api)).await;
    Ok(())
}

fn router(api: Api) -> Router {
    let users = Router::new()
        .route("/v1/me", get(me))
        .route(
            "/v1/admin",
            get(admin).route_layer(RequireLayer::new(Api::admins())),
        )
        .route_layer(JwtAuthLayer::new(api.users()));
    let anybody = Router::new()
        .route("/v1/feed", get(feed))
        .route_layer(JwtAuthLayer::new(api.anybody()));
    Router::new()
        .merge(users)
        .merge(anybody)
        .route("/healthz", get("ok"))
        .route("/readyz", get(readiness))
        .route("/metrics", get(metrics))
        .with_state(api)
}

async fn me(Token(token): Token) -> impl IntoResponse {
    ([(CONTENT_TYPE, JSON)], token.payload().to_owned())
}

async fn admin() -> &'static str {
    "Welcome, admin"
}

async fn feed(token: Option<Token>) -> String {
    Api::greeting(token.as_deref())
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
