//! Tests of keys that are kept elsewhere, against a service that signs over a socket.

#![cfg(not(countersign_loom))]
#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod answers;
mod bounds;
mod encodings;
mod issuing;
mod lines;
#[cfg(feature = "metrics")]
mod measurements;
mod rings;
mod service;
mod sessions;

use countersign::{Issuer, SigningKeys};

fn issuer(keys: impl Into<SigningKeys>) -> Issuer {
    Issuer::builder("https://id.example", keys)
        .audience("orders")
        .build()
        .unwrap()
}
