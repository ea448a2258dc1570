//! The app after. See `old/axum.rs`.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use countersign::{ConfigError, Issuer, Issuers, SigningKeys};
use countersign_tower::{Claims, JwtAuthLayer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Deserialize, Serialize)]
pub struct User {
    sub: String,
    company: String,
}

#[derive(Deserialize)]
pub struct Login {
    client_id: String,
    client_secret: String,
}

pub fn issuer(keys: SigningKeys) -> Result<Issuer, ConfigError> {
    Issuer::builder("https://id.example", keys)
        .audience("orders")
        .build()
}

pub fn app(issuers: Issuers, issuer: Issuer) -> Router {
    Router::new()
        .route("/protected", get(protected))
        .route_layer(JwtAuthLayer::new(issuers))
        .route("/authorize", post(authorize))
        .with_state(issuer)
}

pub async fn protected(Claims(user): Claims<User>) -> String {
    format!("{} of {}", user.sub, user.company)
}

pub async fn authorize(
    State(issuer): State<Issuer>,
    Json(login): Json<Login>,
) -> Result<Json<Value>, StatusCode> {
    if login.client_id != "foo" || login.client_secret != "bar" {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let user = User {
        sub: "b@b.com".to_owned(),
        company: "ACME".to_owned(),
    };
    let token = issuer
        .issue(&user)
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(
        json!({ "access_token": token.as_str(), "token_type": "Bearer" }),
    ))
}
