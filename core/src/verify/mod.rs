//! Verification: signature, then claims, then a [`VerifiedToken`](crate::VerifiedToken).

mod builder;
mod explain;
mod layout;
mod newer_keys;
mod rules;
#[cfg(feature = "metrics")]
mod stages;
mod verifier;

pub use self::{
    builder::VerifierBuilder,
    explain::{Check, Explanation, Verdict},
    verifier::Verifier,
};
