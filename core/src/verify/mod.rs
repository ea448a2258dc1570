//! Verification: signature, then claims, then a [`VerifiedToken`](crate::VerifiedToken).

mod builder;
mod cached;
mod checks;
mod explain;
mod layout;
mod memo;
mod newer_keys;
mod refused;
mod rules;
mod shown;
mod signature;
#[cfg(feature = "metrics")]
mod stages;
mod typed;
mod verifier;
mod wrong;

pub(crate) use self::checks::PAYLOAD;
pub use self::{
    builder::VerifierBuilder,
    explain::{Check, Explanation, Verdict},
    verifier::Verifier,
};
