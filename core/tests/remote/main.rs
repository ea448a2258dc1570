//! Tests of the keys of an identity provider: rotation, outages, floods. The clock stands still
//! unless a test moves it, and the tests control the provider.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

#[cfg(feature = "cache")]
mod alb;
mod cached;
mod cold_start;
mod crowds;
mod floods;
mod keys_host;
mod outages;
mod provider;
mod rotation;
mod sets;
mod settings;
mod simulation;
mod warm_start;
