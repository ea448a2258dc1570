//! The API before: `jwt-authorizer`, which is for axum 0.7.

use axum_0_7::{Router, routing::get};
use jwt_authorizer::{
    Authorizer, IntoLayer, JwtAuthorizer, JwtClaims, Validation, error::InitError,
};
use serde::Deserialize;

#[derive(Clone, Deserialize)]
struct User {
    sub: String,
    scope: String,
}

pub async fn app(provider: &str) -> Result<Router, InitError> {
    let auth: Authorizer<User> = JwtAuthorizer::from_oidc(provider)
        .validation(Validation::new().iss(&[provider]).aud(&["orders"]))
        .check(|user: &User| user.scope.split(' ').any(|scope| scope == "read"))
        .build()
        .await?;
    Ok(Router::new().route("/me", get(me)).layer(auth.into_layer()))
}

async fn me(JwtClaims(user): JwtClaims<User>) -> String {
    user.sub
}
