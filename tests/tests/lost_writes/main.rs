//! Failover, restored backups, partitions and clocks, on real servers: what each session is told.
//!
//! Each test makes the rows of the table in `docs/OPERATIONS.md` that are about its event, and compares them.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod events;
mod markers;
mod node;
mod people;
mod postgres;
mod redis;
mod table;
