//! The difference between the clock of this node and that of the store.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// The last measurement, in whole seconds.
pub(super) struct ClockSkew {
    ahead: AtomicI64,
    /// True while the log says that the clocks differ.
    is_told: AtomicBool,
}

/// Sentinel: nobody has measured it.
const UNKNOWN: i64 = i64::MIN;
/// The difference that is told, in seconds. Clocks count whole seconds, so one of 2 may be one of 1.
const TOLD: u64 = 3;
/// The difference that is none any more.
const NONE: u64 = 1;
/// From here on, in seconds, somebody's clock is broken, and it may be the store's: an hour.
#[cfg(feature = "sessions")]
const LARGEST: u64 = 3_600;

impl ClockSkew {
    pub(super) const fn new() -> Self {
        Self {
            ahead: AtomicI64::new(UNKNOWN),
            is_told: AtomicBool::new(false),
        }
    }

    /// Returns by how much this node is ahead of the store; less than zero when it is behind.
    pub(super) fn ahead(&self) -> Option<i64> {
        let ahead = self.ahead.load(Ordering::Relaxed);
        (ahead != UNKNOWN).then_some(ahead)
    }

    /// Returns the difference to go by; 0 if it is unknown, may come from counting in whole seconds, or is so large
    /// that sessions must not follow it.
    #[cfg(feature = "sessions")]
    pub(super) fn correction(&self) -> i64 {
        let ahead = self.ahead().unwrap_or(0);
        match ahead.unsigned_abs() {
            0..=NONE | LARGEST.. => 0,
            _ => ahead,
        }
    }

    /// Notes what the store's clock said between two readings of this node's, and tells where a difference begins
    /// and ends.
    pub(super) fn note(&self, list: &str, store: i64, before: i64, after: i64) {
        let ahead = ahead(store, before, after).max(UNKNOWN + 1);
        self.ahead.store(ahead, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        crate::metrics::clock_skew(list, ahead);
        let is_told = self.is_told.load(Ordering::Relaxed);
        let differs = ahead.unsigned_abs();
        if differs >= TOLD && !is_told {
            self.is_told.store(true, Ordering::Relaxed);
            tracing::warn!(
                target: "countersign",
                list,
                ahead,
                "the clock of this node differs from that of the store: the access tokens that it issues or verifies \
                 begin and expire too early or too late",
            );
        } else if differs <= NONE && is_told {
            self.is_told.store(false, Ordering::Relaxed);
            tracing::info!(target: "countersign", list, "the clock of this node agrees with that of the store again");
        }
    }
}

/// Returns by how much this node is ahead at least: an answer may take a while on its way.
fn ahead(store: i64, before: i64, after: i64) -> i64 {
    if store < before {
        before.saturating_sub(store)
    } else if store > after {
        after.saturating_sub(store)
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_no_difference() {
        assert_eq!(ahead(100, 100, 100), 0);
        assert_eq!(ahead(103, 100, 105), 0);
        assert_eq!(ahead(99, 100, 105), 1);
        assert_eq!(ahead(88, 100, 105), 12);
        assert_eq!(ahead(106, 100, 105), -1);
        assert_eq!(ahead(117, 100, 105), -12);
        assert_eq!(ahead(i64::MIN, i64::MAX, i64::MAX), i64::MAX);
        assert_eq!(ahead(i64::MAX, i64::MIN, i64::MIN), i64::MIN);
    }

    #[test]
    #[cfg(feature = "sessions")]
    fn sessions_follow_a_difference_that_is_one_and_no_broken_clock() {
        let skew = ClockSkew::new();
        assert_eq!(skew.correction(), 0);
        for (ahead, expected) in [
            (0, 0),
            (1, 0),
            (-1, 0),
            (2, 2),
            (-2, -2),
            (3_599, 3_599),
            (3_600, 0),
            (-3_600, 0),
        ] {
            skew.note("list", 10_000 - ahead, 10_000, 10_000);
            assert_eq!(skew.correction(), expected);
        }
    }

    #[test]
    fn nothing_is_known_before_the_first_measurement() {
        let skew = ClockSkew::new();
        assert_eq!(skew.ahead(), None);
        skew.note("list", 88, 100, 100);
        assert_eq!(skew.ahead(), Some(12));
        skew.note("list", i64::MAX, i64::MIN, i64::MIN);
        assert_eq!(skew.ahead(), Some(i64::MIN + 1));
    }
}
