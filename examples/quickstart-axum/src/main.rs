//! A login and a few protected routes with axum. Start it, and it says how to log in.

mod answers;
mod login_error;

use std::{io, net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::{ConnectInfo, DefaultBodyLimit, State, rejection::JsonRejection},
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::{from_fn, map_response},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use countersign::Policy;
use countersign_tower::{Claims, JwtAuthLayer, RequireLayer};
use demo::{Demo, Login, Options, User, serve::body_in_time};
use serde_json::json;
use tokio::net::TcpListener;

use crate::answers::{limit_headers, message, no_store, not_found, refused};
use crate::login_error::LoginError;

#[tokio::main]
async fn main() -> io::Result<()> {
    let options = Options::from_args();
    let demo = Arc::new(Demo::start_or_exit(&options));
    let admins = RequireLayer::new(Policy::role("admin")).with_rejection_response(refused);
    let auth = JwtAuthLayer::new(demo.issuer().verifier()).with_rejection_response(refused);
    let mut app = Router::new()
        .route("/admin", get(admin).route_layer(admins))
        .route("/profile", get(profile))
        .route("/protected", get(protected))
        .route_layer(auth) // covers the routes above, not those below
        .route_layer(map_response(no_store))
        .route("/login", post(log_in).layer(map_response(no_store)))
        .fallback(not_found);
    if !options.alg.is_symmetric() {
        app = app.route("/.well-known/jwks.json", get(jwks));
    }
    let app = app
        .layer(DefaultBodyLimit::max(demo::MAX_BODY_BYTES))
        .layer(from_fn(body_in_time))
        .layer(from_fn(limit_headers))
        .with_state(Arc::clone(&demo));

    let listener = options.bound_or_exit(TcpListener::bind(options.listen).await);
    let stop = demo::asked_to_stop()?; // before anybody hears of this server
    demo.announce(listener.local_addr()?);
    demo::serve::until(stop, listener, app).await;
    Ok(())
}

async fn log_in(
    State(demo): State<Arc<Demo>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    login: Result<Json<Login>, JsonRejection>,
) -> Result<Response, LoginError> {
    let Json(login) = login?;
    let user = demo.log_in(login, Some(client.ip())).await?;
    let user = user.ok_or(LoginError::Wrong)?;
    let token = demo.issuer().issue(&user)?;
    Ok(Json(json!({ "token": token.as_str() })).into_response())
}

async fn protected(Claims(user): Claims<User>) -> Response {
    let message = "You are authorized to access this resource";
    Json(json!({ "message": message, "userId": user.sub })).into_response()
}

async fn profile(Claims(user): Claims<User>) -> Json<Arc<User>> {
    Json(user)
}

async fn admin() -> Response {
    message(StatusCode::OK, "Welcome, admin")
}

async fn jwks(State(demo): State<Arc<Demo>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, demo::JWK_SET)], demo.issuer().jwks())
}
