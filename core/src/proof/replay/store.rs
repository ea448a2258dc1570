//! What a store of used proofs does.

use super::ReplayKey;
use crate::{error::StoreError, future::BoxFuture};

/// A store that remembers which proofs were used (RFC 9449 section 11.1).
///
/// It has one operation, and that one is atomic: of any number of requests with one proof at once, on any number of nodes that
/// share the store, exactly one is told that the proof is new.
///
/// [`MemoryReplayStore`](super::MemoryReplayStore) is for a server of one node. The crates `countersign-redis` and
/// `countersign-sqlx` have stores that nodes share. `testing::replay_suite` checks a store.
///
/// # Examples
///
/// ```
/// use countersign::proof::{MemoryReplayStore, ReplayKey, ReplayStore, Thumbprint};
///
/// # futures_executor::block_on(async {
/// let store = MemoryReplayStore::new();
/// let key = ReplayKey::new(Thumbprint::from_bytes([7; 32]), "the jti of a proof");
/// assert!(store.insert(key, 1_700_000_000, 1_700_000_090).await?);
/// assert!(!store.insert(key, 1_700_000_001, 1_700_000_090).await?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub trait ReplayStore: Send + Sync + 'static {
    /// Remembers a proof, unless it is there already. Returns whether it was new.
    ///
    /// `now` and `until` are in seconds since 1970, by the clock of the caller; the proof has to be remembered as long as the
    /// caller's time is at most `until`, that second included. A proof that is there already stays as it is: a replay does not
    /// change until when it is remembered. A proof whose time is over may be forgotten, or be remembered for longer.
    ///
    /// Clocks of nodes that share a store differ by some seconds, and a clock may go back: a store keeps proofs for a margin
    /// beyond their time, or fails where it can no longer say.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say: the request is then answered with 503. A store that is full fails, too: it
    /// never forgets a proof before its time to make room. Where an answer was lost on the way, the proof may have become a used
    /// one, and the client needs another.
    fn insert(&self, key: ReplayKey, now: i64, until: i64) -> BoxFuture<Result<bool, StoreError>>;

    /// Returns whether other nodes share the store. Default `true`; one in the memory of this process says `false`.
    fn is_shared(&self) -> bool {
        true
    }
}
