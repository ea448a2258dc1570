//! Tests of sessions and revocations on real Redis servers.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod clocks;
mod ends;
mod health;
mod idle;
mod lab;
mod layout;
mod lazy;
mod log;
mod outages;
mod replay;
mod sessions;
mod settings;
mod suites;
