//! Tests of a store that threads share.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{NOW, Outcome, bounded, insert, key};

const RACERS: usize = 50;
const ROUNDS: u32 = 400;

#[test]
fn of_50_racers_with_one_proof_exactly_one_is_told_that_it_is_new() {
    let store = bounded(100_000, 1_000);
    let (start, end) = (Barrier::new(RACERS), Barrier::new(RACERS));
    let winners = AtomicUsize::new(0);
    thread::scope(|scope| {
        for racer in 0..RACERS {
            let (store, start, end, winners) = (store.clone(), &start, &end, &winners);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let now = NOW + i64::from(round);
                    start.wait();
                    match insert(&store, key(1, round), now, now + 90) {
                        Outcome::New => _ = winners.fetch_add(1, Ordering::SeqCst),
                        Outcome::Replay => {}
                        other => panic!("{other:?}"),
                    }
                    end.wait();
                    if racer == 0 {
                        assert_eq!(winners.swap(0, Ordering::SeqCst), 1, "round {round}");
                    }
                }
            });
        }
    });
}

#[test]
fn threads_never_exceed_the_bound_and_none_waits_for_ever() {
    const BOUND: usize = 500;
    let store = bounded(BOUND, 100);
    let winners = AtomicUsize::new(0);
    thread::scope(|scope| {
        for client in 0..16 {
            let (store, winners) = (store.clone(), &winners);
            scope.spawn(move || {
                for jti in 0..200 {
                    match insert(&store, key(client, jti), NOW, NOW + 90) {
                        Outcome::New => _ = winners.fetch_add(1, Ordering::SeqCst),
                        Outcome::Full | Outcome::OverQuota => {}
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
    assert_eq!(winners.load(Ordering::SeqCst), BOUND);
}
