//! The keys of proofs that were good lately, so that their next proof needs no parsing of a key.

use std::fmt;

use quick_cache::sync::Cache;

use crate::jose::{Key, Thumbprint};

/// The public key of a client, with its thumbprint.
#[derive(Clone)]
pub(super) struct ProofKey {
    pub(super) key: Key,
    pub(super) thumbprint: Thumbprint,
}

/// Keys by the encoded header of their proofs, which a client writes in the same way each time.
///
/// Only headers of proofs whose signature was good for a token that is bound to the key come in here.
pub(super) struct KnownKeys(Cache<Box<str>, ProofKey>);

impl KnownKeys {
    /// The most keys that are kept. With those of 2,048-bit RSA, they take some 20 MB.
    const MOST: usize = 10_000;
    /// The longest header that is kept, in bytes.
    const LONGEST: usize = 1 << 10;

    pub(super) fn new() -> Self {
        Self(Cache::new(Self::MOST))
    }

    pub(super) fn get(&self, header: &str) -> Option<ProofKey> {
        self.0.get(header)
    }

    pub(super) fn keep(&self, header: &str, key: &ProofKey) {
        if header.len() <= Self::LONGEST {
            self.0.insert(header.into(), key.clone());
        }
    }
}

impl fmt::Debug for KnownKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownKeys").finish_non_exhaustive()
    }
}
