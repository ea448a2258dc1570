//! The pauses between attempts that fail.

use std::time::Duration;

use tokio::time::Instant;

use super::error::TokenError;

/// The last failure in a row, and until when there is no other attempt: one second after the first, then twice as long each time, up to
/// a minute, or as long as the server asks for.
#[derive(Default)]
pub(super) struct Backoff {
    failures: u32,
    last: Option<(TokenError, Instant)>,
}

impl Backoff {
    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(60);

    /// Fails until it is time for another attempt, with the last failure.
    pub(super) fn check(&self, now: Instant) -> Result<(), TokenError> {
        match &self.last {
            Some((error, until)) if now < *until => {
                let wait = until.saturating_duration_since(now);
                Err(error.clone().with_retry_after(Some(wait)))
            }
            _ => Ok(()),
        }
    }

    /// Notes a failure. `jitter` is from 0 to 1. Returns whether it is the first in a row. Of several attempts that were under way at
    /// once, one counts.
    pub(super) fn fail(&mut self, error: TokenError, now: Instant, jitter: f64) -> bool {
        if self.check(now).is_err() {
            return false;
        }
        let doubled = Self::FIRST * 2_u32.saturating_pow(self.failures.min(6));
        let pause = doubled.min(Self::LONGEST).mul_f64(0.5 + 0.5 * jitter);
        let asked = error
            .retry_after()
            .unwrap_or_default()
            .min(5 * Self::LONGEST);
        self.last = Some((error, now + pause.max(asked)));
        self.failures = self.failures.saturating_add(1);
        self.failures == 1
    }

    /// Notes a success. Returns whether it is the first after failures.
    pub(super) fn succeed(&mut self) -> bool {
        let was_failing = self.failures > 0;
        *self = Self::default();
        was_failing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_a_success_ends_them() {
        let (mut now, mut backoff) = (Instant::now(), Backoff::default());
        let mut pause = |error: TokenError, jitter| {
            now += Duration::from_secs(300);
            backoff.fail(error.clone(), now, jitter);
            assert!(!backoff.fail(error, now, jitter));
            backoff
                .check(now)
                .unwrap_err()
                .retry_after()
                .unwrap()
                .as_secs_f64()
        };
        let error = || TokenError::unavailable("away");
        for expected in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
            assert_eq!(pause(error(), 1.0), expected);
        }
        assert_eq!(pause(error(), 0.0), 30.0);
        let asked = Some(Duration::from_secs(90));
        assert_eq!(pause(error().with_retry_after(asked), 1.0), 90.0);
        assert!(backoff.succeed());
        assert!(backoff.check(now).is_ok());
        assert!(!backoff.succeed());
        assert!(backoff.fail(error(), now, 1.0));
        assert!(backoff.check(now + Duration::from_secs(1)).is_ok());
    }
}
