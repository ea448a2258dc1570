//! The table that all threads share, bounded by entries and by bytes.

use std::{
    hash::{BuildHasherDefault, Hash, Hasher},
    thread::available_parallelism,
};

use quick_cache::{Equivalent, Lifecycle, OptionsBuilder, Weighter};

use super::{
    scope::{CacheScope, VerifierId},
    size,
};
use crate::{
    claims::{CachedToken, VerifiedToken},
    keys::KeySetId,
    sync::Cache,
};

/// The shared table.
pub(super) struct SharedCache(
    Cache<Key, Value, Weight, BuildHasherDefault<Prehashed>, DeferredDrop>,
);

/// For how many entries there is room from the start, at most.
const RESERVED: usize = 65_536;

/// A token of one verifier.
#[derive(Clone)]
pub(super) struct Key {
    hash: u64,
    verifier: VerifierId,
    text: Box<str>,
}

#[derive(Clone)]
pub(super) struct Value {
    keys: KeySetId,
    token: CachedToken,
}

/// A key to look for.
struct LookupKey<'t> {
    hash: u64,
    verifier: VerifierId,
    text: &'t [u8],
}

impl SharedCache {
    /// Room for so many entries and so many bytes, at most.
    pub(super) fn new(entries: usize, bytes: usize) -> Self {
        let shards = shards(entries, bytes);
        let expected = entries.min(bytes / size::LEAST);
        // Each shard has the same part, so that none of them rounds up.
        let capacity = bytes - bytes % shards;
        let options = OptionsBuilder::new()
            .shards(shards)
            .estimated_items_capacity(expected)
            .weight_capacity(capacity as u64)
            // How many more it remembers to have had: they take a place, too.
            .ghost_allocation(0.125)
            // The part of it that one entry may fill: so that a single one fits, too.
            .hot_allocation(if entries == 1 { 1.0 } else { 0.97 })
            .build()
            // The two that it needs are set.
            .expect("a capacity in entries and one in weight");
        let weight = Weight {
            least: capacity.div_ceil(entries),
        };
        let cache =
            Cache::with_options(options, weight, BuildHasherDefault::default(), DeferredDrop);
        // Exactly what is needed, as it would double each time; but no large part of the memory that
        // nobody may ever need.
        cache.reserve(expected.min(RESERVED));
        Self(cache)
    }

    /// The token, if it is here.
    pub(super) fn get(&self, hash: u64, text: &[u8], grounds: CacheScope) -> Option<VerifiedToken> {
        let CacheScope { verifier, keys } = grounds;
        let wanted = LookupKey {
            hash,
            verifier,
            text,
        };
        let found = self.0.get(&wanted)?;
        (found.keys == keys).then(|| found.token.into_token())
    }

    pub(super) fn put(&self, hash: u64, text: &str, grounds: CacheScope, token: &VerifiedToken) {
        let CacheScope { verifier, keys } = grounds;
        let key = Key {
            hash,
            verifier,
            text: text.into(),
        };
        let token = token.to_cached();
        self.0.insert(key, Value { keys, token });
    }

    /// Takes all entries out, for the caller to drop.
    ///
    /// One at a time, each under the lock, and none is dropped there: a `Drop` of an app's claims may
    /// verify tokens, or panic.
    #[must_use = "dropping it runs code of the app"]
    pub(super) fn take(&self) -> Vec<(Key, Value)> {
        self.0.drain().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn bytes(&self) -> usize {
        usize::try_from(self.0.weight()).unwrap_or(usize::MAX)
    }
}

/// As many as the machine has use for, none of them with little room.
fn shards(entries: usize, bytes: usize) -> usize {
    const LEAST_ENTRIES: usize = 256;
    const LEAST_BYTES: usize = 256 << 10;

    let useful = 4 * available_parallelism().map_or(1, usize::from);
    let most = useful
        .min(entries / LEAST_ENTRIES)
        .min(bytes / LEAST_BYTES)
        .max(1);
    // A power of two, as the table wants it.
    1 << most.ilog2()
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Hash for LookupKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.verifier == other.verifier && self.text == other.text
    }
}

impl Eq for Key {}

impl Equivalent<Key> for LookupKey<'_> {
    /// The whole token is compared. It takes as long as both are alike, which tells nothing: only a
    /// token with the same keyed hash of its signature's end gets here.
    fn equivalent(&self, key: &Key) -> bool {
        self.hash == key.hash && self.verifier == key.verifier && *self.text == *key.text.as_bytes()
    }
}

/// What an entry takes of the bytes. At least its share, so that both bounds are one.
#[derive(Clone)]
struct Weight {
    least: usize,
}

impl Weighter<Key, Value> for Weight {
    fn weight(&self, key: &Key, value: &Value) -> u64 {
        size::of(key.text.as_bytes(), value.token.payload()).max(self.least) as u64
    }
}

/// Keeps what makes room until the lock is free, as for [`SharedCache::take`].
#[derive(Clone)]
struct DeferredDrop;

impl Lifecycle<Key, Value> for DeferredDrop {
    /// Empty in most cases, and then without memory.
    type RequestState = Vec<(Key, Value)>;

    fn on_evict(&self, leaving: &mut Self::RequestState, key: Key, value: Value) {
        leaving.push((key, value));
    }
}

/// For keys that bring their hash.
#[derive(Default)]
struct Prehashed(u64);

impl Hasher for Prehashed {
    fn finish(&self) -> u64 {
        self.0
    }

    // Nobody calls it: the keys write a number.
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(all(test, not(countersign_loom)))]
mod tests {
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn shards_are_as_many_as_the_machine_has_use_for_and_none_has_little_room() {
        const MANY: usize = usize::MAX;
        for (entries, bytes, expected) in [
            (1_024, MANY, 4),
            (1_023, MANY, 2),
            (512, MANY, 2),
            (511, MANY, 1),
            (1, MANY, 1),
            (MANY, 1 << 20, 4),
            (MANY, (1 << 20) - 1, 2),
            (MANY, 512 << 10, 2),
            (MANY, (512 << 10) - 1, 1),
            (MANY, 64 << 10, 1),
        ] {
            assert_eq!(shards(entries, bytes), expected, "{entries} {bytes}");
        }
        let cores = available_parallelism().map_or(1, usize::from);
        let most = shards(MANY, MANY);
        assert!(most.is_power_of_two() && (2 * cores + 1..=4 * cores).contains(&most));
    }

    #[test]
    fn the_hash_of_a_key_is_the_one_that_it_brings() {
        let (hash, verifier) = (0x0123_4567_89ab_cdef, VerifierId::new());
        let ready = BuildHasherDefault::<Prehashed>::default();
        let key = Key {
            hash,
            verifier,
            text: "one".into(),
        };
        let wanted = LookupKey {
            hash,
            verifier,
            text: b"one",
        };
        assert_eq!([ready.hash_one(&key), ready.hash_one(&wanted)], [hash; 2]);
    }

    #[test]
    fn a_key_is_one_text_of_one_verifier_whatever_its_hash_is() {
        let (verifier, other) = (VerifierId::new(), VerifierId::new());
        let key = |verifier, text: &str| Key {
            hash: 7,
            verifier,
            text: text.into(),
        };
        let wanted = |hash, verifier| LookupKey {
            hash,
            verifier,
            text: b"one",
        };
        let one = key(verifier, "one");
        assert!(one == key(verifier, "one"));
        assert!(wanted(7, verifier).equivalent(&one));
        assert!(!wanted(8, verifier).equivalent(&one));
        assert!(!wanted(7, other).equivalent(&one));
        for different in [key(verifier, "two"), key(other, "one"), key(other, "two")] {
            assert!(one != different);
            assert!(!wanted(7, verifier).equivalent(&different));
        }
    }

    #[test]
    fn large_bounds_take_no_large_memory_before_there_are_tokens() {
        let taken = |entries| SharedCache::new(entries, 1 << 30).0.memory_used().total();
        assert!(taken(10_000_000) < 2 << 20, "{}", taken(10_000_000));
        assert!(taken(10_000) <= taken(10_000_000));
    }
}
