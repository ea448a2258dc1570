//! Issuing: what is in a token, what is refused, how keys rotate.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

mod claims;
mod keys;

use countersign::{Issuer, SigningKey, issue::IssuerBuilder, testing::FixedClock};

fn builder(clock: &FixedClock) -> IssuerBuilder {
    Issuer::builder("https://id.test", SigningKey::generate_es256().unwrap())
        .audience("orders")
        .clock(clock.clone())
}
