//! A clock that you move.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crate::clock::Clock;

/// A clock that stands still until you move it. Its clones share the time.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use countersign::{Clock, testing::FixedClock};
///
/// let clock = FixedClock::at(1_800_000_000);
/// let shared = clock.clone();
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(shared.now(), 1_800_000_060);
/// ```
#[derive(Clone, Debug)]
pub struct FixedClock(Arc<AtomicI64>);

impl FixedClock {
    /// Creates a clock that shows this second since 1970.
    #[must_use]
    pub fn at(seconds: i64) -> Self {
        Self(Arc::new(AtomicI64::new(seconds)))
    }

    /// Moves the clock forward by whole seconds.
    pub fn advance(&self, time: std::time::Duration) {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Sets the clock, forward or back.
    pub fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Default for FixedClock {
    /// Creates a clock at 2027-01-15T08:00:00Z.
    fn default() -> Self {
        Self::at(1_800_000_000)
    }
}

impl Clock for FixedClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}
