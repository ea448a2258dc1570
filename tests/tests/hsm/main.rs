//! Tests of the HSM example: SoftHSM signs, over PKCS#11, in this process and in one that can be killed.
#![cfg(unix)]

mod lab;
mod outages;
mod program;
mod refusals;
mod signing;
mod speed;
