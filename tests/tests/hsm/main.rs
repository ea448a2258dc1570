//! Tests of the HSM example: SoftHSM signs, over PKCS#11, in this process and in one that can be killed.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod lab;
mod outages;
mod program;
mod refusals;
mod signing;
mod speed;
