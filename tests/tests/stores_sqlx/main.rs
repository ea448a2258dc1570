//! What is particular to the stores on PostgreSQL and SQLite.
//!
//! What every store must do is in `countersign::testing::store_suite`.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod lab;
mod log;
mod migrations;
mod order;
mod outages;
mod prefix;
mod proxy;
mod rows;
mod sessions;
mod sqlite;
mod suites;
