//! The keys that this process has seen of late, and how many invented ones it may ask the store about.

use std::{
    cmp::Ordering,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::session::login_limits::{Aging, Bounded, Second};

/// What checks of API keys have shown of late.
///
/// Anybody can invent a key of the right form, and only the store can tell. So a process asks about few that turn out
/// wrong; beyond that it asks only about keys that were good before, and slowly about those that come again: a client
/// repeats the key that it has, while a flood is one of ever new ones. A key that there was not will never be: it is
/// remembered, so that one client with a revoked key uses up nothing.
pub(super) struct Known {
    good: Bounded<Good>,
    gone: Bounded<Gone>,
    /// Keys that were refused although there is one of their id, by their hash: wrong, expired, or of another realm.
    refused: Bounded<Gone>,
    /// Keys that came when there was no question left for them, by their hash.
    waiting: Bounded<Waiting>,
    failures: Mutex<Failures>,
    per_minute: u32,
}

/// A question to the store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// One of those that a minute has.
    Counted,
    /// About a key that was good of late.
    Free,
    /// Of the reserve, about a key that came again.
    Reserve,
}

/// A key that was accepted, by its hash.
struct Good {
    seen: Second,
    /// When its last use was handed to the store.
    noted: Option<Second>,
}

/// An id that there was not.
struct Gone(Second);

/// A key that nobody was asked about: since when it comes.
struct Waiting(Second);

/// The failures of a minute.
#[derive(Default)]
struct Failures {
    minute: i64,
    count: u32,
    /// Those among the questions of the reserve.
    of_reserve: u32,
}

/// The time for which a good key is remembered, in seconds.
const REMEMBERED: u32 = 86_400;
/// The time for which an id that there was not is remembered, in seconds.
const GONE: u32 = 60;
/// The time for which a key that nobody was asked about is remembered, in seconds.
const WAITING: u32 = 600;
/// The share of the failures of a minute that keys may have in addition that come again: one in so many.
const RESERVE: u32 = 10;
/// The time between two notes of the use of one key, in seconds.
pub(super) const NOTED: u32 = 3_600;

impl Known {
    pub(super) fn new(per_minute: u32) -> Self {
        Self {
            good: Bounded::new(),
            gone: Bounded::new(),
            refused: Bounded::new(),
            waiting: Bounded::new(),
            failures: Mutex::default(),
            per_minute,
        }
    }

    /// Returns whether the store may be asked about a key. One that is not known to be good counts as a failure until it is
    /// [accepted](Self::accepted): many at once, and a store that does not answer, are bounded by that.
    pub(super) fn may_ask(&self, hash: u64, now: i64) -> Option<Turn> {
        let is_there = self.failures_in(now, |failures| {
            let is_there = failures.count < self.per_minute;
            failures.count += u32::from(is_there);
            is_there
        });
        if is_there {
            return Some(Turn::Counted);
        }
        let second = Second::new(now);
        if self.good.with(hash, |good| !good.is_over(second)) == Some(true) {
            return Some(Turn::Free);
        }
        (self.comes_again(hash, second) && self.takes_of_reserve(now)).then_some(Turn::Reserve)
    }

    /// Returns whether a key came in an earlier second, when there was no question left for it. Notes one that is new.
    fn comes_again(&self, hash: u64, now: Second) -> bool {
        let new = || Waiting(now);
        self.waiting.with_new(hash, now, new, |waiting| {
            if waiting.is_over(now) {
                *waiting = new();
            }
            waiting.0 != now
        })
    }

    /// Takes a question of the reserve, which grows from second to second.
    fn takes_of_reserve(&self, now: i64) -> bool {
        let of_minute = u64::from((self.per_minute / RESERVE).max(1));
        let second = now.rem_euclid(60).unsigned_abs();
        let so_far = ((second + 1) * of_minute).div_ceil(60);
        self.failures_in(now, |failures| {
            let is_there = u64::from(failures.of_reserve) < so_far;
            failures.of_reserve += u32::from(is_there);
            is_there
        })
    }

    /// Returns whether a key was refused a moment ago, or there was none of its id.
    pub(super) fn is_refused(&self, hash: u64, id: u64, now: i64) -> bool {
        let now = Second::new(now);
        let has =
            |refused: &Bounded<Gone>, of| refused.with(of, |one| !one.is_over(now)) == Some(true);
        has(&self.gone, id) || has(&self.refused, hash)
    }

    /// Notes that there is no key of this id.
    pub(super) fn is_none(&self, id: u64, now: i64) {
        Self::note(&self.gone, id, now);
    }

    /// Notes a key that is refused although there is one of its id.
    pub(super) fn failed(&self, hash: u64, now: i64) {
        Self::note(&self.refused, hash, now);
    }

    fn note(refused: &Bounded<Gone>, of: u64, now: i64) {
        let second = Second::new(now);
        let gone = || Gone(second);
        refused.with_new(of, second, gone, |gone| gone.0 = second);
    }

    /// Notes a key that was accepted. Returns whether the store is to be told of its use: `last_used_at` is what it knows.
    pub(super) fn accepted(
        &self,
        turn: Turn,
        hash: u64,
        last_used_at: Option<i64>,
        now: i64,
    ) -> bool {
        self.give_back(turn, now);
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

    /// Counts in the minute of a request that comes.
    fn failures_in<R>(&self, now: i64, f: impl FnOnce(&mut Failures) -> R) -> R {
        let mut failures = self.failures();
        let minute = now.div_euclid(60);
        // A thread that read the clock just before the minute began counts in the new one.
        let was_set_back = minute < failures.minute.saturating_sub(1);
        if minute > failures.minute || was_set_back {
            *failures = Failures {
                minute,
                ..Failures::default()
            };
        }
        f(&mut failures)
    }

    /// Gives back the question about a key that turned out good, unless its minute is over: what counts now is not what it took.
    fn give_back(&self, turn: Turn, asked_at: i64) {
        let mut failures = self.failures();
        if failures.minute != asked_at.div_euclid(60) {
            return;
        }
        match turn {
            Turn::Counted => failures.count = failures.count.saturating_sub(1),
            Turn::Reserve => failures.of_reserve = failures.of_reserve.saturating_sub(1),
            Turn::Free => {}
        }
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        // A panic half way leaves numbers.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
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

impl Aging for Waiting {
    fn is_over(&self, now: Second) -> bool {
        self.0.age(now).is_none_or(|age| age >= WAITING)
    }

    fn matter(&self, other: &Self, now: Second) -> Ordering {
        other.0.age(now).cmp(&self.0.age(now))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns numbers that are spread as hashes are.
    fn hash(number: u64) -> u64 {
        number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    #[test]
    fn an_answer_about_the_last_minute_gives_nothing_back_in_this_one() {
        let known = Known::new(3);
        let is_asked = |number, now| known.may_ask(hash(number), now) == Some(Turn::Counted);
        assert!(is_asked(1, 59));
        for number in 2..5 {
            assert!(is_asked(number, 60));
        }
        // From a store that took its time, and from a thread that read the clock a moment ago.
        known.accepted(Turn::Counted, hash(1), None, 59);
        assert!(!is_asked(5, 59));
        assert!(!is_asked(6, 60));
        known.accepted(Turn::Counted, hash(2), None, 60);
        assert!(is_asked(7, 60));
        assert!(!is_asked(8, 60));
    }

    #[test]
    fn a_clock_that_was_set_back_locks_nobody_out() {
        let known = Known::new(3);
        for number in 0..3 {
            assert!(known.may_ask(hash(number), 6_000).is_some());
        }
        assert!(known.may_ask(hash(3), 6_000).is_none());
        assert!(known.may_ask(hash(4), 60) == Some(Turn::Counted));
    }

    #[test]
    fn ten_thousand_invented_keys_a_second_do_not_push_out_a_key_that_comes_again_after_five() {
        const GOOD: u64 = 7;
        const SECONDS: i64 = 12;

        let known = Known::new(600);
        let mut number = 0;
        let mut flood = |now| {
            for _ in 0..10_000 {
                number += 1;
                let turn = known.may_ask(hash(number), now);
                assert!(turn.is_none_or(|turn| turn == Turn::Counted));
            }
        };
        for now in 0..SECONDS {
            flood(now);
        }
        assert!(known.may_ask(GOOD, SECONDS).is_none());
        for now in SECONDS..SECONDS + 5 {
            flood(now);
        }
        assert!(known.may_ask(GOOD, SECONDS + 5) == Some(Turn::Reserve));
    }
}
