//! Tests of the parts that are specific to the stores on PostgreSQL and SQLite.
//!
//! The rules for every store are in `countersign::testing::store_suite`.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod crowds;
mod health;
mod lab;
mod lazy;
mod log;
mod migrations;
mod order;
mod outages;
mod pooler;
mod prefix;
mod proxy;
mod replay;
mod rolling;
mod rows;
mod sessions;
mod sqlite;
mod suites;
mod version_2;
mod versions;
