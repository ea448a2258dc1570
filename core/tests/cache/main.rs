//! Tests of the token cache: it accepts a token only if the verifier would.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod altered;
mod bounds;
mod drops;
mod headers;
mod identity;
mod kept_text;
mod keys;
mod lab;
mod model;
mod rules;
mod threads;
mod typed;
