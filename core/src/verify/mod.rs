//! Verification: signature, then claims, then a [`VerifiedToken`](crate::VerifiedToken).

mod builder;
mod explain;
mod rules;
mod verifier;

pub use self::{
    builder::VerifierBuilder,
    explain::{Check, Explanation, Verdict},
    verifier::Verifier,
};
