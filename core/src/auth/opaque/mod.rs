//! Credentials that are no JWT by their form, which a check of the app decides about.

mod authenticate;
mod error;
mod form;
mod identity;
mod kind;
mod token;
mod tokens;

pub(super) use self::kind::OpaqueKinds;
pub use self::{
    error::OpaqueTokenError, identity::OpaqueIdentity, token::OpaqueToken, tokens::OpaqueTokens,
};
