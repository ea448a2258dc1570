//! The gaps of a table.

use std::sync::atomic::Ordering;

use crate::sync::AtomicI64;

/// The entries that a table lacks, by the last second in which one of them counts.
pub(super) struct Gaps(AtomicI64);

impl Gaps {
    pub(super) fn none() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }

    /// Notes that an entry is missing which counts until then.
    pub(super) fn note(&self, until: i64) {
        self.0.fetch_max(until, Ordering::Relaxed);
    }

    /// Returns the last second in which a missing entry counts. Nothing else is read because of it.
    pub(super) fn until(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Checks whether an entry is missing that counts now.
    pub(super) fn matter_at(&self, now: i64) -> bool {
        self.until() >= now
    }
}
