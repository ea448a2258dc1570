//! Issuing: a ring of signing keys, and the issuer that signs with it.

mod issuer;
mod ring;

pub use self::{
    issuer::{IssueError, IssuedToken, Issuer, IssuerBuilder},
    ring::SigningKeys,
};
