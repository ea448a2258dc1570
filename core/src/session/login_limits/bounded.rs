//! A map of bounded size, for values that expire.

use std::{
    cmp::Ordering,
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A map by hashes, of at most [`MAX`](Self::MAX) values. When a shard is full, expired values make
/// room, else the one that matters least.
pub(in crate::session) struct Bounded<V>(Box<[Mutex<HashMap<u64, V>>]>);

/// A value that expires.
pub(in crate::session) trait Aging {
    fn is_over(&self, now: Second) -> bool;
    /// Compares by the damage of a loss.
    fn matter(&self, other: &Self, now: Second) -> Ordering;
}

impl<V: Aging> Bounded<V> {
    pub(in crate::session) const MAX: usize = 65_536;
    const SHARDS: usize = 64;

    pub(in crate::session) fn new() -> Self {
        Self((0..Self::SHARDS).map(|_| Mutex::default()).collect())
    }

    /// Reads or changes the value of a key, if there is one.
    pub(in crate::session) fn with<R>(&self, key: u64, f: impl FnOnce(&mut V) -> R) -> Option<R> {
        self.shard(key).get_mut(&key).map(f)
    }

    /// Changes the value of a key, or a new one where there was none.
    pub(in crate::session) fn with_new<R>(
        &self,
        key: u64,
        now: Second,
        new: impl FnOnce() -> V,
        f: impl FnOnce(&mut V) -> R,
    ) -> R {
        let mut shard = self.shard(key);
        if shard.len() >= Self::MAX / Self::SHARDS && !shard.contains_key(&key) {
            make_room(&mut shard, now);
        }
        f(shard.entry(key).or_insert_with(new))
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, HashMap<u64, V>> {
        // A power of two below 2^32. The lower bits serve the map itself.
        #[allow(clippy::cast_possible_truncation)]
        let shard = (key >> 32) as usize % Self::SHARDS;
        // A panic half way leaves a whole map.
        self.0[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make_room<V: Aging>(shard: &mut HashMap<u64, V>, now: Second) {
    let before = shard.len();
    shard.retain(|_, value| !value.is_over(now));
    if shard.len() < before {
        return;
    }
    let least = shard
        .iter()
        .min_by(|(_, one), (_, other)| one.matter(other, now));
    if let Some(key) = least.map(|(key, _)| *key) {
        shard.remove(&key);
    }
}

/// A time in seconds, of which only the distance to others counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct Second(u32);

impl Second {
    /// Takes seconds since 1970.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // distances stay what they are
    pub(in crate::session) fn new(seconds: i64) -> Self {
        Self(seconds as u32)
    }

    /// Returns how many seconds ago this was. `None` for the future: the clock was set back.
    pub(in crate::session) fn age(self, now: Self) -> Option<u32> {
        let age = now.0.wrapping_sub(self.0);
        (age <= u32::MAX / 2).then_some(age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A time, and what a loss would matter.
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Value(Second, u32);

    impl Aging for Value {
        fn is_over(&self, now: Second) -> bool {
            self.0.age(now) >= Some(60)
        }

        fn matter(&self, other: &Self, _: Second) -> Ordering {
            self.1.cmp(&other.1)
        }
    }

    fn insert(map: &Bounded<Value>, key: u64, value: Value) {
        map.with_new(key, value.0, || value, |_| ());
    }

    fn len(map: &Bounded<Value>) -> usize {
        map.0.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }

    #[test]
    fn a_flood_of_keys_leaves_those_that_matter_and_the_size_bounded() {
        let map = Bounded::new();
        let now = Second::new(1_000);
        insert(&map, 7, Value(now, 9));
        for key in 0..3 * Bounded::<Value>::MAX as u64 {
            insert(&map, key << 32 | 1, Value(now, 1));
        }
        assert_eq!(len(&map), Bounded::<Value>::MAX);
        assert_eq!(map.with(7, |value| value.1), Some(9));
    }

    #[test]
    fn what_is_over_makes_room_first() {
        let map = Bounded::new();
        for key in 0..Bounded::<Value>::MAX as u64 {
            insert(&map, key << 32, Value(Second::new(0), 9));
        }
        insert(&map, 1, Value(Second::new(60), 1));
        assert_eq!(len(&map), Bounded::<Value>::MAX - 1_023);
        assert!(map.with(1, |_| ()).is_some());
    }

    #[test]
    fn ages_survive_the_end_of_32_bits_and_a_clock_set_back() {
        let before = Second::new(i64::from(u32::MAX) - 1);
        assert_eq!(before.age(Second::new(i64::from(u32::MAX) + 8)), Some(9));
        assert_eq!(Second::new(100).age(Second::new(40)), None);
        let never = Second::new(i64::MAX);
        assert_eq!(never.age(never), Some(0));
    }
}
