//! Counters by which what is kept about a subject notices a revocation.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::revocation::Revoked;

/// Counts the revocations of all tokens of a subject, by a hash of its name. Subjects share counters: then what is kept
/// about one is dropped for the other, too, which costs a lookup.
pub(super) struct SubjectChanges {
    counters: Box<[AtomicU64]>,
    /// It has a random key, so that nobody can choose whom to share a counter with.
    hasher: RandomState,
}

const COUNTERS: usize = 1_024;

impl SubjectChanges {
    pub(super) fn new() -> Self {
        Self {
            counters: (0..COUNTERS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }

    /// Notes a revocation. It is in the list already.
    pub(super) fn note(&self, revoked: &Revoked) {
        match revoked {
            Revoked::Subject { subject, .. } | Revoked::Sessionless { subject, .. } => {
                self.counter(subject).fetch_add(1, Ordering::Release);
            }
            Revoked::Everyone { .. } => {
                for counter in &self.counters {
                    counter.fetch_add(1, Ordering::Release);
                }
            }
            Revoked::Session(_) | Revoked::Token(_) => {}
        }
    }

    /// Returns the count of a subject, whatever its realm. It only grows.
    pub(super) fn of(&self, subject: &str) -> u64 {
        self.counter(subject).load(Ordering::Acquire)
    }

    fn counter(&self, subject: &str) -> &AtomicU64 {
        let hash = self.hasher.hash_one(subject);
        let index = usize::try_from(hash % COUNTERS as u64).unwrap_or(0);
        &self.counters[index]
    }
}
