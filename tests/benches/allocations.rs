//! The allocations of the adapters for a request, over the bare route and over the core.
//!
//! `cargo bench -p countersign-tests --bench allocations`. Rust's allocations are counted, not
//! those within AWS-LC.

#[path = "../../core/benches/harness/case.rs"]
mod case;
#[path = "../../core/benches/harness/mod.rs"]
mod harness;
mod routes;

use allocation_counter::measure;
use countersign::Algorithm;

use crate::{
    harness::{Goal, Table},
    routes::{BARE, OURS, Setup, actix, axum, service},
};

fn main() {
    let setup = Setup::new(Algorithm::HS256);
    let (verifier, authorization) = (&setup.verifier, setup.authorization());
    let token = Some(&*authorization);
    let core = allocations(|| verifier.verify_now(&setup.case.token));

    let bare = allocations(service::calls(service::bare(), token));
    let ours = allocations(service::calls(service::ours(verifier), token));
    let refused = allocations(service::calls(service::ours(verifier), None));
    let refusing = allocations(service::calls(service::refusing(), None));
    let mut table = Table::new();
    let mut row = |figure, goal, value: f64, scale: &str| table.row(figure, goal, value, "", scale);
    row(
        "tower service, allocations beyond core",
        Goal::AtMost(4.0, 4.0),
        ours - bare - core,
        &format!("core {core}, bare {bare}"),
    );
    row(
        "tower service, allocations of a 401 over the bare response",
        Goal::Shown,
        refused - refusing,
        &format!("the response {refusing}"),
    );

    let bare = allocations(axum::calls(axum::bare(), BARE, token));
    let cached = axum::ours(OURS, &setup.cached);
    let cached = allocations(axum::calls(cached, OURS, token));
    row(
        "axum, allocations of a cached hit over bare",
        Goal::AtMost(6.0, 6.0),
        cached - bare,
        &format!("bare {bare}"),
    );

    let bare = allocations(actix::calls(actix::bare(), BARE, token));
    let ours = allocations(actix::calls(actix::ours(OURS, verifier), OURS, token));
    row(
        "actix-web, allocations beyond core",
        Goal::AtMost(2.0, 2.0),
        ours - bare - core,
        &format!("core {core}, bare {bare}"),
    );
    let cached = actix::ours(OURS, &setup.cached);
    let cached = allocations(actix::calls(cached, OURS, token));
    row(
        "actix-web, allocations of a cached hit over bare",
        Goal::AtMost(1.0, 1.0),
        cached - bare,
        &format!("bare {bare}"),
    );
    table.finish();
}

/// Counts the allocations of one call, once everything is warm.
fn allocations<T>(mut call: impl FnMut() -> T) -> f64 {
    const CALLS: u32 = 100;
    let mut calls = || (0..CALLS).for_each(|_| drop(call()));
    calls();
    let counted = u32::try_from(measure(calls).count_total);
    f64::from(counted.expect("few enough")) / f64::from(CALLS)
}
