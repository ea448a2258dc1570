//! Issuing: a ring of signing keys, and the issuer that signs with it.
//!
//! Start with [`Issuer`]. Look here for its [settings](IssuerBuilder), the [token](IssuedToken) that it
//! gives, and why it may [refuse](IssueError) to. The guide [choosing](crate::guide::choosing) tells when to issue tokens
//! of your own.

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
