//! A cache says yes only where the verifier would.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

mod altered;
mod bounds;
mod drops;
mod headers;
mod identity;
mod keys;
mod lab;
mod model;
mod rules;
mod threads;
mod typed;
