//! Tests of `RemoteKeys` over real sockets, against a provider that fails in every way.
//!
//! The clock is real here, so slow tests run side by side. Tests that need minutes are in
//! `tests/remote`, where the clock stands still.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod discovery;
mod failures;
mod rotation;
mod sets;
mod setup;
mod tls;
