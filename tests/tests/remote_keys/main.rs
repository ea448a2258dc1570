//! Keys of a provider, over sockets: a real OpenID provider, and one that fails at will.
//!
//! `tests/run` says in `COUNTERSIGN_OIDC` where npm `oidc-provider` is installed. Without it, those
//! tests say that they are left out. What they measured is printed (`-- --nocapture`).

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod bed;
mod cold;
mod flood;
mod load;
mod oidc;
mod provider;
mod servers;
mod traffic;

/// One test at a time: they measure, and another one would be in the figures.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
