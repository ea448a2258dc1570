//! The cost that the adapters add to a route, in process: over the bare route and over the core,
//! and against a middleware written by hand with `jsonwebtoken`.
//!
//! Times are those of the machine on which the goals were set: see the harness's yardstick.
//!
//! `cargo bench -p countersign-tests --bench adapters`. Allocations are counted by the benchmark
//! `allocations`, because counting takes time.

#[path = "../../core/benches/harness/case.rs"]
mod case;
#[path = "../../core/benches/harness/mod.rs"]
mod harness;
mod routes;

use std::hint::black_box;

use countersign::Algorithm;

use crate::{
    case::Case,
    harness::{Goal, Outcome, Race, Table},
    routes::{BARE, BY_HAND, OURS, Setup, actix, axum, service},
};

fn main() {
    let mut table = Table::new();
    tower(&mut table);
    for algorithm in [Algorithm::HS256, Algorithm::RS256] {
        on_axum(algorithm, &mut table);
        on_actix(algorithm, &mut table);
    }
    table.finish();
}

fn tower(table: &mut Table) {
    let setup = Setup::new(Algorithm::HS256);
    let (verifier, authorization) = (&setup.verifier, setup.authorization());
    let token = Some(&*authorization);
    let mut beside = service::calls(service::bare(), token);
    let decoded = Case::new(Algorithm::HS256);
    let outcome = Race::new()
        .yardstick(Case::DECODE, || decoded.decode(black_box(&decoded.token)))
        .add("bare", service::calls(service::bare(), token))
        .add("core", || {
            let verified = verifier.verify_now(black_box(&setup.case.token));
            (verified, beside())
        })
        .add("ours", service::calls(service::ours(verifier), token))
        .add(
            "cached",
            service::calls(service::ours(&setup.cached), token),
        )
        .add("401", service::calls(service::ours(verifier), None))
        .add("refusing", service::calls(service::refusing(), None))
        .add(
            "with error",
            service::calls(service::refusing_with_error(), None),
        )
        .run();
    let mut row = |figure, goal, with, without| {
        let scale = scale(&outcome, with, without);
        table.row(figure, goal, outcome.added(with, without), " ns", &scale);
    };
    row(
        "tower service, beyond core",
        Goal::AtMost(150.0, 90.0),
        "ours",
        "core",
    );
    row(
        "tower service, cached hit, over bare",
        Goal::Shown,
        "cached",
        "bare",
    );
    row(
        "tower service, 401 without a token, over the same response",
        Goal::AtMost(60.0, 15.0),
        "401",
        "with error",
    );
    row(
        "tower service, 401 without a token, over one without its error for logs",
        Goal::Shown,
        "401",
        "refusing",
    );
}

fn on_axum(algorithm: Algorithm, table: &mut Table) {
    let setup = Setup::new(algorithm);
    let (verifier, authorization) = (&setup.verifier, setup.authorization());
    let token = Some(&*authorization);
    let decoded = Case::new(Algorithm::HS256);
    let outcome = Race::new()
        .yardstick(Case::DECODE, || decoded.decode(black_box(&decoded.token)))
        .add("bare", axum::calls(axum::bare(), BARE, token))
        .add(
            "cached",
            axum::calls(axum::ours(OURS, &setup.cached), OURS, token),
        )
        .add(
            "cached with claims",
            axum::calls(axum::ours_with_claims(OURS, &setup.cached), OURS, token),
        )
        .add(
            "ours with claims",
            axum::calls(axum::ours_with_claims(OURS, verifier), OURS, token),
        )
        .add(
            "by hand",
            axum::calls(axum::by_hand(&setup), BY_HAND, token),
        )
        .add("401", axum::calls(axum::ours(OURS, verifier), OURS, None))
        .add(
            "401 by hand",
            axum::calls(axum::by_hand(&setup), BY_HAND, None),
        )
        .run();
    let goal = Goal::AtMost(330.0, 230.0);
    against_bare("axum", algorithm, goal, &outcome, table);
    against_by_hand("axum", algorithm, &outcome, table);
}

fn on_actix(algorithm: Algorithm, table: &mut Table) {
    let setup = Setup::new(algorithm);
    let (verifier, authorization) = (&setup.verifier, setup.authorization());
    let token = Some(&*authorization);
    let mut beside = actix::calls(actix::bare(), BARE, token);
    let decoded = Case::new(Algorithm::HS256);
    let outcome = Race::new()
        .yardstick(Case::DECODE, || decoded.decode(black_box(&decoded.token)))
        .add("bare", actix::calls(actix::bare(), BARE, token))
        .add("core", || {
            let verified = verifier.verify_now(black_box(&setup.case.token));
            (verified, beside())
        })
        .add(
            "ours",
            actix::calls(actix::ours(OURS, verifier), OURS, token),
        )
        .add(
            "cached",
            actix::calls(actix::ours(OURS, &setup.cached), OURS, token),
        )
        .add(
            "cached with claims",
            actix::calls(actix::ours_with_claims(OURS, &setup.cached), OURS, token),
        )
        .add(
            "ours with claims",
            actix::calls(actix::ours_with_claims(OURS, verifier), OURS, token),
        )
        .add(
            "by hand",
            actix::calls(actix::by_hand(&setup), BY_HAND, token),
        )
        .add("401", actix::calls(actix::ours(OURS, verifier), OURS, None))
        .add(
            "401 by hand",
            actix::calls(actix::by_hand(&setup), BY_HAND, None),
        )
        .run();
    if algorithm == Algorithm::HS256 {
        table.row(
            "actix-web, beyond core",
            Goal::AtMost(300.0, 100.0),
            outcome.added("ours", "core"),
            " ns",
            &scale(&outcome, "ours", "core"),
        );
    }
    let goal = Goal::AtMost(100.0, 60.0);
    against_bare("actix-web", algorithm, goal, &outcome, table);
    against_by_hand("actix-web", algorithm, &outcome, table);
}

/// Prints the cost that our middleware adds to a route.
fn against_bare(
    framework: &str,
    algorithm: Algorithm,
    goal: Goal,
    outcome: &Outcome,
    table: &mut Table,
) {
    // A hit costs the same for every algorithm, except for the length of the token.
    let goal = match algorithm {
        Algorithm::HS256 => Goal::Shown,
        _ => goal,
    };
    table.row(
        &format!("{framework}, {} cached hit, over bare", algorithm.name()),
        goal,
        outcome.added("cached", "bare"),
        " ns",
        &scale(outcome, "cached", "bare"),
    );
    if algorithm == Algorithm::HS256 {
        let by_hand = outcome.cost_here("401 by hand");
        table.row(
            &format!("{framework}, 401 without a token, over the bare route's 200"),
            Goal::Shown,
            outcome.added("401", "bare"),
            " ns",
            &format!("{}; by hand {by_hand:.0}", scale(outcome, "401", "bare")),
        );
    }
}

/// Compares our middleware with one written by hand.
fn against_by_hand(framework: &str, algorithm: Algorithm, outcome: &Outcome, table: &mut Table) {
    for (ours, what) in [("ours with claims", ""), ("cached with claims", ", cached")] {
        table.row(
            &format!(
                "{framework}, {} with typed claims{what}, against `jsonwebtoken` by hand",
                algorithm.name()
            ),
            Goal::Shown,
            outcome.times_faster(ours, "by hand"),
            "x",
            &scale(outcome, ours, "by hand"),
        );
    }
}

/// Returns the two costs that a figure compares.
fn scale(outcome: &Outcome, this: &str, other: &str) -> String {
    format!(
        "{:.0} and {:.0} ns on this machine",
        outcome.cost_here(this),
        outcome.cost_here(other)
    )
}
