//! One part of the proofs that a process remembers.

use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::Entry},
    sync::atomic::Ordering::Relaxed,
};

use super::ReplayKey;
use crate::sync::AtomicUsize;

/// The proofs of some keys. All proofs of one key are in one shard, so that their number is exact.
#[derive(Default)]
pub(super) struct Shard {
    proofs: HashSet<[u8; 32]>,
    /// The number of proofs of each key: never 0.
    owners: HashMap<[u8; 32], usize>,
    /// The same proofs, by the second until which they are remembered.
    by_second: BTreeMap<i64, Vec<ReplayKey>>,
    /// The last second until which a forgotten proof had to be remembered.
    forgotten: Option<i64>,
}

/// How many proofs may be remembered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) proofs: usize,
    pub(super) proofs_of_a_key: usize,
}

/// The reason why a store in memory cannot say whether a proof is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("the store of used proofs is full: it has `proofs` = {0}")]
    Full(usize),
    #[error("one key has `proofs_of_a_key` = {0} used proofs in the store")]
    OverQuota(usize),
    #[error(
        "the clock went back to a time whose used proofs are forgotten, so that they look like new ones"
    )]
    ClockWentBack,
}

impl Shard {
    /// Remembers a proof, and forgets some whose time is over. `total` is the number of proofs in all shards.
    pub(super) fn insert(
        &mut self,
        key: ReplayKey,
        (now, until): (i64, i64),
        bounds: Bounds,
        total: &AtomicUsize,
    ) -> Result<bool, Refusal> {
        self.forget(now, FEW, total);
        if self.proofs.contains(key.as_bytes()) {
            return Ok(false);
        }
        if self.forgotten.is_some_and(|last| now <= last) {
            return Err(Refusal::ClockWentBack);
        }
        if self.count(&key) >= bounds.proofs_of_a_key {
            self.forget(now, MANY, total);
            if self.count(&key) >= bounds.proofs_of_a_key {
                return Err(Refusal::OverQuota(bounds.proofs_of_a_key));
            }
        }
        // The number is only a number: the locks of the shards order all else.
        total
            .fetch_update(Relaxed, Relaxed, |all| {
                (all < bounds.proofs).then_some(all + 1)
            })
            .map_err(|_| Refusal::Full(bounds.proofs))?;
        self.proofs.insert(*key.as_bytes());
        *self.owners.entry(*key.owner()).or_default() += 1;
        self.by_second.entry(until).or_default().push(key);
        Ok(true)
    }

    /// Forgets at most this many of the proofs whose time is over.
    pub(super) fn forget(&mut self, now: i64, most: usize, total: &AtomicUsize) {
        let mut forgotten = 0;
        while forgotten < most
            && let Some(mut second) = self.by_second.first_entry()
            && second.key().saturating_add(SLACK) < now
        {
            let until = *second.key();
            let Some(key) = second.get_mut().pop() else {
                second.remove();
                continue;
            };
            self.proofs.remove(key.as_bytes());
            if let Entry::Occupied(mut count) = self.owners.entry(*key.owner()) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
            self.forgotten = self.forgotten.max(Some(until));
            forgotten += 1;
        }
        total.fetch_sub(forgotten, Relaxed);
    }

    fn count(&self, key: &ReplayKey) -> usize {
        self.owners.get(key.owner()).copied().unwrap_or(0)
    }
}

/// Seconds for which a proof is remembered beyond its time, so that a clock may go back by as much, and threads may read it in
/// another order than they come.
const SLACK: i64 = 5;

/// The number of proofs that each insert may forget: more than it adds, so that what has expired does not pile up.
const FEW: usize = 16;

/// The number of proofs that an insert may forget in one shard before it is refused. Where more have expired, the next
/// try goes on from there.
pub(super) const MANY: usize = 4_096;
