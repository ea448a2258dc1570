//! The login server on axum.

use std::{io, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, COOKIE},
    },
    middleware::{from_fn, map_response, map_response_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use countersign_tower::{Claims, JwtAuthLayer, RequireLayer, session_routes};
use demo::{Drain, Metrics, User, serve::body_in_time};
use login::{App, Options};
use serde_json::{Value, json};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let options = Options::from_args().await;
    let _log = demo::start_logging(options.log_format).unwrap_or_else(|line| demo::exit(line));
    let metrics = Metrics::install().unwrap_or_else(|line| demo::exit(line));
    let app = App::start(&options)
        .await
        .unwrap_or_else(|line| demo::exit(line));

    let bound = TcpListener::bind(options.listen).await;
    let listener = demo::bound_or_exit("--listen", options.listen, bound);
    let drain = Drain::on_signals(options.draining())?; // before anybody hears of this server
    app.manage(&options, metrics, &drain)?;
    App::announce(listener.local_addr()?);
    demo::serve::until(drain.stopped(), drain, listener, router(&app)).await;
    Ok(())
}

fn router(app: &App) -> Router {
    let mut router = Router::new()
        .route(
            "/api/admin",
            get(admin).route_layer(RequireLayer::new(App::admins())),
        )
        .route("/api/profile", get(profile))
        .route("/api/token", get(token))
        .route(
            "/api/vault",
            get(vault).route_layer(RequireLayer::new(App::second_factor())),
        )
        .route_layer(JwtAuthLayer::new(app.api())) // covers the routes above, not those below
        .route_layer(map_response(no_store));
    for (path, routes) in app.mounts() {
        router = router.nest_service(path, session_routes(routes));
    }
    for asset in app.assets() {
        let file = ([(CONTENT_TYPE, asset.media_type)], asset.text.clone());
        router = router.route(asset.path, get(async move || file));
    }
    router
        .route("/.well-known/jwks.json", get(jwks))
        .layer(from_fn(body_in_time))
        .layer(map_response_with_state(app.clone(), secured))
        .with_state(app.clone())
}

async fn profile(Claims(user): Claims<User>) -> Json<Arc<User>> {
    Json(user)
}

async fn admin() -> Json<Value> {
    Json(json!({ "message": "Welcome, admin" }))
}

async fn token(headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
    let cookies = headers.get(COOKIE).and_then(|value| value.to_str().ok());
    let token = cookies.and_then(login::token_in_cookies);
    token
        .map(|token| Json(json!({ "token": token })))
        .ok_or(StatusCode::NOT_FOUND)
}

async fn vault() -> Json<Value> {
    Json(json!({ "message": "The vault is open" }))
}

async fn jwks(State(app): State<App>) -> impl IntoResponse {
    ([(CONTENT_TYPE, demo::JWK_SET)], app.jwks())
}

/// Keeps what somebody may see out of caches: it came with a cookie, which caches do not look at.
async fn no_store(mut response: Response) -> Response {
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}

async fn secured(State(app): State<App>, mut response: Response) -> Response {
    for (name, value) in app.security_headers() {
        let (name, value) = (
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
        response.headers_mut().insert(name, value);
    }
    response
}
