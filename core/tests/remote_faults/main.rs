//! `RemoteKeys` over real sockets, against a provider that fails in every way.
//!
//! The clock is the real one here, so what is slow happens side by side. What needs minutes is in
//! `tests/remote`, where the clock stands still.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

mod discovery;
mod failures;
mod rotation;
mod sets;
mod setup;
mod tls;
