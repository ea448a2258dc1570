//! Cases of the corpus for another time: their times are moved, and their signatures made again.
//!
//! A case is for the clock of the corpus. A program runs on the clock of the machine, where all its
//! tokens are too old, or not valid yet: each would be refused, whatever else is wrong with it. So
//! only the times in it are moved, and a good signature is made again.
//!
//! The hostile part of a signature is kept: one that is cut, in DER, or by a stranger is again cut,
//! in DER, or by that stranger. One that no key made keeps its bytes.

mod encodings;
mod recipe;
mod signers;
mod text;
mod times;
mod twist;

pub use self::recipe::{Minted, Recipe};

use crate::hostile::{Case, TestKeys};
use signers::Signers;

/// Mints cases for another time.
pub struct Mint(Signers);

impl Mint {
    /// Creates a mint with the keys of the corpus.
    #[must_use]
    pub fn new(keys: &TestKeys) -> Self {
        Self(Signers::new(keys))
    }

    /// Returns the way to mint this case.
    #[must_use]
    pub fn recipe(&self, case: &Case) -> Recipe {
        Recipe::new(&self.0, case)
    }
}
