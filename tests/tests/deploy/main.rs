//! Tests of the example servers as they are deployed: logs, readiness, drain, limits, and files for proxies and
//! service managers.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // helpers of tests can panic too
#![allow(clippy::disallowed_methods)] // real time is measured here

mod draining;
mod files;
mod log;
mod nginx;
mod servers;
mod shortage;
