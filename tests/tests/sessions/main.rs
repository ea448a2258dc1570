//! Tests of the session routes: the same answers from the core, tower and actix-web.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod all_stores;
mod api_keys;
mod bed;
mod cookie_mode;
mod dropped;
mod form_mode;
mod json_mode;
mod kept_cookies;
mod limits;
mod log_lines;
mod own_answers;
mod page_loads;
mod planted;
mod requests;
mod second_factor;
mod signer;
