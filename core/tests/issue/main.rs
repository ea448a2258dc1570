//! Tests of issuing: the contents of tokens, refusals, and the rotation of keys.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod claims;
mod keys;
mod lax;

use countersign::{Issuer, SigningKey, issue::IssuerBuilder, testing::FixedClock};

fn builder(clock: &FixedClock) -> IssuerBuilder {
    Issuer::builder("https://id.test", SigningKey::generate_es256().unwrap())
        .audience("orders")
        .clock(clock.clone())
}
