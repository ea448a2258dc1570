//! Tests of the resource server example, from the outside, on axum and on actix-web.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod hostile;
mod mistake_table;
mod mistakes;
mod providers;
#[cfg(unix)]
mod reload;
mod routes;
mod servers;
#[cfg(unix)]
mod stopping;
mod tenants;
mod tls;
mod walkthrough;
mod warm_start;
