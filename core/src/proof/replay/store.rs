//! What a store of used proofs does.

use super::ReplayKey;
use crate::{error::StoreError, future::BoxFuture};

/// A store that remembers which proofs were used (RFC 9449 section 11.1).
///
/// It has one operation, and that one is atomic: of any number of requests with one proof at once, on any number of nodes that
/// share the store, exactly one is told that the proof is new.
///
/// `testing::replay_suite` checks a store.
pub trait ReplayStore: Send + Sync + 'static {
    /// Remembers a proof, unless it is there already. Returns whether it was new.
    ///
    /// `now` and `until` are in seconds since 1970, by the clock of the caller; the proof has to be remembered as long as the
    /// caller's time is at most `until`, that second included. A proof that is there already stays as it is: a replay does not
    /// change until when it is remembered.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot say: the request is then answered with 503. A store that is full fails, too: it
    /// never forgets a proof before its time to make room.
    fn insert(&self, key: ReplayKey, now: i64, until: i64) -> BoxFuture<Result<bool, StoreError>>;

    /// Returns whether other nodes share the store. Default `true`; one in the memory of this process says `false`.
    fn is_shared(&self) -> bool {
        true
    }
}
