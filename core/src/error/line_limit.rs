//! The limits of lines in the log about what clients can repeat.

use std::sync::atomic::{AtomicU64, Ordering};

/// Limits for so many things, by their number.
#[derive(Debug)]
pub(crate) struct LineLimits<const N: usize>([LineLimit; N]);

impl<const N: usize> LineLimits<N> {
    pub(crate) const fn new() -> Self {
        Self([const { LineLimit::new() }; N])
    }

    /// Admits a line about a thing: `None` if it must be left out, else the number of those that were, if any.
    pub(crate) fn admit(&self, thing: usize) -> Option<Option<u64>> {
        self.0[thing].admit_at(seconds())
    }
}

/// The limit of lines about one thing that clients can repeat.
///
/// Only lines that somebody would read count.
#[derive(Debug)]
struct LineLimit(AtomicU64);

impl LineLimit {
    /// The most lines in a window.
    const MOST: u64 = 10;
    /// In seconds.
    const WINDOW: u64 = 10;
    /// The bits for the number of lines. Those above have the number of the window.
    const COUNT: u64 = (1 << 24) - 1;

    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    fn admit_at(&self, now: u64) -> Option<Option<u64>> {
        let window = (now / Self::WINDOW + 1) * (Self::COUNT + 1);
        let next = |state: u64| match state & !Self::COUNT == window {
            true => window | (state & Self::COUNT).saturating_add(1).min(Self::COUNT),
            false => window | 1,
        };
        let update = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |state| {
                Some(next(state))
            });
        // It never fails, as `next` always has an answer.
        let before = update.unwrap_or_else(|state| state);
        let count = before & Self::COUNT;
        if before & !Self::COUNT == window {
            return (count < Self::MOST).then_some(None);
        }
        let left_out = count.saturating_sub(Self::MOST);
        Some((left_out > 0).then_some(left_out))
    }
}

/// Returns the seconds since the first question.
#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
#[allow(clippy::disallowed_methods)] // it decides about lines only
fn seconds() -> u64 {
    use std::{sync::LazyLock, time::Instant};

    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

    BEGAN.elapsed().as_secs()
}

/// Nobody has a clock there: each question is a window of its own, and nothing is left out.
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
fn seconds() -> u64 {
    static QUESTIONS: AtomicU64 = AtomicU64::new(0);

    QUESTIONS.fetch_add(LineLimit::WINDOW, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_lines_are_admitted_in_a_window_and_the_next_one_tells_of_the_others() {
        let limit = LineLimit::new();
        let admitted = |now| {
            (0..1_000)
                .filter_map(|_| limit.admit_at(now))
                .collect::<Vec<_>>()
        };
        assert_eq!(admitted(3), [None; 10]);
        assert_eq!(admitted(9), [None; 0]);
        let next = admitted(10);
        assert_eq!((next.len(), next[0], next[1]), (10, Some(1_990), None));
        assert_eq!(limit.admit_at(1_000_000), Some(Some(990)));
        assert_eq!(limit.admit_at(2_000_000), Some(None));
    }

    #[test]
    fn a_flood_does_not_run_over() {
        let limit = LineLimit(AtomicU64::new(
            (LineLimit::COUNT + 1) | (LineLimit::COUNT - 1),
        ));
        assert_eq!([(); 3].map(|()| limit.admit_at(0)), [None; 3]);
        assert_eq!(
            limit.admit_at(10),
            Some(Some(LineLimit::COUNT - LineLimit::MOST))
        );
    }
}
