//! Key ids that were looked for, and were not there.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    time::Duration,
};

use tokio::time::Instant;

/// Remembers for ten seconds which ids the provider does not have.
///
/// One client with an old token would otherwise use up what all share: each look costs one of the few
/// fetches that requests may cause. It is no longer than that, because the id may be one that is
/// about to be published.
#[derive(Debug)]
pub(super) struct NegativeCache {
    hasher: RandomState,
    /// By a keyed hash, until when: an id can be long, and nobody can aim at a collision.
    known: HashMap<u64, Instant>,
}

impl NegativeCache {
    const LENGTH: Duration = Duration::from_secs(10);
    /// How many are remembered. Beyond that, all are forgotten: the bucket alone holds the flood.
    const MOST: usize = 1_024;

    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            known: HashMap::new(),
        }
    }

    /// Whether this id was looked for not long ago.
    pub(super) fn has(&self, id: &str, now: Instant) -> bool {
        let until = self.known.get(&self.hasher.hash_one(id));
        until.is_some_and(|until| now < *until)
    }

    /// Remembers that this id was not there.
    pub(super) fn add(&mut self, id: &str, now: Instant) {
        if self.known.len() >= Self::MOST {
            self.known.retain(|_, until| now < *until);
        }
        if self.known.len() >= Self::MOST {
            self.known.clear();
        }
        let until = now + Self::LENGTH;
        self.known.insert(self.hasher.hash_one(id), until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_remembered_for_ten_seconds() {
        let start = Instant::now();
        let mut misses = NegativeCache::new();
        misses.add("old", start);
        let until = start + Duration::from_secs(10);
        assert!(misses.has("old", until - Duration::from_millis(1)));
        assert!(!misses.has("old", until));
        assert!(!misses.has("new", start));
    }

    #[test]
    fn a_flood_of_ids_does_not_fill_the_memory() {
        let now = Instant::now();
        let mut misses = NegativeCache::new();
        for id in 0..10_000 {
            misses.add(&id.to_string(), now);
            assert!(misses.known.len() <= NegativeCache::MOST);
        }
    }
}
