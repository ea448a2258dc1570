//! Tests of each rule of verification: a token that breaks it, and its nearest accepted twin.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod claims;
mod explain;
mod format;
mod keys;
mod layout;
mod mismatch;
mod newer_keys;
mod policy;
mod provider_tokens;
mod providers;
mod settings;
mod times;
mod typed;
mod typed_broken;
mod typed_verdict;
mod values;

use countersign::{
    AuthErrorKind, Verifier,
    testing::{TestIssuer, TestToken},
};

/// Checks that a token is refused as it is, and that its corrected twin is accepted.
#[track_caller]
fn twins(
    verifier: &Verifier,
    refused: TestToken<'_>,
    kind: AuthErrorKind,
    accepted: TestToken<'_>,
) {
    let error = verifier.verify_now(&refused.sign()).unwrap_err();
    assert_eq!(error.kind(), kind);
    verifier.verify_now(&accepted.sign()).unwrap();
}

fn now(issuer: &TestIssuer) -> i64 {
    countersign::Clock::now(issuer.clock())
}
