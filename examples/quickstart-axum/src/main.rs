//! A login and a few protected routes with axum. Start it, and it says how to log in.

mod answers;
mod shutdown;

use std::{io, sync::Arc};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State, rejection::JsonRejection},
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::from_fn,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use countersign::Policy;
use countersign_tower::{Claims, JwtAuthLayer, RequireLayer};
use demo::{Demo, Login, Options, User};
use serde_json::json;
use tokio::{net::TcpListener, task::spawn_blocking};

use crate::answers::{internal, limit_headers, message, refused, unreadable, wrong_login};

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
        .route("/login", post(log_in));
    if !options.alg.is_symmetric() {
        app = app.route("/.well-known/jwks.json", get(jwks));
    }
    let app = app
        .layer(DefaultBodyLimit::max(demo::MAX_BODY_BYTES))
        .layer(from_fn(limit_headers))
        .with_state(Arc::clone(&demo));

    let listener = TcpListener::bind(options.listen).await?;
    demo.announce(listener.local_addr()?);
    axum::serve(listener, app)
        .with_graceful_shutdown(shutdown::asked_for())
        .await
}

async fn log_in(
    State(demo): State<Arc<Demo>>,
    login: Result<Json<Login>, JsonRejection>,
) -> Result<Response, Response> {
    let Json(login) = login.map_err(|rejection| unreadable(rejection.status()))?;
    let logging_in = Arc::clone(&demo);
    let user = spawn_blocking(move || logging_in.log_in(&login.email, &login.password)).await;
    let user = user.map_err(internal)?.ok_or_else(wrong_login)?;
    let token = demo.issuer().issue(&user).map_err(internal)?;
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
