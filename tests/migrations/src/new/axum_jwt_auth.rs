//! The API after. See `old/axum_jwt_auth.rs`.

use axum::{Router, routing::get};
use countersign::{ConfigError, Verifier};
use countersign_tower::{Claims, JwtAuthLayer};
use serde::Deserialize;

#[derive(Deserialize)]
struct User {
    sub: String,
}

pub async fn app(provider: &str) -> Result<Router, ConfigError> {
    let verifier = Verifier::discover(provider)
        .audience("orders")
        .build()
        .await?;
    Ok(Router::new()
        .route("/me", get(me))
        .route_layer(JwtAuthLayer::new(verifier)))
}

async fn me(Claims(user): Claims<User>) -> String {
    user.sub.clone()
}
