//! The key ids that the provider lacked a moment ago.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    time::Duration,
};

use tokio::time::Instant;

/// Remembers for ten seconds which ids the provider lacked.
///
/// One client with an old token would otherwise use up what all share: each look costs one of the few
/// fetches that requests may cause. Ten seconds and no longer: the id may be about to be published.
#[derive(Default)]
pub(super) struct NegativeCache {
    hasher: RandomState,
    /// Until when, by a keyed hash of the id: an id can be long, and nobody can aim at a collision.
    known: HashMap<u64, Instant>,
}

impl NegativeCache {
    const LENGTH: Duration = Duration::from_secs(10);
    /// The most that are remembered. Beyond that, all are forgotten: the token bucket alone bounds a flood.
    const MOST: usize = 1_024;

    /// Checks whether this id was missing a moment ago.
    pub(super) fn has(&self, id: &str, now: Instant) -> bool {
        let until = self.known.get(&self.hasher.hash_one(id));
        until.is_some_and(|until| now < *until)
    }

    /// Remembers that this id is missing.
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
        let mut misses = NegativeCache::default();
        misses.add("old", start);
        let until = start + Duration::from_secs(10);
        assert!(misses.has("old", until - Duration::from_millis(1)));
        assert!(!misses.has("old", until));
        assert!(!misses.has("new", start));
    }

    #[test]
    fn a_flood_of_ids_does_not_fill_the_memory() {
        let now = Instant::now();
        let mut misses = NegativeCache::default();
        for id in 0..10_000 {
            misses.add(&id.to_string(), now);
            assert!(misses.known.len() <= NegativeCache::MOST);
        }
    }
}
