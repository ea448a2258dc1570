//! Tests of the store of used proofs in memory.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod bounds;
mod clocks;
mod model;
mod settings;
mod suite;
mod threads;

use std::error::Error;

use countersign::{
    proof::{MemoryReplayStore, ReplayKey, ReplayStore, Thumbprint},
    session::store::StoreError,
};
use futures_executor::block_on;

/// The time of these tests.
const NOW: i64 = 1_700_000_000;

/// Returns the key of a proof of some client.
fn key(client: u8, jti: u32) -> ReplayKey {
    ReplayKey::new(Thumbprint::from_bytes([client; 32]), &jti.to_string())
}

fn insert(store: &MemoryReplayStore, key: ReplayKey, now: i64, until: i64) -> Outcome {
    outcome(block_on(store.insert(key, now, until)))
}

/// What a store says of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    New,
    Replay,
    Full,
    OverQuota,
    ClockWentBack,
}

fn outcome(answer: Result<bool, StoreError>) -> Outcome {
    let error = match answer {
        Ok(true) => return Outcome::New,
        Ok(false) => return Outcome::Replay,
        Err(error) => error,
    };
    let cause = error.source().unwrap().to_string();
    let kinds = [
        ("`proofs` =", Outcome::Full),
        ("`proofs_of_a_key` =", Outcome::OverQuota),
        ("the clock went back", Outcome::ClockWentBack),
    ];
    let kind = kinds.iter().find(|(words, _)| cause.contains(words));
    kind.unwrap_or_else(|| panic!("{cause}")).1
}

fn bounded(proofs: usize, proofs_of_a_key: usize) -> MemoryReplayStore {
    let store = MemoryReplayStore::builder().proofs(proofs);
    store.proofs_of_a_key(proofs_of_a_key).build().unwrap()
}
