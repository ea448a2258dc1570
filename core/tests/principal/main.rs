//! Tests of principals: the app's own step between a token and its policies.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod cache;
mod model;
mod verdicts;

use countersign::{AuthError, Authenticator, VerifiedToken, adapter::Credentials};

/// The app's user.
#[derive(Debug, PartialEq, Eq)]
struct User {
    name: String,
    is_admin: bool,
}

async fn ask(
    authenticator: &Authenticator,
    token: &str,
) -> Result<Option<VerifiedToken>, AuthError> {
    authenticator
        .authenticate(Some(Credentials::new(token)))
        .await
}
