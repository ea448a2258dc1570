//! Refusals and other errors, and what a client is told of them.

mod auth_error;
mod challenge;
mod config_error;
mod mismatch;
mod store_error;

pub(crate) use self::{
    auth_error::Required,
    challenge::ChallengeParams,
    mismatch::{Fixed, LONGEST, cut, quoted},
};
pub use self::{
    auth_error::{AuthError, AuthErrorKind},
    challenge::{Challenge, Problem},
    config_error::ConfigError,
    mismatch::Mismatch,
    store_error::StoreError,
};
