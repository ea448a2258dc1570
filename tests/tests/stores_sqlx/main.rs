//! What is particular to the stores on PostgreSQL and SQLite.
//!
//! What every store must do is in `countersign::testing::store_suite`.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

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
