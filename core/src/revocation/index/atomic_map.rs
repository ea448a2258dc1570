//! Hashed names in an array that any thread reads while one writes.

use std::{num::NonZeroU64, sync::atomic::Ordering};

use crate::sync::{AtomicI64, AtomicU64};

/// An open-addressing table: no locks, no allocation, and no removal. To drop entries, its owner
/// fills a new one.
///
/// Nearly every name that is asked for is not listed, and a filter knows that by the mark of the
/// name: quick to make, and small enough to stay in the processor's cache where the table would not.
/// Only of a name that may be listed, the key is needed.
///
/// Whoever sees a key sees what was stored before it. Later changes only raise the numbers, so a
/// reader that sees one of them and not yet the other sees something between old and new. The bits
/// of the filter come last: who does not see them yet asked while the entry was being added.
pub(crate) struct AtomicMap {
    /// A Bloom filter, one word for a mark: its three bits are set if a name with it is there.
    filter: Box<[AtomicU64]>,
    /// 0: free. Their number is a power of two, or 0.
    keys: Box<[AtomicU64]>,
    entries: Box<[Entry]>,
    /// The last second in which an entry counts that belongs here and is not here.
    missing_until: AtomicI64,
}

/// A name: two keyed hashes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HashedName {
    /// Slow, and nobody outside can tell it.
    pub(crate) key: NonZeroU64,
    /// Quick. Another name may have the same.
    pub(crate) mark: u64,
}

/// What is known about a revoked name. Times in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) until: i64,
    /// For subjects.
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
    /// A byte of the filter for each place: one or two in a hundred other names get past it.
    const PLACES_OF_A_WORD: usize = 8;

    /// No places, no entries.
    pub(super) fn none() -> Self {
        Self::new(0, i64::MIN)
    }

    /// Places for so many entries: they will fill them by half at most.
    pub(crate) fn for_entries(entries: usize, missing_until: i64) -> Self {
        let places = entries.saturating_mul(2).next_power_of_two();
        Self::new(places.max(Self::FEWEST), missing_until)
    }

    fn new(places: usize, missing_until: i64) -> Self {
        Self {
            filter: (0..places / Self::PLACES_OF_A_WORD)
                .map(|_| AtomicU64::default())
                .collect(),
            keys: (0..places).map(|_| AtomicU64::default()).collect(),
            entries: (0..places).map(|_| Entry::default()).collect(),
            missing_until: AtomicI64::new(missing_until),
        }
    }

    /// How many entries it takes before a search gets long: three quarters of its places.
    pub(super) fn room(&self) -> usize {
        self.keys.len() / 4 * 3
    }

    /// Whether a name with one of these marks may be there. It reads a word for each, and all at once.
    pub(crate) fn may_have_any<const N: usize>(&self, marks: [Option<u64>; N]) -> bool {
        let Some(last) = self.filter.len().checked_sub(1) else {
            return false;
        };
        marks.into_iter().flatten().fold(false, |any, mark| {
            let (at, bits) = in_filter(mark);
            let word = self.filter[at & last].load(Ordering::Relaxed);
            any | (word & bits == bits)
        })
    }

    /// What is known about this name.
    pub(crate) fn find(&self, name: HashedName) -> Option<Validity> {
        self.search(name).ok().map(Entry::term)
    }

    /// Adds an entry, or raises the one that is there. Says whether it is a new one.
    ///
    /// One thread at a time, and only while there is room.
    pub(crate) fn put(&self, name: HashedName, term: Validity) -> bool {
        match self.search(name) {
            Ok(known) => {
                known.raise(term);
                false
            }
            Err(free) => {
                self.entries[free].store(name.mark, term);
                // After its entry: a reader that finds the key finds what is known about it.
                self.keys[free].store(name.key.get(), Ordering::Release);
                let (at, bits) = in_filter(name.mark);
                self.filter[at & (self.filter.len() - 1)].fetch_or(bits, Ordering::Relaxed);
                true
            }
        }
    }

    /// All entries.
    pub(super) fn iter(&self) -> impl Iterator<Item = (HashedName, Validity)> {
        self.keys
            .iter()
            .zip(&self.entries)
            .filter_map(|(key, entry)| {
                let key = NonZeroU64::new(key.load(Ordering::Acquire))?;
                let mark = entry.mark.load(Ordering::Relaxed);
                Some((HashedName { key, mark }, entry.term()))
            })
    }

    /// The last second in which a missing entry counts. Nothing else is read because of it.
    pub(super) fn missing_until(&self) -> i64 {
        self.missing_until.load(Ordering::Relaxed)
    }

    /// Notes that an entry is not here.
    pub(super) fn miss(&self, until: i64) {
        self.missing_until.fetch_max(until, Ordering::Relaxed);
    }

    /// The entry of this name, or the free place where it would be. There is always a free one,
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

/// Where a mark is in the filter, before it is cut to its length, and its bits there.
fn in_filter(mark: u64) -> (usize, u64) {
    let bit = |shift: u32| 1_u64 << (mark >> shift & 63);
    ((mark >> 32) as usize, bit(0) | bit(6) | bit(12))
}

impl Entry {
    fn has_mark(&self, mark: u64) -> bool {
        self.mark.load(Ordering::Relaxed) == mark
    }

    fn term(&self) -> Validity {
        Validity {
            until: self.until.load(Ordering::Relaxed),
            issued_before: self.issued_before.load(Ordering::Relaxed),
        }
    }

    fn store(&self, mark: u64, term: Validity) {
        self.mark.store(mark, Ordering::Relaxed);
        self.until.store(term.until, Ordering::Relaxed);
        self.issued_before
            .store(term.issued_before, Ordering::Relaxed);
    }

    fn raise(&self, term: Validity) {
        self.issued_before
            .fetch_max(term.issued_before, Ordering::Relaxed);
        self.until.fetch_max(term.until, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::index::bloom::FilterHasher;

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
        let slots = AtomicMap::for_entries(2, i64::MIN);
        for (mark, term) in [(1 << 40, until(1)), (2 << 40, until(2))] {
            assert!(slots.put(name(7, mark), term));
            assert!(slots.may_have_any([Some(mark)]));
            assert_eq!(slots.find(name(7, mark)), Some(term));
        }
        assert_eq!(slots.find(name(7, 3 << 40)), None);
        assert_eq!(slots.iter().count(), 2);
    }

    #[test]
    fn hardly_any_other_name_gets_past_the_filter() {
        const ENTRIES: u64 = 8_192;
        let marker = FilterHasher::random();
        let mark = |n: u64| marker.mark(format!("token-{n}").as_bytes());
        let slots = AtomicMap::for_entries(ENTRIES as usize, i64::MIN);
        for n in 0..ENTRIES {
            slots.put(name(n + 1, mark(n)), until(1));
        }
        let gets_past = |n: &u64| slots.may_have_any([Some(mark(*n))]);
        assert!((0..ENTRIES).all(|n| gets_past(&n)));
        let others = (ENTRIES..ENTRIES + 100_000).filter(gets_past).count();
        assert!(others < 2_000, "{others} of 100,000");
    }

    #[test]
    fn names_that_share_a_mark_are_told_apart() {
        let slots = AtomicMap::for_entries(1, i64::MIN);
        assert!(slots.put(name(7, 1), until(1)));
        assert!(slots.may_have_any([None, Some(1)]));
        assert_eq!(slots.find(name(8, 1)), None);
        assert!(!slots.put(name(7, 1), until(2)));
        assert_eq!(slots.find(name(7, 1)), Some(until(2)));
    }
}
