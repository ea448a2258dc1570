//! The schedule of fetches, and the advice for requests that need newer keys. It does no I/O, and is
//! told the time.

use std::{collections::hash_map::RandomState, hash::BuildHasher, time::Duration};

use tokio::time::Instant;

use super::negative_cache::NegativeCache;
use crate::{
    keys::KeySet,
    remote::{document::Failure, refresh::TokenBucket},
};

/// When to fetch.
///
/// 1. At the start, and then at 75 to 85 % of the lifetime of what was fetched.
/// 2. After a failure: after one second, then twice as long each time, with jitter, up to five minutes;
///    up to ten seconds as long as there are no keys. Longer if the provider asks for it.
/// 3. When a request needs a key that is missing: at once, but only as often as the [`TokenBucket`]
///    allows, and after a failure not for up to ten seconds.
///
/// One fetch at a time, so an older answer cannot follow a newer one.
pub(crate) struct Schedule {
    jitter: Jitter,
    bucket: TokenBucket,
    misses: NegativeCache,
    /// When the next fetch begins by itself.
    due: Instant,
    /// The earliest time of a fetch for a request, as far as failures limit it.
    not_before: Instant,
    wanted: bool,
    /// When the fetch that is under way began.
    began: Option<Instant>,
    /// The number of fetches that have begun.
    pub(super) count: u64,
    last: Option<Finished>,
    /// The number of fetches that failed since the last good one.
    pub(super) failures: u32,
    /// True if no fetch will follow.
    pub(super) stopped: bool,
}

/// A fetch that has ended.
struct Finished {
    number: u64,
    failure: Option<Failure>,
}

/// A request that the present keys do not satisfy.
pub(crate) struct KeyRequest {
    pub(super) need: KeyNeed,
    pub(super) deadline: Instant,
    /// The number of fetches that had begun when it came: an earlier one may have missed what it needs.
    pub(super) after: u64,
}

/// The need of a request.
pub(crate) enum KeyNeed {
    Everything,
    Key(Box<str>),
    Match,
}

/// The advice to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Look at the keys again: they have what it needs by now.
    LookAgain,
    /// Give up: the keys are the newest ones, or as new as requests may ask for.
    NotThere,
    /// Give up for now: nobody can tell. Another try makes sense after this time.
    Unavailable(Duration),
    /// Wait until a fetch has ended, then ask again.
    Wait,
}

impl Schedule {
    const FIRST_PAUSE: Duration = Duration::from_secs(1);
    const LONGEST_PAUSE: Duration = Duration::from_secs(300);
    const LONGEST_PAUSE_WITHOUT_KEYS: Duration = Duration::from_secs(10);
    /// The longest time for which a failure keeps requests from causing a fetch.
    const LONGEST_PAUSE_FOR_REQUESTS: Duration = Duration::from_secs(10);
    /// The longest one when the provider asked for a pause (`Retry-After`).
    const LONGEST_PAUSE_ASKED_FOR: Duration = Duration::from_secs(60);

    /// Nobody waits for a fetch that would not have this long to answer.
    const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

    pub(super) fn new(jitter: Jitter, now: Instant) -> Self {
        Self {
            jitter,
            bucket: TokenBucket::default(),
            misses: NegativeCache::default(),
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

    /// Returns when the next fetch begins.
    pub(super) fn next(&self, now: Instant) -> Instant {
        if self.wanted {
            self.due.min(self.when_wanted(now))
        } else {
            self.due
        }
    }

    /// Notes that a fetch begins.
    pub(super) fn begin(&mut self, now: Instant) {
        if now < self.due {
            self.bucket.take(now);
        }
        self.wanted = false;
        self.began = Some(now);
        self.count += 1;
    }

    /// Notes that the fetch brought keys, or confirmed them, for this long.
    pub(super) fn succeed(&mut self, now: Instant, lifetime: Duration) {
        let began = self.end(now, None);
        self.failures = 0;
        self.not_before = now;
        self.due = began + lifetime.mul_f64(0.75 + 0.1 * self.jitter.unit());
    }

    /// Notes that the fetch brought nothing.
    ///
    /// The keys at hand may be used until `usable`; `None` when there are none. The next fetch is due
    /// before that, so that callers who get 503 by then find new keys soon.
    pub(super) fn fail(&mut self, now: Instant, failure: Failure, usable: Option<Instant>) {
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
        self.end(now, Some(failure));
    }

    /// Notes that no fetch will follow.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Advises a request, given the keys of now.
    ///
    /// Only a fetch that began after the request came decides about it, and if that fails, perhaps the
    /// next one does. When requests may cause no more fetches, the last one decides, if it was good.
    pub(super) fn advise(
        &mut self,
        now: Instant,
        request: &KeyRequest,
        keys: Option<&KeySet>,
    ) -> Advice {
        if request.need.is_met_by(keys) {
            return Advice::LookAgain;
        }
        if self.stopped {
            return Advice::Unavailable(Self::LONGEST_PAUSE);
        }
        // After a failure nobody can tell what the provider has now.
        let is_good = self.failure().is_none();
        if is_good && self.provider_lacks(request, now) {
            return Advice::NotThere;
        }
        let start = self.due.min(self.when_wanted(now)).max(now);
        let unavailable = Advice::Unavailable((start - now).max(Self::FIRST_PAUSE));
        if now >= request.deadline {
            return unavailable;
        }
        if self.began.is_some() {
            return Advice::Wait;
        }
        if start + Self::TIME_TO_ANSWER <= request.deadline {
            self.wanted = true;
            return Advice::Wait;
        }
        // Others have used up what requests may cause, so the last good answer is recent.
        let is_spent = self.bucket.next(now) > now;
        if is_good && is_spent {
            Advice::NotThere
        } else {
            unavailable
        }
    }

    /// Checks what the last answer, a good one, says about the request. A key that it lacks is remembered.
    fn provider_lacks(&mut self, request: &KeyRequest, now: Instant) -> bool {
        let is_later = self.ended() > request.after;
        if let KeyNeed::Key(id) = &request.need {
            if self.misses.has(id, now) {
                return true;
            }
            if is_later {
                self.misses.add(id, now);
            }
        }
        is_later
    }

    /// Returns how many fetches have ended.
    pub(super) fn ended(&self) -> u64 {
        self.last.as_ref().map_or(0, |last| last.number)
    }

    /// Returns why the last fetch failed; `None` if it did not.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.last.as_ref()?.failure.as_ref()
    }

    /// Returns the stable name of what is wrong now.
    pub(super) fn last_error(&self) -> Option<&'static str> {
        if self.stopped {
            return Some("stopped");
        }
        self.failure().map(Failure::reason)
    }

    /// Checks whether the first fetch has not ended yet.
    pub(super) fn is_starting(&self) -> bool {
        self.last.is_none() && !self.stopped
    }

    /// Returns how long it is until the next fetch begins by itself.
    pub(super) fn pause(&self, now: Instant) -> Duration {
        self.due.saturating_duration_since(now)
    }

    fn when_wanted(&self, now: Instant) -> Instant {
        self.bucket.next(now).max(self.not_before)
    }

    /// Returns when the fetch that ends now began.
    fn end(&mut self, now: Instant, failure: Option<Failure>) -> Instant {
        let number = self.count;
        self.last = Some(Finished { number, failure });
        self.began.take().unwrap_or(now)
    }
}

impl KeyNeed {
    fn is_met_by(&self, keys: Option<&KeySet>) -> bool {
        match self {
            Self::Everything => keys.is_some(),
            Self::Key(id) => keys.is_some_and(|keys| keys.has_key(id)),
            Self::Match => false,
        }
    }
}

/// Random numbers that spread the fetches of several nodes. Not for secrets.
pub(crate) struct Jitter(u64);

impl Jitter {
    pub(crate) fn new() -> Self {
        Self::seeded(RandomState::new().hash_one("jitter"))
    }

    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number, from 0 up to 1 (SplitMix64).
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from(u32::try_from((z ^ (z >> 31)) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests;
