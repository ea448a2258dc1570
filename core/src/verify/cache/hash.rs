//! Where a token is looked for: keyed hashes of its end.

use std::hash::{BuildHasher, Hasher};

use super::scope::VerifierId;
use crate::sync::RandomState;

/// The last bytes of a token. They belong to the signature, which nobody chooses.
pub(super) type End = [u8; END];

const END: usize = 32;

/// The end of a token; `None` if it is too short to be one.
pub(super) fn end(text: &[u8]) -> Option<&End> {
    text.last_chunk()
}

/// Makes the hashes of one cache.
pub(super) struct Hashes {
    state: RandomState,
    secret: [u64; 4],
}

impl Hashes {
    pub(super) fn new() -> Self {
        let state = RandomState::new();
        Self {
            secret: [1, 2, 3, 4].map(|n: u64| state.hash_one(n)),
            state,
        }
    }

    /// For the shared table, where colliding entries would stand in a row: SipHash.
    pub(super) fn strong(&self, end: &End, length: usize, verifier: VerifierId) -> u64 {
        let mut hasher = self.state.build_hasher();
        hasher.write(end);
        hasher.write_usize(length);
        hasher.write_u64(verifier.number());
        hasher.finish()
    }

    /// For the table of one thread, where those that collide only take each other's place: two
    /// multiplications.
    pub(super) fn quick(&self, end: &End, verifier: VerifierId) -> u64 {
        let word = |n: usize| {
            let (words, _) = end.as_chunks::<8>();
            u64::from_le_bytes(words[n]) ^ self.secret[n]
        };
        fold(word(0) ^ verifier.number(), word(1)) ^ fold(word(2), word(3))
    }
}

/// Both halves of the product.
#[allow(clippy::cast_possible_truncation)] // that is what the halves are
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_shorter_than_the_end_has_none() {
        assert!(end(&[b'x'; 31]).is_none());
        assert_eq!(end(&[b'x'; 32]), Some(&[b'x'; 32]));
        assert!(end(b"").is_none());
    }

    #[test]
    fn every_byte_of_the_end_counts() {
        let hashes = Hashes::new();
        let verifier = VerifierId::new();
        let end = [b'a'; END];
        for at in 0..END {
            let mut other = end;
            other[at] = b'b';
            assert_ne!(
                hashes.quick(&end, verifier),
                hashes.quick(&other, verifier),
                "{at}"
            );
            assert_ne!(
                hashes.strong(&end, 500, verifier),
                hashes.strong(&other, 500, verifier),
                "{at}"
            );
        }
    }

    #[test]
    fn every_bit_of_the_end_changes_half_of_the_quick_hash() {
        const CACHES: usize = 32;
        let verifier = VerifierId::new();
        let end = std::array::from_fn(|n| b'a' + n as u8 % 7);
        let mut changes = 0;
        for hashes in (0..CACHES).map(|_| Hashes::new()) {
            let plain = hashes.quick(&end, verifier);
            for bit in 0..8 * END {
                let mut other = end;
                other[bit / 8] ^= 1 << (bit % 8);
                let change = plain ^ hashes.quick(&other, verifier);
                assert_ne!(change, 0, "{bit}");
                changes += change.count_ones();
            }
        }
        let each = f64::from(changes) / (8 * END * CACHES) as f64;
        assert!((29.0..35.0).contains(&each), "{each} of 64 bits");
    }

    #[test]
    fn each_cache_and_each_verifier_has_its_own() {
        let (one, other) = (Hashes::new(), Hashes::new());
        let (first, second) = (VerifierId::new(), VerifierId::new());
        let end = [b'a'; END];
        assert_ne!(one.quick(&end, first), other.quick(&end, first));
        assert_ne!(one.quick(&end, first), one.quick(&end, second));
        assert_ne!(one.strong(&end, 9, first), other.strong(&end, 9, first));
        assert_ne!(one.strong(&end, 9, first), one.strong(&end, 9, second));
        assert_ne!(one.strong(&end, 9, first), one.strong(&end, 8, first));
    }
}
