//! A login that answers with a token, and a few protected routes, with axum.

use std::{env, env::VarError, error::Error, net::SocketAddr, sync::Arc};

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use axum::{
    Json, Router,
    extract::{ConnectInfo, DefaultBodyLimit, State},
    http::{StatusCode, header::CACHE_CONTROL, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use countersign::{Issuer, Policy, SigningKey, adapter::Reply, session::LoginLimits};
use countersign_tower::{Claims, JwtAuthLayer, RequireLayer, SessionReply};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{net::TcpListener, sync::Semaphore, task::spawn_blocking};
use tracing_subscriber::filter::LevelFilter;

/// A user, and what its tokens say.
#[derive(Deserialize, Serialize)]
struct User {
    sub: String,
    role: String,
}

#[derive(Deserialize)]
struct Login {
    email: String,
    password: String,
}

struct Server {
    issuer: Issuer,
    limits: LoginLimits,
    hash: PasswordHash, // of the one password of all users; yours have one each
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let log = tracing_subscriber::fmt().with_max_level(LevelFilter::DEBUG);
    log.init(); // it has a line for each refused request, with the reason
    let key = match env::var("JWT_SECRET") {
        Err(VarError::NotPresent) => SigningKey::generate_es256()?, // tokens end with this process
        secret => SigningKey::hs256(secret?)?,
    };
    let issuer = Issuer::builder("https://quickstart.example", key).audience("quickstart");
    let server = Arc::new(Server {
        issuer: issuer.build()?,
        limits: LoginLimits::builder().build()?,
        hash: Argon2::default().hash_password(b"password123")?,
    });
    let admins = RequireLayer::new(Policy::role("admin"));
    let app = Router::new()
        .route("/admin", get("Welcome, admin").route_layer(admins))
        .route("/profile", get(profile))
        .route("/protected", get(protected))
        .route_layer(JwtAuthLayer::new(server.issuer.verifier())) // covers the routes above
        .route("/login", post(log_in))
        .route("/.well-known/jwks.json", get(jwks))
        .layer(DefaultBodyLimit::max(16 << 10))
        .with_state(server)
        .into_make_service_with_connect_info::<SocketAddr>(); // logins are limited by address
    let address = env::args().skip_while(|arg| arg != "--listen").nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:3000")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

async fn log_in(
    State(server): State<Arc<Server>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    Json(login): Json<Login>,
) -> Result<Response, (StatusCode, &'static str)> {
    let attempt = match server.limits.attempt(&login.email, Some(client.ip())) {
        Ok(attempt) => attempt, // counts as failed, unless it is told otherwise
        Err(too_many) => return Ok(SessionReply(Reply::from(&too_many)).into_response()),
    };
    let user = check(Arc::clone(&server), login).await;
    let user = user.ok_or((StatusCode::UNAUTHORIZED, "wrong email address or password"))?;
    attempt.succeeded();
    let token = server.issuer.issue(&user);
    let token = token.map_err(|_| (StatusCode::INTERNAL_SERVER_ERROR, ""))?;
    let answer = Json(json!({ "token": token.as_str() }));
    Ok(([(CACHE_CONTROL, "no-store")], answer).into_response())
}

/// Returns the user with this password. An unknown address takes as long as a known one.
async fn check(server: Arc<Server>, login: Login) -> Option<User> {
    static TURNS: Semaphore = Semaphore::const_new(2); // a hash takes a processor, and 19 MiB
    let turn = TURNS.acquire().await.ok()?;
    let right = spawn_blocking(move || {
        let _turn = turn; // until it is done, even if the client leaves
        Argon2::default().verify_password(login.password.as_bytes(), &server.hash)
    });
    right.await.ok()?.ok()?;
    let (sub, role) = match &*login.email {
        "user@example.com" => ("user-1", "user"),
        "admin@example.com" => ("user-2", "admin"),
        _ => return None,
    };
    let (sub, role) = (sub.to_owned(), role.to_owned());
    Some(User { sub, role })
}

async fn protected(Claims(user): Claims<User>) -> String {
    format!("{}, you may see this", user.sub)
}

async fn profile(Claims(user): Claims<User>) -> Json<Arc<User>> {
    Json(user)
}

async fn jwks(State(server): State<Arc<Server>>) -> impl IntoResponse {
    let media_type = [(CONTENT_TYPE, "application/jwk-set+json")];
    (media_type, server.issuer.jwks())
}
