//! One token: fetched once for all who want it, and ahead of its expiry.

use std::{
    future::Future,
    sync::{Arc, PoisonError},
};

use tokio::{sync::watch, time::Instant};

use super::{
    access_token::AccessToken,
    backoff::Backoff,
    error::{Extent, TokenError},
};
use crate::sync::{ArcSwapOption, Mutex, MutexGuard};

pub(super) type Outcome = Result<Arc<AccessToken>, TokenError>;

/// The present token, and the attempt to get another.
pub(super) struct Slot {
    current: ArcSwapOption<AccessToken>,
    attempts: Mutex<Attempts>,
}

#[derive(Default)]
struct Attempts {
    flight: Option<Flight>,
    refused: Backoff,
}

type Flight = watch::Receiver<Option<Outcome>>;

impl Slot {
    pub(super) fn new() -> Self {
        Self {
            current: ArcSwapOption::empty(),
            attempts: Mutex::new(Attempts::default()),
        }
    }

    /// Returns the token, and fetches another when it is time: in a task of its own, which nobody who stops waiting can end. `may_fetch` says
    /// whether the token endpoint may be asked now.
    pub(super) async fn token<F>(
        self: &Arc<Self>,
        jitter: f64,
        may_fetch: impl FnOnce(Instant) -> Result<(), TokenError>,
        fetch: impl FnOnce() -> F,
    ) -> Outcome
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let now = Instant::now();
        let current = self.current.load_full();
        let current = current.filter(|token| token.is_usable(now));
        if let Some(token) = &current
            && !token.is_rejected()
        {
            if now >= token.refresh_at {
                // If it fails, there is time for another attempt.
                let _ = self.join(now, jitter, may_fetch, fetch);
            }
            return Ok(Arc::clone(token));
        }
        let outcome = match self.join(now, jitter, may_fetch, fetch) {
            Ok(flight) => wait(flight).await,
            Err(error) => Err(error),
        };
        // One that a service has refused is better than none: others may take it.
        outcome.or_else(|error| current.ok_or(error))
    }

    /// Joins the attempt that is under way, or starts one.
    fn join<F>(
        self: &Arc<Self>,
        now: Instant,
        jitter: f64,
        may_fetch: impl FnOnce(Instant) -> Result<(), TokenError>,
        fetch: impl FnOnce() -> F,
    ) -> Result<Flight, TokenError>
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let mut attempts = self.attempts();
        // One whose task is gone, with its runtime or by a panic, brings nothing.
        if let Some(flight) = &attempts.flight
            && (flight.borrow().is_some() || flight.has_changed().is_ok())
        {
            return Ok(flight.clone());
        }
        // One may have landed since the caller looked.
        if let Some(token) = self.current.load_full().filter(|token| token.is_fresh(now)) {
            return Ok(watch::channel(Some(Ok(token))).1);
        }
        attempts.refused.check(now)?;
        may_fetch(now)?;
        let (sender, flight) = watch::channel(None);
        let (slot, fetched) = (Arc::clone(self), fetch());
        tokio::spawn(async move {
            let outcome = fetched.await;
            slot.land(&outcome, jitter);
            sender.send_replace(Some(outcome));
        });
        attempts.flight = Some(flight.clone());
        Ok(flight)
    }

    /// Takes what an attempt has brought.
    fn land(&self, outcome: &Outcome, jitter: f64) {
        let mut attempts = self.attempts();
        attempts.flight = None;
        match outcome {
            Ok(token) => {
                self.current.store(Some(Arc::clone(token)));
                attempts.refused.succeed();
            }
            // What is about others as well counts for all of them.
            Err(error) if error.extent != Extent::One => {}
            Err(error) => {
                attempts.refused.fail(error.clone(), Instant::now(), jitter);
            }
        }
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        // Nothing in there can panic half way.
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn wait(mut flight: Flight) -> Outcome {
    let landed = flight.wait_for(Option::is_some).await;
    match landed.ok().and_then(|outcome| outcome.clone()) {
        Some(outcome) => outcome,
        None => Err(TokenError::unavailable("the attempt was broken off")),
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn whoever_looked_just_before_a_token_landed_fetches_no_other() {
        let slot = Arc::new(Slot::new());
        let now = Instant::now();
        let token = AccessToken {
            text: String::from("token-1").into(),
            scope: None,
            granted_at: now,
            refresh_at: now + Duration::from_secs(225),
            usable_until: now + Duration::from_secs(290),
            is_rejected: false.into(),
        };
        slot.land(&Ok(Arc::new(token)), 0.0);
        let fetch = || std::future::ready(Err(TokenError::unusable("fetched twice")));
        let outcome = wait(slot.join(now, 0.0, |_| Ok(()), fetch).unwrap()).await;
        assert_eq!(outcome.unwrap().as_str(), "token-1");
        // Once it is time for another, there is one.
        let later = now + Duration::from_secs(225);
        let outcome = wait(slot.join(later, 0.0, |_| Ok(()), fetch).unwrap()).await;
        assert!(outcome.is_err());
    }
}
