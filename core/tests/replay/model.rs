//! A store in memory, compared with a simple model: a list of all proofs that were told to be new.

use countersign::proof::ReplayKey;
use proptest::prelude::*;

use crate::{NOW, Outcome, bounded, insert, key};

/// The seconds beyond its time for which a proof may count at a bound.
const SLACK: i64 = 5;

#[derive(Clone, Copy, Debug)]
struct Step {
    client: u8,
    jti: u32,
    /// How the clock moves before it.
    moves: i64,
    lasts: i64,
}

/// All proofs that were told to be new, with their owner and the last second of each.
#[derive(Default)]
struct Model {
    proofs: Vec<(ReplayKey, u8, i64)>,
    latest: i64,
}

impl Model {
    /// Counts the proofs of which this is true.
    fn count(&self, client: Option<u8>, counts: impl Fn(i64) -> bool) -> usize {
        let all = self.proofs.iter();
        let own = all.filter(|(_, owner, _)| client.is_none_or(|client| client == *owner));
        own.filter(|(_, _, until)| counts(*until)).count()
    }

    /// Checks an answer, and notes it.
    fn check(
        &mut self,
        step: Step,
        now: i64,
        outcome: Outcome,
        (proofs, quota): (usize, usize),
    ) -> Result<(), TestCaseError> {
        let key = key(step.client, step.jti);
        let known = self.proofs.iter().filter(|(known, ..)| *known == key);
        let known = known.map(|(.., until)| *until).max();
        self.latest = self.latest.max(now);
        let latest = self.latest;
        let is_live = |until: i64| until >= now;
        let may_be_there = |until: i64| until + SLACK >= now;
        match outcome {
            Outcome::New => {
                prop_assert!(known.is_none_or(|until| until < now), "a replay is new");
                prop_assert!(
                    self.count(None, |until| until >= latest) < proofs,
                    "too many"
                );
                let own = self.count(Some(step.client), |until| until >= latest);
                prop_assert!(own < quota, "too many of a key");
                self.proofs.push((key, step.client, now + step.lasts));
            }
            Outcome::Replay => prop_assert!(known.is_some(), "a new one is a replay"),
            Outcome::Full => {
                prop_assert!(
                    !known.is_some_and(is_live) || now < latest,
                    "a replay is full"
                );
                prop_assert!(self.count(None, may_be_there) >= proofs, "full too early");
            }
            Outcome::OverQuota => {
                prop_assert!(!known.is_some_and(is_live) || now < latest);
                let own = self.count(Some(step.client), may_be_there);
                prop_assert!(own >= quota, "over the quota too early");
            }
            Outcome::ClockWentBack => {
                prop_assert!(now + SLACK < latest, "the clock did not go back");
                let forgotten = |until: i64| now <= until && until + SLACK < latest;
                prop_assert!(self.count(None, forgotten) > 0, "nothing is forgotten");
            }
        }
        Ok(())
    }
}

fn steps(moves: impl Strategy<Value = i64> + Clone) -> impl Strategy<Value = Vec<Step>> {
    let step = (0..4_u8, 0..30_u32, moves, 0..40_i64);
    let step = step.prop_map(|(client, jti, moves, lasts)| Step {
        client,
        jti,
        moves,
        lasts,
    });
    proptest::collection::vec(step, 1..200)
}

fn run(steps: Vec<Step>, bounds: (usize, usize)) -> Result<(), TestCaseError> {
    let store = bounded(bounds.0, bounds.1);
    let (mut model, mut now) = (Model::default(), NOW);
    for step in steps {
        now += step.moves;
        let outcome = insert(&store, key(step.client, step.jti), now, now + step.lasts);
        model.check(step, now, outcome, bounds)?;
    }
    Ok(())
}

fn config() -> ProptestConfig {
    ProptestConfig {
        // The same cases each time.
        rng_seed: proptest::test_runner::RngSeed::Fixed(7),
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_clock_that_goes_on(steps in steps(0..4_i64), proofs in 5..40_usize, quota in 1..6_usize) {
        run(steps, (proofs, quota))?;
    }

    #[test]
    fn a_clock_that_jumps(
        steps in steps(prop_oneof![8 => 0..4_i64, 1 => -60..60_i64]),
        proofs in 5..40_usize,
        quota in 1..6_usize,
    ) {
        run(steps, (proofs, quota))?;
    }
}
