//! The login example: both programs, from the outside.
//!
//! `tests/run` says in `COUNTERSIGN_BROWSER` where the scripts that drive a browser are installed, and
//! in `COUNTERSIGN_SPA` where the React app is built. Without them, those tests say that they are left
//! out.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod browser;
mod cookies;
mod issuers;
mod limits;
mod nodes;
mod options;
mod outage;
mod response_headers;
mod restart;
mod servers;
mod slow_clients;
mod stopping;
mod walkthrough;
