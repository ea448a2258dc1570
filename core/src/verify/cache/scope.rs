//! What must be the same for a verdict to count again.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::keys::KeySetId;

/// What a verdict came from, beside the token. Where one of both is another, there was no verdict.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheScope {
    pub(crate) verifier: VerifierId,
    pub(crate) keys: KeySetId,
}

/// Tells a verifier, with its settings, from every other of this process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct VerifierId(u64);

impl VerifierId {
    /// One that no verifier has had.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn number(self) -> u64 {
        self.0
    }
}
