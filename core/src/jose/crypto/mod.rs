//! The cryptography behind the keys: one of two backends, the same verdicts.
//!
//! Only the files of this folder name a crypto crate. A backend makes prepared keys out of
//! [`Material`](super::material::Material); what material is good enough is decided before, in
//! [`strength`](super::strength), once for both.

#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
mod rust_crypto;

use std::fmt;

#[cfg(feature = "aws-lc-rs")]
use aws_lc as backend;
#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
use rust_crypto as backend;

pub(crate) use backend::{
    PreparedPrivate, PreparedPublic, ec_public, ed25519_public, generate_ec, generate_rsa,
    hmac_sha256, open, random, seal, sha256,
};
#[cfg(feature = "signer")]
pub(crate) use backend::{sha384, sha512};

#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
compile_error!(
    "countersign needs a cryptography backend: enable the feature `aws-lc-rs` (the default) or `rust-crypto`"
);

/// The system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRandomness;

impl fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system gave no random bytes")
    }
}

impl std::error::Error for NoRandomness {}

/// The backend made no signature: it had no memory or no randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SigningFailed;

impl fmt::Display for SigningFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature could not be made")
    }
}

impl std::error::Error for SigningFailed {}
