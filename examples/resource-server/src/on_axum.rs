//! The routes on axum.

use std::{io, net::TcpListener};

use axum::{
    Router,
    http::{
        HeaderValue,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    middleware::{from_fn, map_response},
    response::{IntoResponse, Response},
    routing::get,
};
use countersign_tower::{JwtAuthLayer, RequireLayer, Token};
use demo::{Drain, serve::body_in_time};

use crate::api::{Api, JSON};

pub(crate) async fn serve(
    api: Api,
    listener: TcpListener,
    drain: Drain,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    demo::serve::until(stop, drain, listener, router(&api)).await;
    Ok(())
}

fn router(api: &Api) -> Router {
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
        .route_layer(map_response(no_store))
        .layer(from_fn(body_in_time))
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

/// Keeps what somebody may see out of caches: it may have come with a cookie, which caches do not
/// look at.
async fn no_store(mut response: Response) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}
