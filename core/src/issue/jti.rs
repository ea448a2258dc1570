//! Random identifiers of tokens (`jti`), generated in batches.
//!
//! Asking for random bytes costs about as much as an HMAC, and hardly more for many than for few. So
//! each thread asks for those of several tokens at once. The rest of a batch is thrown away in the
//! next second and in another process: a forked process does not use the identifiers of its parent, nor
//! a copied machine those of the original, unless its clock stands still.

use std::cell::RefCell;

use crate::jose::{NoRandomness, base64url, crypto};

/// The identifier of a token.
#[derive(Clone)]
pub(super) enum Id {
    /// Set by the app's claims.
    Own(Box<str>),
    Random(TokenId),
}

impl Id {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Own(text) => text,
            Self::Random(id) => id.as_str(),
        }
    }
}

/// 128 random bits in base64url.
#[derive(Clone, Copy)]
pub(super) struct TokenId([u8; 22]);

impl TokenId {
    /// Generates one that is almost surely new. `now` is the time, in seconds since 1970.
    pub(super) fn random(now: i64) -> Result<Self, NoRandomness> {
        let bytes = BATCH.with_borrow_mut(|batch| batch.take(now, process()))?;
        let mut text = [0; 22];
        base64url::encode_to(&bytes, &mut text);
        Ok(Self(text))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn as_str(&self) -> &str {
        // Base64url is ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The bits of one identifier.
type Bits = [u8; 16];

/// The identifiers that a thread has generated, and not used yet. They are no secrets: tokens show them.
struct IdBatch {
    bits: [Bits; IdBatch::SIZE],
    left: usize,
    /// The second and the process that they are for.
    second: i64,
    process: u32,
}

thread_local! {
    // It has no destructor, so a thread has it to its end.
    static BATCH: RefCell<IdBatch> = const { RefCell::new(IdBatch::EMPTY) };
}

impl IdBatch {
    const SIZE: usize = 32;

    const EMPTY: Self = Self {
        bits: [[0; 16]; Self::SIZE],
        left: 0,
        second: 0,
        process: 0,
    };

    fn take(&mut self, second: i64, process: u32) -> Result<Bits, NoRandomness> {
        if (self.second, self.process) != (second, process) {
            self.left = 0;
        }
        if self.left == 0 {
            crypto::random(self.bits.as_flattened_mut())?;
            (self.second, self.process) = (second, process);
            self.left = Self::SIZE;
        }
        self.left -= 1;
        Ok(self.bits[self.left])
    }
}

/// Returns the number of this process. Elsewhere than on Unix there are no forks, and not always numbers.
fn process() -> u32 {
    if cfg!(unix) { std::process::id() } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    fn draw(batch: &mut IdBatch, count: usize, second: i64, process: u32) -> Vec<Bits> {
        let all = (0..count).map(|_| batch.take(second, process).unwrap());
        all.collect()
    }

    #[test]
    fn no_identifier_comes_twice() {
        let draw = || (0..1_000).map(|n| TokenId::random(n / 100).unwrap().0);
        let threads = [(); 4].map(|()| thread::spawn(move || draw().collect::<Vec<_>>()));
        let all: HashSet<_> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .chain(draw())
            .collect();
        assert_eq!(all.len(), 5_000);
    }

    #[test]
    fn a_batch_is_used_in_its_second_and_its_process() {
        let mut batch = IdBatch::EMPTY;
        let first = draw(&mut batch, 2, 1, 7);
        let left = batch.bits;
        assert_eq!(draw(&mut batch, 1, 1, 7), [left[IdBatch::SIZE - 3]]);
        assert!(first.iter().all(|bits| left.contains(bits)));
        for (second, process) in [(2, 7), (2, 8), (1, 8)] {
            let [other] = draw(&mut batch, 1, second, process)[..] else {
                unreachable!("one was asked for")
            };
            assert!(!left.contains(&other), "{second} {process}");
            assert_eq!(batch.left, IdBatch::SIZE - 1);
        }
    }

    #[test]
    fn a_batch_that_is_used_up_is_followed_by_another() {
        let mut batch = IdBatch::EMPTY;
        let all: HashSet<_> = draw(&mut batch, IdBatch::SIZE * 3, 1, 7)
            .into_iter()
            .collect();
        assert_eq!(all.len(), IdBatch::SIZE * 3);
    }
}
