//! Tests of issuers that are found while the server runs. The clock stands still unless a test moves it.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod app;
mod changes;
mod floods;
mod presets;
mod principals;
mod room;
mod settings;
mod threads;
mod verdicts;
