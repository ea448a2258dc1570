//! Refusals and other errors, and the answers to clients.

mod auth_error;
mod challenge;
mod config_error;
mod kind;
mod line_limit;
mod log_level;
mod mismatch;
mod outage;
mod store_error;

#[cfg(feature = "proof")]
pub(crate) use self::challenge::DpopParams;
pub use self::{
    auth_error::AuthError,
    challenge::{Challenge, Problem},
    config_error::ConfigError,
    kind::AuthErrorKind,
    log_level::LogLevel,
    mismatch::Mismatch,
    store_error::StoreError,
};
pub(crate) use self::{
    auth_error::{RequestFacts, Required},
    challenge::ChallengeParams,
    line_limit::LineLimits,
    mismatch::{Fixed, LONGEST, cut, quoted},
    outage::Outage,
};
