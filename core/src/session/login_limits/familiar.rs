//! The networks from which an account has logged in.

use std::cmp::Ordering;

use super::bounded::{Aging, Bounded, Second};

/// Remembers successful logins by account and network for 30 days, as far as there is room.
///
/// There, an account has a limit of its own, so that strangers who fail elsewhere do not lock its
/// owner out, however long they go on.
pub(super) struct Familiar(Bounded<LastLogin>);

struct LastLogin(Second);

const REMEMBERED: u32 = 30 * 86_400;

impl Familiar {
    pub(super) fn new() -> Self {
        Self(Bounded::new())
    }

    pub(super) fn contains(&self, key: u64, now: Second) -> bool {
        self.0.with(key, |last| !last.is_over(now)) == Some(true)
    }

    pub(super) fn insert(&self, key: u64, now: Second) {
        let last = || LastLogin(now);
        self.0.with_new(key, now, last, |last| last.0 = now);
    }
}

impl Aging for LastLogin {
    fn is_over(&self, now: Second) -> bool {
        self.0.age(now) >= Some(REMEMBERED)
    }

    fn matter(&self, other: &Self, now: Second) -> Ordering {
        other.0.age(now).cmp(&self.0.age(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_remembered_for_30_days_after_the_last_one() {
        let familiar = Familiar::new();
        let day = |days: i64| Second::new(1_700_000_000 + days * 86_400);
        familiar.insert(1, day(0));
        familiar.insert(1, day(20));
        assert!(familiar.contains(1, day(49)));
        assert!(!familiar.contains(1, day(50)));
        assert!(!familiar.contains(2, day(20)));
    }
}
