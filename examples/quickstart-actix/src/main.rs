//! A login that answers with a token, and a few protected routes, with actix-web.

use std::{env, env::VarError, error::Error};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, Responder, Result,
    error::{ErrorInternalServerError, ErrorUnauthorized},
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    web::{Data, Json, JsonConfig, block, get, post, resource},
};
use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use countersign::{Issuer, Policy, SigningKey, adapter::Reply, session::LoginLimits};
use countersign_actix::{Claims, JwtAuth, Require, SessionReply};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;
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

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let log = tracing_subscriber::fmt().with_max_level(LevelFilter::DEBUG);
    log.init(); // it has a line for each refused request, with the reason
    let key = match env::var("JWT_SECRET") {
        Err(VarError::NotPresent) => SigningKey::generate_es256()?, // tokens end with this process
        secret => SigningKey::hs256(secret?)?,
    };
    let issuer = Issuer::builder("https://quickstart.example", key).audience("quickstart");
    let state = Data::new(Server {
        issuer: issuer.build()?,
        limits: LoginLimits::builder().build()?,
        hash: Argon2::default().hash_password(b"password123")?,
    });
    let auth = JwtAuth::new(state.issuer.verifier());
    let admins = Require::new(Policy::role("admin"));
    let app = move || {
        let admin = get().to(async || "Welcome, admin").wrap(admins.clone());
        App::new()
            .app_data(state.clone())
            .app_data(JsonConfig::default().limit(16 << 10))
            .service(resource("/admin").wrap(auth.clone()).route(admin))
            .service(resource("/profile").wrap(auth.clone()).get(profile))
            .service(resource("/protected").wrap(auth.clone()).get(protected))
            .route("/login", post().to(log_in))
            .route("/.well-known/jwks.json", get().to(jwks))
    };
    let address = env::args().skip_while(|arg| arg != "--listen").nth(1);
    let server = HttpServer::new(app).bind(address.as_deref().unwrap_or("127.0.0.1:3000"))?;
    println!("listening on http://{}", server.addrs()[0]);
    Ok(server.run().await?)
}

async fn log_in(
    server: Data<Server>,
    request: HttpRequest,
    Json(login): Json<Login>,
) -> Result<HttpResponse> {
    let client = request.peer_addr().map(|client| client.ip());
    let attempt = match server.limits.attempt(&login.email, client) {
        Ok(attempt) => attempt, // counts as failed, unless it is told otherwise
        Err(too_many) => return Ok(SessionReply(Reply::from(&too_many)).respond_to(&request)),
    };
    let user = check(server.clone(), login).await;
    let user = user.ok_or_else(|| ErrorUnauthorized("wrong email address or password"))?;
    attempt.succeeded();
    let token = server.issuer.issue(&user);
    let token = token.map_err(|_| ErrorInternalServerError(""))?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CACHE_CONTROL, "no-store"));
    Ok(answer.json(json!({ "token": token.as_str() })))
}

/// Returns the user with this password. An unknown address takes as long as a known one.
async fn check(server: Data<Server>, login: Login) -> Option<User> {
    static TURNS: Semaphore = Semaphore::const_new(2); // a hash takes a processor, and 19 MiB
    let turn = TURNS.acquire().await.ok()?;
    let right = block(move || {
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

async fn profile(Claims(user): Claims<User>) -> HttpResponse {
    HttpResponse::Ok().json(&*user)
}

async fn jwks(server: Data<Server>) -> impl Responder {
    let media_type = (CONTENT_TYPE, "application/jwk-set+json");
    server.issuer.jwks().customize().insert_header(media_type)
}
