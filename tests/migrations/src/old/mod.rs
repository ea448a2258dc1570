//! The apps before.

pub mod actix;
pub mod axum;
pub mod axum_jwt_auth;
pub mod jwt_authorizer;
pub mod openidconnect;
