//! Hashing without randomness.

use std::hash::{BuildHasher, DefaultHasher};

/// A random key would make each run of a model another one, and loom repeats its runs.
#[derive(Clone, Default)]
pub(crate) struct RandomState;

impl RandomState {
    pub(crate) fn new() -> Self {
        Self
    }
}

impl BuildHasher for RandomState {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        DefaultHasher::new()
    }
}
