//! The filter in front of the map: it knows most names that are not listed.

use std::{hash::BuildHasher, sync::atomic::Ordering};

use crate::sync::{AtomicU64, RandomState};

/// A Bloom filter, one word for a mark: its three bits are set if a name with that mark was added.
pub(crate) struct BloomFilter {
    /// Their number is a power of two, or 0.
    words: Box<[AtomicU64]>,
}

/// Makes marks: equal names have equal marks, and few others have.
///
/// The numbers are random, so nobody outside can choose names whose marks are equal. It is no
/// cryptographic hash, and a mark alone decides nothing.
pub(super) struct FilterHasher {
    start: u64,
    factor: u64,
}

impl BloomFilter {
    /// A byte for each place of the map: one or two in a hundred other names get past it.
    const PLACES_OF_A_WORD: usize = 8;

    pub(super) fn for_places(places: usize) -> Self {
        let words = (0..places / Self::PLACES_OF_A_WORD).map(|_| AtomicU64::default());
        Self {
            words: words.collect(),
        }
    }

    /// Checks whether a name with one of these marks may have been added. All words are read, without a
    /// branch.
    pub(crate) fn may_contain(&self, marks: impl IntoIterator<Item = u64>) -> bool {
        let Some(last) = self.words.len().checked_sub(1) else {
            return false;
        };
        marks.into_iter().fold(false, |any, mark| {
            let (at, bits) = Self::bits(mark);
            let word = self.words[at & last].load(Ordering::Relaxed);
            any | (word & bits == bits)
        })
    }

    /// Adds a name, by its mark. There must be words.
    pub(super) fn add(&self, mark: u64) {
        let (at, bits) = Self::bits(mark);
        self.words[at & (self.words.len() - 1)].fetch_or(bits, Ordering::Relaxed);
    }

    /// Returns the word of a mark, before it is cut to their number, and its bits there.
    fn bits(mark: u64) -> (usize, u64) {
        let bit = |shift: u32| 1_u64 << (mark >> shift & 63);
        ((mark >> 32) as usize, bit(0) | bit(6) | bit(12))
    }
}

impl FilterHasher {
    pub(super) fn random() -> Self {
        let random = RandomState::new();
        Self {
            start: random.hash_one(0),
            factor: random.hash_one(1) | 1,
        }
    }

    pub(super) fn mark(&self, name: &[u8]) -> u64 {
        let start = self.mix(self.start ^ name.len() as u64);
        let (words, rest) = name.as_chunks::<8>();
        let words = words.iter().map(|word| u64::from_le_bytes(*word));
        // The last word may overlap the one before; of a short name it is the bytes it has.
        let last = match name.last_chunk::<8>() {
            _ if rest.is_empty() => None,
            Some(last) => Some(u64::from_le_bytes(*last)),
            None => Some(
                rest.iter()
                    .fold(0, |word, byte| word << 8 | u64::from(*byte)),
            ),
        };
        words
            .chain(last)
            .fold(start, |mark, word| self.mix(mark ^ word))
    }

    /// Multiplies, and folds both halves of the product into one.
    #[allow(clippy::cast_possible_truncation)] // the upper half is not lost
    fn mix(&self, word: u64) -> u64 {
        let product = u128::from(word) * u128::from(self.factor);
        product as u64 ^ (product >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_of_any_length_have_marks_of_their_own() {
        let marker = FilterHasher::random();
        let text: Vec<u8> = (0..40).collect();
        let names = (0..40).flat_map(|length| [&text[..length], &text[40 - length..]]);
        let zeros = [0; 40];
        let names: HashSet<&[u8]> = names
            .chain((0..40).map(|length| &zeros[..length]))
            .collect();
        let marks: HashSet<u64> = names.iter().map(|name| marker.mark(name)).collect();
        assert_eq!(marks.len(), names.len());
    }

    #[test]
    fn every_byte_counts_in_what_the_filter_uses() {
        let marker = FilterHasher::random();
        for length in 1..40 {
            let name = vec![b'a'; length];
            for at in 0..length {
                let mut other = name.clone();
                other[at] = b'b';
                let differ = marker.mark(&name) ^ marker.mark(&other);
                assert!(differ as u32 != 0 && differ >> 32 != 0, "{at} of {length}");
            }
        }
    }

    #[test]
    fn each_marker_has_its_own_marks() {
        let mark = || FilterHasher::random().mark(b"AAECAwQFBgcICQoLDA0ODw");
        assert_ne!(mark(), mark());
    }

    #[test]
    fn hardly_any_other_name_gets_past_the_filter() {
        const ENTRIES: u64 = 8_192;
        let marker = FilterHasher::random();
        let mark = |n: u64| marker.mark(format!("token-{n}").as_bytes());
        let filter = BloomFilter::for_places(2 * ENTRIES as usize);
        (0..ENTRIES).for_each(|n| filter.add(mark(n)));
        let gets_past = |n: &u64| filter.may_contain([mark(*n)]);
        assert!((0..ENTRIES).all(|n| gets_past(&n)));
        let others = (ENTRIES..ENTRIES + 100_000).filter(gets_past).count();
        assert!(others < 2_000, "{others} of 100,000");
    }
}
