//! Tests of the pages of the repository: the Rust code of the READMEs compiles, links and paths
//! lead somewhere, and commands name existing packages and features.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod commands;
mod links;
mod pages;
mod rust;
// Exactly as it is in the README.
#[rustfmt::skip]
mod snippets;
