//! The keys of cached tokens.

use std::{
    hash::BuildHasher,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{keys::KeySetId, sync::RandomState};

/// The basis of a verdict beside the token. An entry counts only if both parts still match.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheScope {
    pub(crate) verifier: VerifierId,
    pub(crate) keys: KeySetId,
}

/// Tells a verifier, with its settings, from every other of this process.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct VerifierId(u64);

impl VerifierId {
    /// Makes one that no verifier has had.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The key that a token is looked up by.
#[derive(Clone, Copy)]
pub(super) struct CacheKey<'t> {
    /// A quick hash of the end of the text.
    pub(super) tag: u64,
    pub(super) scope: CacheScope,
    pub(super) text: &'t [u8],
}

impl<'t> CacheKey<'t> {
    /// The bytes that are hashed. They belong to the signature, which nobody chooses.
    const END: usize = 32;

    /// Returns the end of the text.
    pub(super) fn end(&self) -> &'t [u8] {
        &self.text[self.text.len().saturating_sub(Self::END)..]
    }
}

/// Makes the tags of one cache, which nobody outside can predict.
pub(super) struct Tags([u64; 4]);

impl Tags {
    /// The longest token that is kept, in bytes.
    const LARGEST_TOKEN: usize = 4 << 10;

    pub(super) fn random() -> Self {
        let state = RandomState::new();
        Self([1, 2, 3, 4].map(|n: u64| state.hash_one(n)))
    }

    /// Returns the key of a token; `None` for a text that is never kept, too short for a token or too long.
    pub(super) fn key<'t>(&self, text: &'t [u8], scope: CacheScope) -> Option<CacheKey<'t>> {
        let end = text
            .last_chunk::<{ CacheKey::END }>()
            .filter(|_| text.len() <= Self::LARGEST_TOKEN)?;
        let (words, _) = end.as_chunks::<8>();
        let word = |n: usize| u64::from_le_bytes(words[n]) ^ self.0[n];
        let tag = fold(word(0) ^ scope.verifier.0, word(1)) ^ fold(word(2), word(3));
        Some(CacheKey { tag, scope, text })
    }
}

/// Multiplies, and folds both halves of the product into one.
#[allow(clippy::cast_possible_truncation)] // the upper half is not lost
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeySet;

    fn scope() -> CacheScope {
        CacheScope {
            verifier: VerifierId::new(),
            keys: KeySet::new([]).id(),
        }
    }

    fn tag(tags: &Tags, text: &[u8], scope: CacheScope) -> u64 {
        tags.key(text, scope).expect("a text that may be kept").tag
    }

    #[test]
    fn a_text_that_is_too_short_or_too_long_has_no_key() {
        let (tags, scope) = (Tags::random(), scope());
        let end = |length| Some(tags.key(&vec![b'x'; length], scope)?.end().len());
        for (length, expected) in [
            (0, None),
            (31, None),
            (32, Some(32)),
            (4_096, Some(32)),
            (4_097, None),
        ] {
            assert_eq!(end(length), expected, "{length}");
        }
    }

    #[test]
    fn every_bit_of_the_end_changes_half_of_the_tag() {
        const CACHES: usize = 32;
        let (scope, length) = (scope(), 2 * CacheKey::END);
        let text: Vec<u8> = (0..length).map(|n| b'a' + n as u8 % 7).collect();
        let mut changes = 0;
        for tags in (0..CACHES).map(|_| Tags::random()) {
            let plain = tag(&tags, &text, scope);
            for bit in 8 * CacheKey::END..8 * length {
                let mut other = text.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                let change = plain ^ tag(&tags, &other, scope);
                assert_ne!(change, 0, "{bit}");
                changes += change.count_ones();
            }
        }
        let each = f64::from(changes) / (8 * CacheKey::END * CACHES) as f64;
        assert!((29.0..35.0).contains(&each), "{each} of 64 bits");
    }

    #[test]
    fn each_cache_and_each_verifier_has_tags_of_its_own() {
        let (one, other) = (Tags::random(), Tags::random());
        let (first, second) = (scope(), scope());
        let text = [b'a'; CacheKey::END];
        assert_ne!(tag(&one, &text, first), tag(&other, &text, first));
        assert_ne!(tag(&one, &text, first), tag(&one, &text, second));
    }
}
