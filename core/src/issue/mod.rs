//! Issuing: a ring of signing keys, and the issuer that signs with it.

mod builder;
mod inspect;
pub(crate) mod issuer;
mod jti;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod ring;
#[cfg(feature = "sessions")]
mod session_token;
pub(crate) mod signing_keys;
mod token;

#[cfg(feature = "sessions")]
pub(crate) use self::issuer::Issuer;
pub(crate) use self::token::Cause;
pub use self::{
    builder::IssuerBuilder,
    token::{IssueError, IssuedToken},
};
