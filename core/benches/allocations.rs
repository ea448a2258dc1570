//! The allocations of a verification, of an issued token, and of a refusal.
//!
//! `cargo bench -p countersign --bench allocations`
//!
//! Only Rust's allocations are counted, not those of the C code of AWS-LC. Counting takes time, so
//! it is kept apart from the other benchmarks.

#[path = "harness/case.rs"]
mod case;
mod harness;
#[path = "reject/keys.rs"]
mod keys;

use std::hint::black_box;

use allocation_counter::measure;
use countersign::{Algorithm, Issuer, testing::TestIssuer};

use crate::{
    case::{Case, Claims},
    harness::{Goal, Table},
    keys::cheap,
};

fn main() {
    let mut table = Table::new();
    let case = Case::new(Algorithm::HS256);
    let verifier = case.verifier().build().expect("complete settings");
    let token = verifier.verify_now(&case.token).expect("a good token");
    let payload = token.payload();
    let claims = count(|| serde_json::from_str::<Claims>(payload));

    let typed = count(|| verifier.verify_now_as::<Claims>(&case.token));
    table.row(
        "allocations of a verification beyond those of the claims' type",
        Goal::AtMost(1.0, 0.0),
        typed - claims,
        "",
        "`verify_as`",
    );
    let whole = count(|| {
        let token = verifier.verify_now(&case.token);
        token.and_then(|token| token.claims::<Claims>())
    });
    table.row(
        "the same with all that a `VerifiedToken` keeps",
        Goal::Shown,
        whole - claims,
        "",
        "the token, its payload, the claims to share",
    );

    let issuer = Issuer::builder(TestIssuer::ISSUER, case.key.clone())
        .audience(TestIssuer::AUDIENCE)
        .build()
        .expect("complete settings");
    let user = [("sub", "7c9e6679-7425-40de-944b-e07fc1f90ae7")];
    let user: std::collections::BTreeMap<_, _> = user.into();
    table.row(
        "allocations of a token that is issued",
        Goal::AtMost(2.0, 2.0),
        count(|| issuer.issue(&user)),
        "",
        "the payload and the token",
    );

    let (verifier, tokens) = cheap(&case);
    for (name, token) in &tokens {
        table.row(
            &format!("{name}, before any cryptography: allocations"),
            Goal::AtMost(0.0, 0.0),
            count(|| verifier.verify_now(token).is_err()),
            "",
            "",
        );
    }
    table.finish();
}

/// Counts the allocations of one call, after a first call that sets up what is made only once.
#[allow(clippy::cast_precision_loss)] // there are few
fn count<T>(call: impl Fn() -> T) -> f64 {
    drop(black_box(call()));
    measure(|| drop(black_box(call()))).count_total as f64
}
