//! Issuing: a ring of signing keys, and the issuer that signs with it.

mod builder;
mod given;
mod issued;
mod issuer;
#[cfg(countersign_loom)]
#[cfg(test)]
mod models;
mod ring;
mod token_id;
mod watch;

pub use self::{
    builder::IssuerBuilder,
    issued::{IssueError, IssuedToken},
    issuer::Issuer,
    ring::SigningKeys,
};
