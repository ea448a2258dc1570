//! The failures of one key within the window.

use std::cmp::Ordering;

use super::bounded::{Aging, Second};

/// The times at which logins failed, or began without having ended yet. At most one entry for each
/// second of the window, whatever the limit.
pub(super) struct Failures {
    window: u32,
    times: Vec<(Second, u32)>,
    /// The last refusal that was news.
    told: Option<Second>,
}

/// The refusal of an attempt: the limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full {
    /// Seconds until there is room, at most the window.
    pub(super) wait: u32,
    /// The first refusal within the window.
    pub(super) is_news: bool,
}

impl Failures {
    pub(super) fn new(window: u32) -> Self {
        Self {
            window,
            times: Vec::new(),
            told: None,
        }
    }

    /// Counts one, unless there are `limit` already.
    pub(super) fn reserve(&mut self, limit: u32, now: Second) -> Result<(), Full> {
        self.forget(now);
        let count = self.count();
        if count < limit {
            self.add(now);
            return Ok(());
        }
        // There is room once enough have left the window, the oldest first.
        let mut left = count;
        let last = self.times.iter().find(|(_, count)| {
            left = left.saturating_sub(*count);
            left < limit
        });
        let age = last.and_then(|(time, _)| time.age(now)).unwrap_or(0);
        let wait = self.window - age;
        let age = self.told.and_then(|told| told.age(now));
        let is_news = age.is_none_or(|age| age >= self.window);
        if is_news {
            self.told = Some(now);
        }
        Err(Full { wait, is_news })
    }

    /// Counts one, however many there are.
    pub(super) fn add(&mut self, now: Second) {
        self.forget(now);
        match self.times.last_mut() {
            Some((time, count)) if *time == now => *count = count.saturating_add(1),
            _ => self.times.push((now, 1)),
        }
    }

    /// Takes back one that was counted at `time`.
    pub(super) fn give_back(&mut self, time: Second) {
        if let Some(at) = self.times.iter().position(|(own, _)| *own == time) {
            self.times[at].1 -= 1;
            if self.times[at].1 == 0 {
                self.times.remove(at);
            }
        }
    }

    fn count(&self) -> u32 {
        self.times
            .iter()
            .map(|(_, count)| *count)
            .fold(0, u32::saturating_add)
    }

    /// Drops failures that are older than the window. After the clock was set back, failures of the
    /// future are moved to now, so that they count no longer than the window.
    fn forget(&mut self, now: Second) {
        self.times
            .retain(|(time, _)| time.age(now) < Some(self.window));
        let ahead = self
            .times
            .extract_if(.., |(time, _)| time.age(now).is_none());
        let ahead = ahead.map(|(_, count)| count).fold(0, u32::saturating_add);
        if ahead > 0 {
            self.times.push((now, ahead));
        }
    }
}

impl Aging for Failures {
    fn is_over(&self, now: Second) -> bool {
        let over = |(time, _): &(Second, u32)| time.age(now) >= Some(self.window);
        self.times.iter().all(over)
    }

    /// Keys with many failures are close to their limit, so they stay.
    fn matter(&self, other: &Self, now: Second) -> Ordering {
        let last = |failures: &Self| failures.times.last().and_then(|(time, _)| time.age(now));
        self.count()
            .cmp(&other.count())
            .then_with(|| last(other).cmp(&last(self)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Second {
        Second::new(1_700_000_000 + seconds)
    }

    fn wait(failures: &mut Failures, limit: u32, now: i64) -> Option<u32> {
        failures.reserve(limit, at(now)).err().map(|full| full.wait)
    }

    #[test]
    fn the_window_slides() {
        let mut failures = Failures::new(60);
        for second in [0, 0, 30] {
            assert_eq!(wait(&mut failures, 3, second), None);
        }
        assert_eq!(wait(&mut failures, 3, 30), Some(30));
        assert_eq!(wait(&mut failures, 3, 59), Some(1));
        // The two of the beginning have gone, the third has not.
        assert_eq!(wait(&mut failures, 3, 60), None);
        assert_eq!(wait(&mut failures, 3, 60), None);
        assert_eq!(wait(&mut failures, 3, 60), Some(30));
    }

    #[test]
    fn refusals_do_not_prolong_it() {
        let mut failures = Failures::new(60);
        assert_eq!(wait(&mut failures, 1, 0), None);
        for second in 1..60 {
            let left = u32::try_from(60 - second).unwrap();
            assert_eq!(wait(&mut failures, 1, second), Some(left));
        }
        assert_eq!(wait(&mut failures, 1, 60), None);
    }

    #[test]
    fn what_is_given_back_makes_room_unless_it_has_expired() {
        let mut failures = Failures::new(60);
        assert_eq!(wait(&mut failures, 1, 0), None);
        failures.give_back(at(0));
        assert_eq!(wait(&mut failures, 1, 1), None);
        failures.give_back(at(0));
        assert_eq!(wait(&mut failures, 1, 2), Some(59));
    }

    #[test]
    fn more_than_the_limit_may_be_counted() {
        let mut failures = Failures::new(60);
        for second in 0..5 {
            failures.add(at(second));
        }
        assert_eq!(wait(&mut failures, 2, 5), Some(58));
        assert_eq!(wait(&mut failures, 2, 63), None);
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out_for_longer_than_the_window() {
        let mut failures = Failures::new(60);
        assert_eq!(wait(&mut failures, 2, 3_600), None);
        assert_eq!(wait(&mut failures, 2, 3_601), None);
        assert_eq!(wait(&mut failures, 2, 0), Some(60));
        assert_eq!(wait(&mut failures, 2, 59), Some(1));
        assert_eq!(wait(&mut failures, 2, 60), None);
    }

    #[test]
    fn a_refusal_is_news_once_in_a_window() {
        let mut failures = Failures::new(60);
        failures.add(at(0));
        let mut news = |second| {
            failures
                .reserve(1, at(second))
                .is_err_and(|full| full.is_news)
        };
        assert_eq!([news(1), news(2), news(59)], [true, false, false]);
        // The one of second 60 is let in.
        assert_eq!([news(60), news(60), news(61)], [false, false, true]);
    }

    #[test]
    fn memory_is_bounded_by_the_window() {
        let mut failures = Failures::new(60);
        for second in 0..10_000 {
            failures.add(at(second / 7));
            assert!(failures.times.len() <= 60);
        }
    }
}
