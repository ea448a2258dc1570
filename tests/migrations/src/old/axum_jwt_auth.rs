//! The API before: `axum-jwt-auth`, with the settings of `jsonwebtoken` 10.

use std::sync::Arc;

use axum::{Router, extract::FromRef, routing::get};
use axum_jwt_auth::{Claims, Decoder, Error, RemoteJwksDecoder};
use jsonwebtoken_10::{Algorithm, Validation};
use serde::Deserialize;

#[derive(Deserialize)]
struct User {
    sub: String,
}

#[derive(Clone)]
struct AppState {
    decoder: Decoder<User>,
}

impl FromRef<AppState> for Decoder<User> {
    fn from_ref(state: &AppState) -> Self {
        Arc::clone(&state.decoder)
    }
}

pub async fn app(provider: &str) -> Result<Router, Error> {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.set_issuer(&[provider]);
    validation.set_audience(&["orders"]);
    let decoder = RemoteJwksDecoder::builder()
        .jwks_url(format!("{provider}/jwks"))
        .validation(validation)
        .build()?;
    decoder.initialize().await?;
    let decoder = Arc::new(decoder);
    Ok(Router::new()
        .route("/me", get(me))
        .with_state(AppState { decoder }))
}

async fn me(user: Claims<User>) -> String {
    user.claims.sub
}
