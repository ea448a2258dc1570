//! Tests of both quick starts, each in a process of its own, over the wire.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod answers;
mod processes;
mod programs;
