//! The map of hashed names, which any thread reads while one writes.

use std::{num::NonZeroU64, sync::atomic::Ordering};

use super::names::HashedName;
use crate::sync::{AtomicI64, AtomicU64};

/// An open-addressing table: no locks, no allocation, and no removal. To drop entries, its owner
/// fills a new one.
///
/// Whoever sees a key sees what was stored before it. Later changes only raise the numbers, so a
/// reader that sees one of them and not yet the other sees something between old and new.
pub(crate) struct AtomicMap {
    /// 0: free. Their number is a power of two, or 0.
    keys: Box<[AtomicU64]>,
    entries: Box<[Entry]>,
}

/// The tokens of a revoked name that are refused, and the end of that. Times in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) until: i64,
    /// For subjects; of other names, all tokens are.
    pub(crate) issued_before: i64,
}

#[derive(Default)]
struct Entry {
    mark: AtomicU64,
    until: AtomicI64,
    issued_before: AtomicI64,
}

impl AtomicMap {
    /// The fewest places of a table that has any. Few in a model: the writer looks at each.
    const FEWEST: usize = if cfg!(all(test, countersign_loom)) {
        8
    } else {
        64
    };
    /// Makes a map with places for so many entries, which fill them by half at most.
    pub(crate) fn for_entries(entries: usize) -> Self {
        let places = entries.saturating_mul(2).next_power_of_two();
        Self::with_places(places.max(Self::FEWEST))
    }

    pub(super) fn with_places(places: usize) -> Self {
        Self {
            keys: (0..places).map(|_| AtomicU64::default()).collect(),
            entries: (0..places).map(|_| Entry::default()).collect(),
        }
    }

    pub(super) fn places(&self) -> usize {
        self.keys.len()
    }

    /// Finds what is known about this name.
    pub(crate) fn find(&self, name: HashedName) -> Option<Validity> {
        self.search(name).ok().map(Entry::validity)
    }

    /// Adds an entry, or raises the one that is there.
    ///
    /// One thread at a time, and only while there is room.
    pub(crate) fn put(&self, name: HashedName, validity: Validity) {
        match self.search(name) {
            Ok(known) => known.raise(validity),
            Err(free) => {
                self.entries[free].store(name.mark, validity);
                // After its entry: a reader that finds the key finds what is known about it.
                self.keys[free].store(name.key.get(), Ordering::Release);
            }
        }
    }

    /// Returns all entries.
    pub(super) fn iter(&self) -> impl Iterator<Item = (HashedName, Validity)> {
        let places = self.keys.iter().zip(&self.entries);
        places.filter_map(|(key, entry)| {
            let key = NonZeroU64::new(key.load(Ordering::Acquire))?;
            let mark = entry.mark.load(Ordering::Relaxed);
            Some((HashedName { key, mark }, entry.validity()))
        })
    }

    /// Returns the entry of this name, or the free place where it would be. There is always a free one,
    /// unless there are no places at all.
    ///
    /// The mark must agree, too: two names that shared an entry would share its mark, and the filter
    /// would not know the second.
    fn search(&self, name: HashedName) -> Result<&Entry, usize> {
        let Some(last) = self.keys.len().checked_sub(1) else {
            return Err(0);
        };
        // A hash: any of its bits will do, so on 32 bits it may be cut.
        let mut at = name.key.get() as usize & last;
        loop {
            let entry = &self.entries[at];
            match self.keys[at].load(Ordering::Acquire) {
                0 => return Err(at),
                own if own == name.key.get() && entry.has_mark(name.mark) => return Ok(entry),
                _ => at = (at + 1) & last,
            }
        }
    }
}

impl Entry {
    fn has_mark(&self, mark: u64) -> bool {
        self.mark.load(Ordering::Relaxed) == mark
    }

    fn validity(&self) -> Validity {
        Validity {
            until: self.until.load(Ordering::Relaxed),
            issued_before: self.issued_before.load(Ordering::Relaxed),
        }
    }

    fn store(&self, mark: u64, new: Validity) {
        self.mark.store(mark, Ordering::Relaxed);
        self.until.store(new.until, Ordering::Relaxed);
        self.issued_before
            .store(new.issued_before, Ordering::Relaxed);
    }

    fn raise(&self, new: Validity) {
        self.issued_before
            .fetch_max(new.issued_before, Ordering::Relaxed);
        self.until.fetch_max(new.until, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(key: u64, mark: u64) -> HashedName {
        let key = NonZeroU64::new(key).unwrap();
        HashedName { key, mark }
    }

    fn until(until: i64) -> Validity {
        Validity {
            until,
            issued_before: i64::MIN,
        }
    }

    #[test]
    fn names_that_share_a_key_are_both_known() {
        let map = AtomicMap::for_entries(2);
        for (mark, validity) in [(1, until(1)), (2, until(2))] {
            map.put(name(7, mark), validity);
            assert_eq!(map.find(name(7, mark)), Some(validity));
        }
        assert_eq!(map.find(name(7, 3)), None);
        assert_eq!(map.iter().count(), 2);
    }

    #[test]
    fn names_that_share_a_mark_are_told_apart() {
        let map = AtomicMap::for_entries(1);
        map.put(name(7, 1), until(1));
        assert_eq!(map.find(name(8, 1)), None);
        map.put(name(7, 1), until(2));
        assert_eq!(map.find(name(7, 1)), Some(until(2)));
        assert_eq!(map.iter().count(), 1);
    }
}
