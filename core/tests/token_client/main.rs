//! Tests of the client of token endpoints: one request for all, ahead of time, and through outages. The clock stands still unless a test
//! moves it, and the tests control the endpoint.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod crowds;
mod endpoint;
mod exchange;
mod lives;
mod model;
mod proofs;
mod settings;
