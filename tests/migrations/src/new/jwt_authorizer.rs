//! The API after. See `old/jwt_authorizer.rs`.

use axum::{Router, routing::get};
use countersign::{Authenticator, ConfigError, Policy, Verifier};
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
    let auth = Authenticator::new(verifier).require(Policy::scope("read"));
    Ok(Router::new()
        .route("/me", get(me))
        .layer(JwtAuthLayer::new(auth)))
}

async fn me(Claims(user): Claims<User>) -> String {
    user.sub.clone()
}
