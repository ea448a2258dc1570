//! Tests of the four services, each against a stand-in that speaks its API over a socket.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod answers;
mod guide;
mod requests;
mod service;
mod sigv4;
