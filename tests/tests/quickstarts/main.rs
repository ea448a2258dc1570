//! Both quick starts, each in a process of its own, asked over the wire.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod answers;
mod processes;
mod programs;
