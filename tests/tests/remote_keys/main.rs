//! Tests of the keys and tokens of a provider, over sockets: a real OpenID provider, and one that fails on
//! command.
//!
//! `tests/run` names the folder of npm `oidc-provider` in `COUNTERSIGN_OIDC`. Without it, those
//! tests report that they are skipped. Their measurements are printed (`-- --nocapture`).

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod bed;
mod cold;
mod containers;
mod flood;
mod load;
mod oidc;
mod provider;
mod servers;
mod token_client;
mod traffic;

/// Lets one test run at a time: they measure, and another one would distort the figures.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
