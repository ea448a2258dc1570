//! Sessions and revocations on real Redis servers.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

mod ends;
mod idle;
mod lab;
mod layout;
mod log;
mod outages;
mod sessions;
mod settings;
mod suites;
