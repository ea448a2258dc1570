//! The keys that this process has seen of late, and how many invented ones it may ask the store about.

use std::{
    cmp::Ordering,
    sync::{Mutex, PoisonError},
};

use crate::session::login_limits::{Aging, Bounded, Second};

/// What checks of API keys have shown of late.
///
/// Anybody can invent a key of the right form, and only the store can tell. So a process asks about few that turn out
/// wrong; beyond that it asks only about keys that were good before. A key that there was not will never be: it is
/// remembered, so that one client with a revoked key uses up nothing.
pub(super) struct Known {
    good: Bounded<Good>,
    gone: Bounded<Gone>,
    failures: Mutex<Failures>,
    per_minute: u32,
}

/// A key that was accepted, by its hash.
struct Good {
    seen: Second,
    /// When its last use was handed to the store.
    noted: Option<Second>,
}

/// An id that there was not.
struct Gone(Second);

/// The failures of a minute.
#[derive(Default)]
struct Failures {
    minute: i64,
    count: u32,
}

/// The time for which a good key is remembered, in seconds.
const REMEMBERED: u32 = 86_400;
/// The time for which an id that there was not is remembered, in seconds.
const GONE: u32 = 60;
/// The time between two notes of the use of one key, in seconds.
pub(super) const NOTED: u32 = 3_600;

impl Known {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            good: Bounded::new(),
            gone: Bounded::new(),
            failures: Mutex::default(),
            per_minute,
        }
    }

    /// Returns whether the store may be asked about a key.
    pub(super) fn may_ask(&self, hash: u64, now: i64) -> bool {
        let is_good = || {
            let now = Second::new(now);
            self.good.with(hash, |good| !good.is_over(now)) == Some(true)
        };
        self.failures_in(now, |count| *count < self.per_minute) || is_good()
    }

    /// Returns whether there was no such id a moment ago.
    pub(super) fn is_gone(&self, id: u64, now: i64) -> bool {
        let now = Second::new(now);
        self.gone.with(id, |gone| !gone.is_over(now)) == Some(true)
    }

    /// Notes a key that turned out wrong; `id` where there is none of its id.
    pub(super) fn failed(&self, id: Option<u64>, now: i64) {
        self.failures_in(now, |count| *count = count.saturating_add(1));
        if let Some(id) = id {
            let second = Second::new(now);
            let gone = || Gone(second);
            self.gone.with_new(id, second, gone, |gone| gone.0 = second);
        }
    }

    /// Notes a key that was accepted. Returns whether the store is to be told of its use: `last_used_at` is what it knows.
    pub(super) fn accepted(&self, hash: u64, last_used_at: Option<i64>, now: i64) -> bool {
        let second = Second::new(now);
        let new = || Good {
            seen: second,
            noted: None,
        };
        self.good.with_new(hash, second, new, |good| {
            good.seen = second;
            let is_recent = |at: Second| at.age(second).is_some_and(|age| age < NOTED);
            let is_noted = last_used_at.map(Second::new).is_some_and(is_recent)
                || good.noted.is_some_and(is_recent);
            if !is_noted {
                good.noted = Some(second);
            }
            !is_noted
        })
    }

    fn failures_in<R>(&self, now: i64, f: impl FnOnce(&mut u32) -> R) -> R {
        // A panic half way leaves a number.
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.div_euclid(60);
        if failures.minute != minute {
            *failures = Failures { minute, count: 0 };
        }
        f(&mut failures.count)
    }
}

impl Aging for Good {
    fn is_over(&self, now: Second) -> bool {
        self.seen.age(now) >= Some(REMEMBERED)
    }

    fn matter(&self, other: &Self, now: Second) -> Ordering {
        other.seen.age(now).cmp(&self.seen.age(now))
    }
}

impl Aging for Gone {
    fn is_over(&self, now: Second) -> bool {
        self.0.age(now).is_none_or(|age| age >= GONE)
    }

    fn matter(&self, other: &Self, now: Second) -> Ordering {
        other.0.age(now).cmp(&self.0.age(now))
    }
}
