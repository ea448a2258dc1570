//! Verification with typed claims, against `jsonwebtoken` 11 `decode`, in one process.
//!
//! `cargo bench -p countersign --bench verify`

#[path = "harness/case.rs"]
mod case;
mod harness;

use std::hint::black_box;

use countersign::Algorithm;

use crate::{
    case::{Case, Claims},
    harness::{Goal, Race, Table},
};

fn main() {
    let mut table = Table::new();
    for (algorithm, goal) in [
        (Algorithm::HS256, Goal::AtLeast(2.4, 3.2)),
        (Algorithm::RS256, Goal::AtLeast(1.27, 1.33)),
        (Algorithm::PS256, Goal::AtLeast(1.27, 1.33)),
        (Algorithm::ES256, Goal::AtLeast(1.06, 1.08)),
        (Algorithm::EdDSA, Goal::AtLeast(1.06, 1.08)),
    ] {
        let case = Case::new(algorithm);
        let verifier = case.verifier().build().expect("complete settings");
        let ours = || verifier.verify_now_as::<Claims>(black_box(&case.token));
        assert_eq!(
            ours().expect("a good token").email,
            case.decode(&case.token).email
        );
        let outcome = Race::new()
            .add("ours", ours)
            .add("theirs", || case.decode(black_box(&case.token)))
            .run();
        table.row(
            &format!("verify + typed claims, {}", algorithm.name()),
            goal,
            outcome.times_faster("ours", "theirs"),
            "x",
            &format!("{:.0} {}", outcome.cost("ours"), outcome.unit()),
        );
    }
    table.finish();
}
