//! One small app, with axum and with actix-web, that is easy to test.
//!
//! The trick is in the signature: the app is given who may use it. `main` gives it the verifier of
//! the identity provider, a test gives it the verifier of a `TestIssuer`.

pub mod with_actix;
pub mod with_axum;

/// The claims that the app reads.
#[derive(Debug, serde::Deserialize)]
struct User {
    sub: String,
}
