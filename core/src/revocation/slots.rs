//! Hashed names in an array that any thread reads while one writes.

use std::{
    num::NonZeroU64,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
};

/// An open-addressing table: no locks, no allocation, and no removal. To drop entries, its owner
/// fills a new one.
///
/// A name is a key of 64 bits, its keyed hash. Nearly every name that is asked for is not listed, and
/// a filter knows that: small enough to stay in the processor's cache where the table would not.
///
/// Whoever sees a key sees what was stored before it. Later changes only raise the numbers, so a
/// reader that sees one of them and not yet the other sees something between old and new.
pub(super) struct Slots {
    /// A Bloom filter, one word for a key: its three bits are set if the key is there.
    filter: Box<[AtomicU64]>,
    /// 0: free. Their number is a power of two, or 0.
    keys: Box<[AtomicU64]>,
    terms: Box<[AtomicTerm]>,
    /// The last second in which an entry counts that belongs here and is not here.
    missing_until: AtomicI64,
}

/// What is known about a revoked name. Times in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) until: i64,
    /// For subjects.
    pub(super) issued_before: i64,
}

#[derive(Default)]
struct AtomicTerm {
    until: AtomicI64,
    issued_before: AtomicI64,
}

impl Slots {
    /// The fewest places of a table that has any.
    const FEWEST: usize = 64;
    /// A byte of the filter for each place: one or two in a hundred other names get past it.
    const PLACES_OF_A_WORD: usize = 8;

    /// No places, no entries.
    pub(super) fn none() -> Self {
        Self::new(0, i64::MIN)
    }

    /// Places for so many entries: they will fill them by half at most.
    pub(super) fn for_entries(entries: usize, missing_until: i64) -> Self {
        let places = entries.saturating_mul(2).next_power_of_two();
        Self::new(places.max(Self::FEWEST), missing_until)
    }

    fn new(places: usize, missing_until: i64) -> Self {
        Self {
            filter: (0..places / Self::PLACES_OF_A_WORD)
                .map(|_| AtomicU64::default())
                .collect(),
            keys: (0..places).map(|_| AtomicU64::default()).collect(),
            terms: (0..places).map(|_| AtomicTerm::default()).collect(),
            missing_until: AtomicI64::new(missing_until),
        }
    }

    /// How many entries it takes before a search gets long: three quarters of its places.
    pub(super) fn room(&self) -> usize {
        self.keys.len() / 4 * 3
    }

    /// Whether one of these names may be there. It reads a word for each, and all at once.
    pub(super) fn may_have_any<const N: usize>(&self, keys: [Option<NonZeroU64>; N]) -> bool {
        let Some(last) = self.filter.len().checked_sub(1) else {
            return false;
        };
        keys.into_iter().flatten().fold(false, |any, key| {
            let (at, bits) = in_filter(key);
            let word = self.filter[at & last].load(Ordering::Relaxed);
            any | (word & bits == bits)
        })
    }

    /// What is known about this name.
    pub(super) fn find(&self, key: NonZeroU64) -> Option<Term> {
        self.search(key).ok().map(AtomicTerm::load)
    }

    /// Adds an entry, or raises the one that is there. Says whether it is a new one.
    ///
    /// One thread at a time, and only while there is room.
    pub(super) fn put(&self, key: NonZeroU64, term: Term) -> bool {
        match self.search(key) {
            Ok(known) => {
                known.raise(term);
                false
            }
            Err(free) => {
                self.terms[free].store(term);
                // After its term: a reader that finds the key finds what is known about it.
                self.keys[free].store(key.get(), Ordering::Release);
                let (at, bits) = in_filter(key);
                self.filter[at & (self.filter.len() - 1)].fetch_or(bits, Ordering::Relaxed);
                true
            }
        }
    }

    /// All entries.
    pub(super) fn iter(&self) -> impl Iterator<Item = (NonZeroU64, Term)> {
        self.keys.iter().zip(&self.terms).filter_map(|(key, term)| {
            let key = NonZeroU64::new(key.load(Ordering::Acquire))?;
            Some((key, term.load()))
        })
    }

    /// The last second in which a missing entry counts.
    pub(super) fn missing_until(&self) -> i64 {
        self.missing_until.load(Ordering::Acquire)
    }

    /// Notes that an entry is not here.
    pub(super) fn miss(&self, until: i64) {
        self.missing_until.fetch_max(until, Ordering::Release);
    }

    /// The place of this key, or the free one where it would be. There is always a free one, unless
    /// there are no places at all.
    fn search(&self, key: NonZeroU64) -> Result<&AtomicTerm, usize> {
        let Some(last) = self.keys.len().checked_sub(1) else {
            return Err(0);
        };
        // A hash: any of its bits will do, so on 32 bits it may be cut.
        let mut at = key.get() as usize & last;
        loop {
            match self.keys[at].load(Ordering::Acquire) {
                0 => return Err(at),
                own if own == key.get() => return Ok(&self.terms[at]),
                _ => at = (at + 1) & last,
            }
        }
    }
}

/// Where a key is in the filter, before it is cut to its length, and its bits there.
fn in_filter(key: NonZeroU64) -> (usize, u64) {
    let key = key.get();
    let bit = |shift: u32| 1_u64 << (key >> shift & 63);
    ((key >> 32) as usize, bit(0) | bit(6) | bit(12))
}

impl AtomicTerm {
    fn load(&self) -> Term {
        Term {
            until: self.until.load(Ordering::Relaxed),
            issued_before: self.issued_before.load(Ordering::Relaxed),
        }
    }

    fn store(&self, term: Term) {
        self.until.store(term.until, Ordering::Relaxed);
        self.issued_before
            .store(term.issued_before, Ordering::Relaxed);
    }

    fn raise(&self, term: Term) {
        self.issued_before
            .fetch_max(term.issued_before, Ordering::Relaxed);
        self.until.fetch_max(term.until, Ordering::Relaxed);
    }
}
