//! The suites that every store of sessions has to pass.

mod api_key_suite;
mod data;
mod ending;
mod examples;
mod history;
mod join;
mod log_suite;
mod realm_ending;
mod ring_suite;
mod rotation;
mod sessions_suite;
mod store_and_log_suite;
mod store_suite;
mod suite;

pub use self::{
    api_key_suite::api_key_store_suite, log_suite::revocation_log_suite,
    ring_suite::ring_store_suite, sessions_suite::sessions_suite,
    store_and_log_suite::store_and_log_suite, store_suite::store_suite,
};
