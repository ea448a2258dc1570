//! A quick hash of a name.

use std::hash::BuildHasher;

use crate::sync::RandomState;

/// Makes marks: equal names have equal marks, and few others have.
///
/// The numbers are random, so nobody outside can choose names whose marks meet. But it is no
/// cryptographic hash, and nothing is decided by a mark alone.
pub(super) struct FilterHasher {
    start: u64,
    factor: u64,
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

    /// Both halves of a product, in one.
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
}
