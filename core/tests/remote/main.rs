//! Keys of an identity provider: rotation, outages, floods. The clock stands still unless a test
//! moves it, and the provider is one that tests steer.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

#[cfg(feature = "cache")]
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
