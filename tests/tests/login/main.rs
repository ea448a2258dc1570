//! Tests of the login example: both programs, from the outside.
//!
//! `tests/run` names in `COUNTERSIGN_BROWSER` the folder of the scripts that drive a browser, and
//! in `COUNTERSIGN_SPA` the folder of the built React app. Without them, those tests report that
//! they are skipped.

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
mod restored;
#[cfg(unix)]
mod rotation;
#[cfg(unix)]
mod sealed_keys;
mod second_factor;
mod servers;
mod short_sessions;
mod slow_clients;
mod stopping;
mod walkthrough;
