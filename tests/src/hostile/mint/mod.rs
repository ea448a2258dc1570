//! Cases of the corpus for another time: their times moved, and signed again by who signed them.
//!
//! A case is for the clock of the corpus. A program runs on the clock of the machine, where all its
//! tokens are too old, or not valid yet: each would be refused, whatever else is wrong with it. So
//! the times in it are moved, nothing else, and what had a good signature gets a good one again.
//!
//! What is hostile about a signature stays so: one that is cut, in DER, or by a stranger is cut, in
//! DER, or by that stranger again. One that nobody made keeps its bytes.

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
    /// With the keys of the corpus.
    #[must_use]
    pub fn new(keys: &TestKeys) -> Self {
        Self(Signers::new(keys))
    }

    /// How to mint this case.
    #[must_use]
    pub fn recipe(&self, case: &Case) -> Recipe {
        Recipe::new(&self.0, case)
    }
}
