//! Each subject's share of the revocation list.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, PoisonError},
};

use crate::session::Realm;

/// How the access tokens of a session that ends are revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    /// By an entry of its own.
    Own,
    /// By one for all tokens of the subject, until this second: the subject has had its share.
    Joint(i64),
    /// By the joint one of this very second, which is there already.
    Covered,
}

/// Counts the endings of each subject at this node that took an entry of the revocation list.
///
/// A login and a logout leave an entry until the session's access tokens have expired. Somebody with
/// one password could fill the list with them, and then nobody's token could be checked. So a subject
/// gets so many entries in a period, and then one for all of its tokens.
///
/// Subjects share counters. Who shares one with a busy subject has its tokens revoked together, too,
/// which costs its other sessions no more than a refresh.
pub(super) struct Shares {
    counters: Mutex<Counters>,
    /// With a key of its own, so that nobody can choose whom to share a counter with.
    hasher: RandomState,
    /// In seconds: as long as an entry lives.
    period: i64,
}

struct Counters {
    counts: Box<[u16; COUNTERS]>,
    /// The last joint entry of each subject that has had its share: when, and until when.
    joint: HashMap<u64, (i64, i64)>,
    /// When the period began, in seconds since 1970.
    since: i64,
}

const COUNTERS: usize = 4_096;

/// The entries that a subject may have for single sessions, in each period.
const SHARE: u16 = 200;

impl Shares {
    pub(super) fn new(period: i64) -> Self {
        Self {
            counters: Mutex::new(Counters {
                counts: Box::new([0; COUNTERS]),
                joint: HashMap::new(),
                since: i64::MIN,
            }),
            hasher: RandomState::new(),
            period,
        }
    }

    /// Takes an entry for one session, whose tokens live until `until`. Times in seconds since 1970.
    pub(super) fn take(&self, realm: &Realm, subject: &str, now: i64, until: i64) -> Share {
        let hash = self.hasher.hash_one((realm, subject));
        // Nothing in here can panic half way.
        let counters = self.counters.lock();
        let mut counters = counters.unwrap_or_else(PoisonError::into_inner);
        // Also when the clock went back.
        if now.abs_diff(counters.since) > self.period.unsigned_abs() {
            counters.counts.fill(0);
            counters.joint.clear();
            counters.since = now;
        }
        let place = usize::try_from(hash % COUNTERS as u64).unwrap_or(0);
        let count = &mut counters.counts[place];
        if *count < SHARE {
            *count += 1;
            return Share::Own;
        }
        let (at, covered) = counters.joint.entry(hash).or_insert((i64::MIN, i64::MIN));
        if *at == now && until <= *covered {
            return Share::Covered;
        }
        *at = now;
        *covered = until.max(*covered).max(now.saturating_add(self.period));
        Share::Joint(*covered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    #[test]
    fn a_subject_gets_its_share_in_each_period() {
        let shares = Shares::new(900);
        let realm = Realm::new("shop").unwrap();
        let own = |now| {
            let taken = (0..1_000).map(|_| shares.take(&realm, "ada", now, now + 9));
            taken.filter(|share| *share == Share::Own).count()
        };
        assert_eq!(own(NOW), 200);
        assert_eq!(own(NOW + 900), 0);
        assert_eq!(own(NOW + 901), 200);
        assert_eq!(own(NOW - 1), 200);
    }

    #[test]
    fn beyond_its_share_it_gets_one_entry_a_second_that_lives_long_enough() {
        let shares = Shares::new(900);
        let realm = Realm::new("shop").unwrap();
        let take = |now, until| shares.take(&realm, "ada", now, until);
        while take(NOW, NOW + 9) == Share::Own {}
        assert_eq!(take(NOW, NOW + 900), Share::Covered);
        assert_eq!(take(NOW, NOW + 950), Share::Joint(NOW + 950));
        assert_eq!(take(NOW, NOW + 950), Share::Covered);
        assert_eq!(take(NOW + 60, NOW + 10), Share::Joint(NOW + 960));
    }

    #[test]
    fn one_subject_leaves_the_others_theirs() {
        let shares = Shares::new(900);
        let realm = Realm::new("shop").unwrap();
        while shares.take(&realm, "ada", NOW, NOW) == Share::Own {}
        let subjects = (0..100).map(|n| format!("user-{n}"));
        let own = subjects.filter(|name| shares.take(&realm, name, NOW, NOW) == Share::Own);
        // The others share a counter with her: each has a chance of one in 4,096.
        assert!(own.count() > 90);
    }
}
