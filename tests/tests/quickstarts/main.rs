//! Both quick starts, each in a process of its own, asked over the wire.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

mod answers;
mod processes;
mod programs;
