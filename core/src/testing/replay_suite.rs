//! The suite that every store of used proofs must pass.

use std::sync::atomic::{AtomicI64, Ordering};

use super::join_all::join_all;
use crate::{
    clock::{Clock, SystemClock},
    jose::{Thumbprint, crypto},
    proof::{ReplayKey, ReplayStore},
};

/// Checks that a store follows every rule of [`ReplayStore`].
///
/// For authors of stores. The two are handles of one store, as two nodes have them. All keys are new ones, so the database may
/// be in use. The suite leaves some hundred rows.
///
/// # Panics
///
/// When a rule is broken. The message says which.
///
/// # Examples
///
/// ```
/// use countersign::{proof::MemoryReplayStore, testing::replay_suite};
///
/// # futures_executor::block_on(async {
/// let store = MemoryReplayStore::new();
/// replay_suite(store.clone(), store).await;
/// # });
/// ```
pub async fn replay_suite<S: ReplayStore>(one: S, other: S) {
    let suite = ReplaySuite {
        nodes: [one, other],
        clock: AtomicI64::new(SystemClock.now()),
    };
    suite.a_proof_is_new_once().await;
    suite.a_proof_is_remembered_up_to_its_last_second().await;
    suite.a_proof_whose_time_is_over_is_no_error().await;
    suite.a_replay_changes_nothing().await;
    suite.proofs_of_others_are_independent().await;
    suite.clocks_that_differ_are_no_way_in().await;
    suite.of_many_racers_one_is_told_that_it_is_new().await;
}

/// The number of racers in a race.
const RACERS: usize = 50;
/// The number of races.
const ROUNDS: usize = 4;

struct ReplaySuite<S> {
    nodes: [S; 2],
    /// It goes forward, as a store may fail where it goes back.
    clock: AtomicI64,
}

impl<S: ReplayStore> ReplaySuite<S> {
    /// Returns a time when all proofs of before have to be remembered no more.
    fn later(&self) -> i64 {
        self.clock.fetch_add(1_000, Ordering::Relaxed)
    }

    async fn a_proof_is_new_once(&self) {
        let rule = "a proof is new once, on whichever node";
        let now = self.later();
        for first in 0..2 {
            let key = random_key();
            self.insert(first, key, (now, now + 90), true, rule).await;
            for node in [0, 1, 0] {
                self.insert(node, key, (now, now + 90), false, rule).await;
            }
        }
    }

    async fn a_proof_is_remembered_up_to_its_last_second(&self) {
        let rule = "a proof is remembered until `until`, that second included";
        for until in [0, 1, 2, 90] {
            let (now, key) = (self.later(), random_key());
            let until = now + until;
            self.insert(0, key, (now, until), true, rule).await;
            // Others come meanwhile, at which a store may forget.
            let other = random_key();
            self.insert(0, other, (until, until + 90), true, rule).await;
            self.insert(1, key, (until, until), false, rule).await;
        }
    }

    async fn a_proof_whose_time_is_over_is_no_error(&self) {
        let (now, key) = (self.later(), random_key());
        self.insert(0, key, (now, now + 1), true, "a proof is new once")
            .await;
        // Whether it is remembered still is up to the store.
        let now = self.later();
        for until in [now + 1, now - 1] {
            let again = self.nodes[1].insert(key, now, until).await;
            again.expect("a proof whose time is over is no error");
        }
    }

    async fn a_replay_changes_nothing(&self) {
        let rule = "a replay does not shorten the time of a proof";
        let (now, key) = (self.later(), random_key());
        let until = now + 90;
        self.insert(0, key, (now, until), true, rule).await;
        self.insert(1, key, (now + 1, now + 2), false, rule).await;
        let other = (now + 60, now + 150);
        self.insert(0, random_key(), other, true, rule).await;
        self.insert(1, key, (until, until), false, rule).await;
    }

    async fn proofs_of_others_are_independent(&self) {
        let rule = "a proof uses up no other: neither of its key, nor with its `jti`";
        let now = self.later();
        let times = (now, now + 90);
        let [ann, bob] = [random_thumbprint(), random_thumbprint()];
        let key = |owner, jti| ReplayKey::new(owner, jti);
        let names = ["a", "A", "a ", "", "\0", "a'; DROP TABLE proofs; --", "%"];
        for (number, name) in names.iter().enumerate() {
            for owner in [ann, bob] {
                let node = number % 2;
                self.insert(node, key(owner, name), times, true, rule).await;
            }
        }
        for name in names {
            for owner in [ann, bob] {
                self.insert(0, key(owner, name), times, false, rule).await;
            }
        }
    }

    async fn clocks_that_differ_are_no_way_in(&self) {
        let rule = "a node whose clock is a second ahead forgets nothing that another one needs";
        let (now, key) = (self.later(), random_key());
        let until = now + 2;
        self.insert(0, key, (now, until), true, rule).await;
        let ahead = (now + 3, now + 93);
        self.insert(1, random_key(), ahead, true, rule).await;
        self.insert(0, key, (until, until), false, rule).await;
    }

    async fn of_many_racers_one_is_told_that_it_is_new(&self) {
        let rule = "of many racers with one proof, exactly one is told that it is new";
        for _ in 0..ROUNDS {
            let (now, key) = (self.later(), random_key());
            let racers = (0..RACERS).map(|racer| {
                let node = &self.nodes[racer % 2];
                node.insert(key, now, now + 90)
            });
            let outcomes = join_all(racers).await;
            let outcomes = outcomes.into_iter().map(|outcome| outcome.expect("insert"));
            assert_eq!(outcomes.filter(|is_new| *is_new).count(), 1, "{rule}");
            self.insert(1, key, (now + 90, now + 90), false, rule).await;
        }
    }

    /// Inserts a proof at a time, to be remembered until another one.
    async fn insert(
        &self,
        node: usize,
        key: ReplayKey,
        (now, until): (i64, i64),
        expected: bool,
        rule: &str,
    ) {
        let inserted = self.nodes[node].insert(key, now, until);
        let is_new = inserted.await;
        let is_new = is_new.unwrap_or_else(|error| panic!("`insert` failed: {error:?}"));
        assert_eq!(is_new, expected, "{rule}");
    }
}

fn random_key() -> ReplayKey {
    ReplayKey::new(random_thumbprint(), "jti")
}

fn random_thumbprint() -> Thumbprint {
    let mut bytes = [0; 32];
    // A test cannot go on without randomness.
    crypto::random(&mut bytes).expect("random bytes");
    Thumbprint::from_bytes(bytes)
}
