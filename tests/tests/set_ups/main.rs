//! Tests of the set-ups of front-end teams, with the configuration that the guide `set_ups` shows.
//!
//! `tests/run` names in `COUNTERSIGN_BROWSER` the folder of the scripts that drive a browser. Without it, the tests in
//! Chromium report that they are skipped.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod api_keys;
mod bed;
mod browser;
mod framed;
mod guide;
mod log;
mod native;
mod sites;
mod streams;

// The guide leaves these to the app.
use bed::{me, page, sign_in};

type Error = Box<dyn std::error::Error>;
