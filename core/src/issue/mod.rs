//! Issuing: a ring of signing keys, and the issuer that signs with it.

mod builder;
mod inspect;
pub(crate) mod issuer;
mod jti;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
pub(crate) mod signing_keys;
mod token;

pub use self::{
    builder::IssuerBuilder,
    token::{IssueError, IssuedToken},
};
pub(crate) use self::{issuer::Issuer, token::Cause};
