//! When to fetch, and what to tell requests that wait. No input, no output: it is told the time.

use std::{collections::hash_map::RandomState, hash::BuildHasher, time::Duration};

use tokio::time::Instant;

use crate::remote::{document::Failure, refresh::TokenBucket};

/// When to fetch.
///
/// 1. At the start, and then at 75 to 85 % of the lifetime of what was fetched.
/// 2. After a failure: after one second, then twice as long each time, with jitter, up to five minutes;
///    up to ten seconds as long as there are no keys. Longer if the provider asks for it.
/// 3. When a request needs a key that is not there: at once, but only as often as the [`TokenBucket`]
///    allows, and after a failure not for up to ten seconds.
///
/// One fetch at a time, so an older answer cannot follow a newer one.
pub(crate) struct Schedule {
    jitter: Jitter,
    bucket: TokenBucket,
    /// When the next fetch begins by itself.
    due: Instant,
    /// When requests may cause one, as far as failures have a say.
    not_before: Instant,
    wanted: bool,
    /// When the fetch that is under way began.
    began: Option<Instant>,
    /// How many fetches have begun.
    count: u64,
    last: Option<Finished>,
    failures: u32,
    stopped: bool,
}

/// A fetch that has ended.
struct Finished {
    number: u64,
    failed: Option<&'static str>,
}

/// What to tell a request that needs newer keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// A fetch that began later has ended: the keys at hand are the newest ones.
    Newest,
    /// No fetch may begin for it soon: the keys at hand must do. They are those of a moment ago.
    Recent,
    /// Nobody can tell. Another try makes sense after this time.
    Unknown(Duration),
    /// Wait for the end of a fetch, then ask again.
    Wait,
}

impl Schedule {
    const FIRST_PAUSE: Duration = Duration::from_secs(1);
    const LONGEST_PAUSE: Duration = Duration::from_secs(300);
    const LONGEST_PAUSE_WITHOUT_KEYS: Duration = Duration::from_secs(10);
    /// The longest time for which a failure keeps requests from causing a fetch.
    const LONGEST_PAUSE_FOR_REQUESTS: Duration = Duration::from_secs(10);
    /// The same, when the provider asked for a pause (`Retry-After`).
    const LONGEST_PAUSE_ASKED_FOR: Duration = Duration::from_secs(60);

    /// Nobody waits for a fetch that would not have this long to answer.
    const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

    pub(super) fn new(jitter: Jitter, now: Instant) -> Self {
        Self {
            jitter,
            bucket: TokenBucket::default(),
            due: now,
            not_before: now,
            wanted: false,
            began: None,
            count: 0,
            last: None,
            failures: 0,
            stopped: false,
        }
    }

    /// When the next fetch begins.
    pub(super) fn next(&self, now: Instant) -> Instant {
        if self.wanted {
            self.due.min(self.when_wanted(now))
        } else {
            self.due
        }
    }

    /// A fetch begins.
    pub(super) fn begin(&mut self, now: Instant) {
        if now < self.due {
            self.bucket.take(now);
        }
        self.wanted = false;
        self.began = Some(now);
        self.count += 1;
    }

    /// The fetch brought keys, or said that they are the same, for this long.
    pub(super) fn succeed(&mut self, now: Instant, lifetime: Duration) {
        let began = self.end(now, None);
        self.failures = 0;
        self.not_before = now;
        self.due = began + lifetime.mul_f64(0.75 + 0.1 * self.jitter.unit());
    }

    /// The fetch brought nothing.
    ///
    /// The keys at hand may be used until `usable`; `None` when there are none. The next fetch is due
    /// before that, so that who stops asking because of that finds new ones soon.
    pub(super) fn fail(&mut self, now: Instant, failure: &Failure, usable: Option<Instant>) {
        self.end(now, Some(failure.reason()));
        let (longest, longest_asked_for) = match usable {
            Some(_) => (Self::LONGEST_PAUSE, Self::LONGEST_PAUSE),
            None => (
                Self::LONGEST_PAUSE_WITHOUT_KEYS,
                Self::LONGEST_PAUSE_ASKED_FOR,
            ),
        };
        let doubled = Self::FIRST_PAUSE * 2_u32.saturating_pow(self.failures.min(16));
        let pause = doubled.min(longest).mul_f64(0.5 + 0.5 * self.jitter.unit());
        let asked_for = (failure.retry_after().unwrap_or_default()).min(longest_asked_for);
        self.failures = self.failures.saturating_add(1);
        self.due = now + pause.max(asked_for);
        if let Some(usable) = usable {
            self.due = self.due.min(usable.max(now + Self::FIRST_PAUSE));
        }
        self.not_before = now
            + pause
                .min(Self::LONGEST_PAUSE_FOR_REQUESTS)
                .max(asked_for.min(Self::LONGEST_PAUSE_ASKED_FOR));
    }

    /// Nobody fetches any more.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.end(self.due, Some("stopped"));
    }

    /// How many fetches have begun so far: to be remembered by a request that needs a later one.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// What to tell a request that came after so many fetches had begun, and cannot wait longer than
    /// `deadline`.
    ///
    /// A fetch that began before it asked may have missed what it needs. Only one that began later
    /// decides, and if it failed perhaps the next one does. When requests may cause none any more, the
    /// last one has the word, if it was good.
    pub(super) fn want(&mut self, now: Instant, after: u64, deadline: Instant) -> Want {
        let start = self.due.min(self.when_wanted(now)).max(now);
        let pause = start - now;
        if self.stopped {
            return Want::Unknown(Self::LONGEST_PAUSE);
        }
        match &self.last {
            Some(last) if last.number > after && last.failed.is_none() => return Want::Newest,
            _ if now >= deadline => return Want::Unknown(pause.max(Self::FIRST_PAUSE)),
            _ => {}
        }
        if self.began.is_some() {
            return Want::Wait;
        }
        if start + Self::TIME_TO_ANSWER <= deadline {
            self.wanted = true;
            return Want::Wait;
        }
        // Others have spent what requests may cause, so the last good answer is a moment old.
        let is_spent = self.bucket.next(now) > now;
        match &self.last {
            Some(Finished { failed: None, .. }) if is_spent => Want::Recent,
            _ => Want::Unknown(pause.max(Self::FIRST_PAUSE)),
        }
    }

    /// Whether nobody fetches any more.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// How many fetches have ended so far, this or that way.
    pub(super) fn ended(&self) -> u64 {
        self.last.as_ref().map_or(0, |last| last.number)
    }

    /// Why the last fetch failed, if it did.
    pub(super) fn last_error(&self) -> Option<&'static str> {
        self.last.as_ref()?.failed
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether no fetch has ended yet.
    pub(super) fn is_starting(&self) -> bool {
        self.last.is_none() && !self.stopped
    }

    /// How long until the next fetch begins by itself.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        self.due.saturating_duration_since(now)
    }

    fn when_wanted(&self, now: Instant) -> Instant {
        self.bucket.next(now).max(self.not_before)
    }

    fn end(&mut self, now: Instant, failed: Option<&'static str>) -> Instant {
        let began = self.began.take().unwrap_or(now);
        let number = self.count;
        self.last = Some(Finished { number, failed });
        began
    }
}

/// Numbers that differ between nodes, so that they do not all fetch at once. Not for secrets.
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new() -> Self {
        Self::seeded(RandomState::new().hash_one("jitter"))
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, from 0 up to 1. (SplitMix64.)
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
