//! Tests of login, refresh and logout, on the store in memory.
//!
//! `S01` and so on number the threats to refresh tokens and sessions; each has its tests, and each
//! refusal its nearest accepted twin.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod bounds;
mod claims;
mod clients;
mod clocks;
mod crowds;
mod data;
mod endings;
mod epochs;
mod everything;
mod faulty_store;
mod leaving;
mod log;
mod login_facts;
mod logins;
mod lost_writes;
mod outages;
mod races;
mod realms;
mod renewal;
mod rotation;
mod secrets;
mod settings;
mod setup;
mod times;
mod tokens;
