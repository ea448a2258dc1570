//! The cache that all threads share (L2), bounded by entries and by bytes.

use std::{
    hash::{BuildHasher, BuildHasherDefault, Hash, Hasher},
    mem::size_of,
    thread::available_parallelism,
};

use quick_cache::{Equivalent, Lifecycle, OptionsBuilder, Weighter};

use super::key::{CacheKey, VerifierId};
use crate::{
    claims::{CachedToken, VerifiedToken},
    keys::KeySetId,
    sync::{Cache, RandomState},
};

/// The shared cache.
pub(super) struct SharedCache {
    table: Cache<Key, Value, Weight, BuildHasherDefault<Prehashed>, DeferredDrop>,
    /// SipHash: colliding entries would stand in a row.
    hasher: RandomState,
}

/// For how many entries there is room from the start, at most.
const RESERVED: usize = 65_536;

/// A token of one verifier.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key<T = Box<[u8]>> {
    hash: u64,
    verifier: VerifierId,
    text: T,
}

#[derive(Clone)]
pub(super) struct Value {
    keys: KeySetId,
    token: CachedToken,
}

impl SharedCache {
    /// Makes a cache of at most so many entries and so many bytes.
    pub(super) fn new(entries: usize, bytes: usize) -> Self {
        let shards = shards(entries, bytes);
        let expected = entries.min(bytes / SMALLEST);
        // Each shard has the same part, so that none of them rounds up.
        let capacity = bytes - bytes % shards;
        let options = OptionsBuilder::new()
            .shards(shards)
            .estimated_items_capacity(expected)
            .weight_capacity(capacity as u64)
            // How many more it remembers, though it has them no more: they take a place, too.
            .ghost_allocation(0.125)
            // The part that one entry may fill: so that a single one fits, too.
            .hot_allocation(if entries == 1 { 1.0 } else { 0.97 })
            .build()
            // The two that it needs are set.
            .expect("a capacity in entries and one in weight");
        let weight = Weight {
            least: capacity.div_ceil(entries),
        };
        let table =
            Cache::with_options(options, weight, BuildHasherDefault::default(), DeferredDrop);
        // Exactly what is needed, as it would double each time; but no large part of the memory that
        // nobody may ever need.
        table.reserve(expected.min(RESERVED));
        Self {
            table,
            hasher: RandomState::new(),
        }
    }

    /// Returns the token, if it is here.
    pub(super) fn get(&self, key: &CacheKey<'_>) -> Option<VerifiedToken> {
        let found = self.table.get(&self.hashed::<&[u8]>(key))?;
        (found.keys == key.scope.keys).then(|| found.token.into_token())
    }

    pub(super) fn put(&self, key: &CacheKey<'_>, token: &VerifiedToken) {
        let value = Value {
            keys: key.scope.keys,
            token: token.to_cached(),
        };
        self.table.insert(self.hashed(key), value);
    }

    fn hashed<'t, T: From<&'t [u8]>>(&self, key: &CacheKey<'t>) -> Key<T> {
        let verifier = key.scope.verifier;
        let identity = (key.end(), key.text.len(), verifier);
        Key {
            hash: self.hasher.hash_one(identity),
            verifier,
            text: key.text.into(),
        }
    }

    /// Takes all entries out, for the caller to drop.
    ///
    /// One at a time, each under the lock, and none is dropped there: a `Drop` of an app's claims may
    /// verify tokens, or panic.
    #[must_use = "dropping it runs code of the app"]
    pub(super) fn take(&self) -> Vec<(Key, Value)> {
        self.table.drain().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn bytes(&self) -> usize {
        usize::try_from(self.table.weight()).unwrap_or(usize::MAX)
    }
}

/// Returns how many shards there are: as many as the machine has use for, none of them with little room.
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

impl<T> Hash for Key<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<Key> for Key<&[u8]> {
    /// Compares the whole token. It takes as long as both are alike, which tells nothing: only a
    /// token with the same keyed hash of its signature's end gets here.
    fn equivalent(&self, key: &Key) -> bool {
        self.hash == key.hash && self.verifier == key.verifier && *self.text == *key.text
    }
}

/// Estimates the memory of an entry with this text and this payload.
pub(super) fn estimate(text: &[u8], payload: &str) -> usize {
    // The payload once as text, and once for the type that an app reads it as.
    text.len() + 2 * payload.len() + OVERHEAD
}

/// The memory of the smallest token there is.
const SMALLEST: usize = OVERHEAD + 200;

/// The size of an entry beside its texts: its slot in the table, and the registered claims.
const OVERHEAD: usize = 2 * (size_of::<Key>() + size_of::<Value>()) + 350;

/// Weighs an entry in bytes. It is at least its share of them, so that both bounds are one.
#[derive(Clone)]
struct Weight {
    least: usize,
}

impl Weighter<Key, Value> for Weight {
    fn weight(&self, key: &Key, value: &Value) -> u64 {
        estimate(&key.text, value.token.payload()).max(self.least) as u64
    }
}

/// Drops what makes room once the lock is free, as [`SharedCache::take`] does.
#[derive(Clone)]
struct DeferredDrop;

impl Lifecycle<Key, Value> for DeferredDrop {
    /// Empty in most cases, and then without memory.
    type RequestState = Vec<(Key, Value)>;

    fn on_evict(&self, leaving: &mut Self::RequestState, key: Key, value: Value) {
        leaving.push((key, value));
    }
}

/// The hasher of keys that contain their hash.
#[derive(Default)]
struct Prehashed(u64);

impl Hasher for Prehashed {
    fn finish(&self) -> u64 {
        self.0
    }

    // Never called: the keys write a number.
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(all(test, not(countersign_loom)))]
mod tests {
    use super::*;
    use crate::{
        keys::KeySet,
        verify::cache::key::{CacheScope, Tags},
    };

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
        let key: Key = Key {
            hash,
            verifier,
            text: b"one".as_slice().into(),
        };
        let wanted = Key {
            hash,
            verifier,
            text: b"one".as_slice(),
        };
        assert_eq!([ready.hash_one(&key), ready.hash_one(&wanted)], [hash; 2]);
    }

    #[test]
    fn a_key_is_one_text_of_one_verifier_whatever_its_hash_is() {
        let (verifier, other) = (VerifierId::new(), VerifierId::new());
        let key = |verifier, text: &str| Key {
            hash: 7,
            verifier,
            text: text.as_bytes().into(),
        };
        let wanted = |hash, verifier| Key {
            hash,
            verifier,
            text: b"one".as_slice(),
        };
        let one: Key = key(verifier, "one");
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
    fn every_byte_of_the_end_the_length_and_the_verifier_count_in_the_hash() {
        let cache = SharedCache::new(1, 1 << 20);
        let (tags, keys) = (Tags::random(), KeySet::new([]).id());
        let hash = |text: &[u8], verifier| {
            let key = tags.key(text, CacheScope { verifier, keys });
            cache
                .hashed::<&[u8]>(&key.expect("a text that may be kept"))
                .hash
        };
        let (verifier, text) = (VerifierId::new(), [b'a'; 64]);
        let one = hash(&text, verifier);
        for at in 32..64 {
            let mut other = text;
            other[at] = b'b';
            assert_ne!(hash(&other, verifier), one, "{at}");
        }
        assert_ne!(hash(&text[1..], verifier), one);
        assert_ne!(hash(&text, VerifierId::new()), one);
    }

    #[test]
    fn large_bounds_take_no_large_memory_before_there_are_tokens() {
        let taken = |entries| {
            SharedCache::new(entries, 1 << 30)
                .table
                .memory_used()
                .total()
        };
        assert!(taken(10_000_000) < 2 << 20, "{}", taken(10_000_000));
        assert!(taken(10_000) <= taken(10_000_000));
    }
}
