//! The pages of the repository: the Rust of the READMEs is compiled, links and paths lead somewhere, and
//! commands name what there is.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod commands;
mod links;
mod pages;
mod rust;
// As it stands in the README, to the letter.
#[rustfmt::skip]
mod snippets;
