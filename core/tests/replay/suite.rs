//! The suite that every store of used proofs must pass.

use countersign::{proof::MemoryReplayStore, testing::replay_suite};
use futures_executor::block_on;

#[test]
fn it_passes_the_suite() {
    let store = MemoryReplayStore::new();
    block_on(replay_suite(store.clone(), store));
}
