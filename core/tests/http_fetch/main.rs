//! Tests of `HttpFetch` against a provider that fails in every way, and of the provider itself.
//!
//! Each refusal is next to the nearest answer that is accepted. Nothing sleeps: if a client or a
//! server must wait, the test waits for the event.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod addresses;
mod answers;
mod bodies;
mod forms;
mod provider;
mod proxied;
mod requests;
mod settings;
mod setup;
mod tls;
