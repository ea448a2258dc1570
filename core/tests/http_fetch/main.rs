//! `HttpFetch` against a provider that fails in every way, and the provider itself.
//!
//! Each refusal stands beside the nearest answer that is accepted. Nothing sleeps: where a client
//! or a server must wait, the test waits for the event.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

mod addresses;
mod answers;
mod bodies;
mod provider;
mod requests;
mod settings;
mod setup;
mod tls;
