//! The limit on fetches that requests cause.

use std::time::Duration;

use tokio::time::Instant;

/// A token bucket: two at once, then one every ten seconds.
///
/// Its whole state is one time: when all that was taken will be paid back (generic cell rate algorithm).
#[derive(Debug, Default)]
pub(crate) struct TokenBucket {
    settled: Option<Instant>,
}

impl TokenBucket {
    const INTERVAL: Duration = Duration::from_secs(10);
    const BURST: u32 = 2;

    /// Returns when the next one may be taken: now or later.
    pub(super) fn next(&self, now: Instant) -> Instant {
        match self.settled {
            Some(settled) => now.max(settled - Self::INTERVAL * (Self::BURST - 1)),
            None => now,
        }
    }

    /// Takes one that is due by [`next`](Self::next).
    pub(super) fn take(&mut self, now: Instant) {
        let settled = self.settled.map_or(now, |settled| settled.max(now));
        self.settled = Some(settled + Self::INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_at_once_then_one_every_ten_seconds() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut bucket = TokenBucket::default();
        for expected in [0, 0, 10, 20] {
            let next = bucket.next(start);
            assert_eq!(next, at(expected));
            bucket.take(next);
        }
        // It fills up again, and no further than to two.
        for expected in [100, 100, 110] {
            let next = bucket.next(at(100));
            assert_eq!(next, at(expected));
            bucket.take(next);
        }
    }
}
