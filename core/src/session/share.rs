//! The share of each subject in the revocation list.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
};

use crate::claims::Realm;

/// Counts the endings of each subject at this node that took an entry of the revocation list.
///
/// A login and a logout leave an entry until the session's access tokens have expired. Somebody with
/// one password could fill the list with them, and then nobody's token could be checked. So a subject
/// gets a hundredth of the list in a period, and then one entry for all of its tokens that are not
/// younger than those of the session that ends.
///
/// Subjects share counters. A subject that shares one with a busy subject has its tokens revoked together,
/// too, which costs its other sessions no more than a refresh.
pub(super) struct Shares {
    counters: Mutex<Counters>,
    /// It has a random key, so that nobody can choose whom to share a counter with.
    hasher: RandomState,
    /// The entries for single sessions that a subject may have in each period.
    share: u32,
    /// In seconds: as long as an entry lives.
    period: i64,
}

struct Counters {
    counts: Box<[u32; COUNTERS]>,
    /// When the period began, in seconds since 1970.
    since: i64,
}

const COUNTERS: usize = 4_096;

impl Shares {
    /// Makes the shares of a list of so many entries, each of which lives for a period.
    pub(super) fn new(capacity: usize, period: i64) -> Self {
        Self {
            counters: Mutex::new(Counters {
                counts: Box::new([0; COUNTERS]),
                since: i64::MIN,
            }),
            hasher: RandomState::new(),
            share: u32::try_from(capacity / 100).unwrap_or(u32::MAX),
            period,
        }
    }

    /// Takes an entry for one session at a time in seconds since 1970. `false` when the subject has had
    /// its share.
    pub(super) fn take(&self, realm: &Realm, subject: &str, now: i64) -> bool {
        let hash = self.hasher.hash_one((realm, subject));
        // Nothing in here can panic half way.
        let counters = self.counters.lock();
        let mut counters = counters.unwrap_or_else(PoisonError::into_inner);
        // Also when the clock went back.
        if now.abs_diff(counters.since) > self.period.unsigned_abs() {
            counters.counts.fill(0);
            counters.since = now;
        }
        let index = usize::try_from(hash % COUNTERS as u64).unwrap_or(0);
        let count = &mut counters.counts[index];
        let has_room = *count < self.share;
        *count += u32::from(has_room);
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn a_subject_gets_its_share_in_each_period() {
        let shares = Shares::new(20_000, 900);
        let realm = Realm::new("shop").unwrap();
        let take = |now| {
            (0..1_000)
                .filter(|_| shares.take(&realm, "ada", now))
                .count()
        };
        assert_eq!(take(NOW), 200);
        assert_eq!(take(NOW + 900), 0);
        assert_eq!(take(NOW + 901), 200);
        assert_eq!(take(NOW - 1), 200);
    }

    #[test]
    fn one_subject_leaves_the_others_theirs() {
        let shares = Shares::new(20_000, 900);
        let realm = Realm::new("shop").unwrap();
        while shares.take(&realm, "ada", NOW) {}
        let subjects = (0..100).map(|n| format!("user-{n}"));
        let own = subjects.filter(|subject| shares.take(&realm, subject, NOW));
        // The others share a counter with her: each has a chance of one in 4,096.
        assert!(own.count() > 90);
    }
}
