//! The queue in front of the store, for what anybody with an invented refresh token can ask of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::{SessionError, SessionErrorKind};

/// A bound on the calls of the store that clients cause by presenting refresh tokens.
///
/// Anybody can invent a token, and only the store can tell. While it is slow, or a table is locked, such calls
/// would take all of its connections, and everybody else would wait behind them: logins, logouts, the app.
/// So a few are at the store, some wait for their turn, and the rest is turned away at once.
pub(super) struct StoreQueue {
    turns: Semaphore,
    waiting: AtomicUsize,
    most_waiting: usize,
}

/// A turn at the store. It ends when this is dropped.
pub(super) type Turn<'q> = SemaphorePermit<'q>;

/// The longest wait in the queue, in seconds. Beyond it the client is better off to come again: the store answers
/// nobody in time.
const LONGEST_WAIT: i64 = 2;

impl StoreQueue {
    /// Makes a queue for a store that serves so many at once, in which so many wait.
    pub(super) fn new(at_once: usize, most_waiting: usize) -> Self {
        Self {
            turns: Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS)),
            waiting: AtomicUsize::new(0),
            most_waiting,
        }
    }

    /// Waits for a turn, first come, first served. `now` is the clock, in seconds.
    ///
    /// It has no timer. When those before it have given up on the store, each who has waited for too long gives
    /// its turn to the next one, so nobody waits for much longer than they have.
    ///
    /// # Errors
    ///
    /// `Overloaded`, at once where the queue is full.
    pub(super) async fn turn(&self, now: impl Fn() -> i64) -> Result<Turn<'_>, SessionError> {
        if let Ok(turn) = self.turns.try_acquire() {
            return Ok(turn);
        }
        let _place = Place::in_queue(self)?;
        self.next_turn(now).await
    }

    /// Waits for one more turn of somebody who had one, and whom the store knows: room in the queue is none of
    /// its business any more.
    ///
    /// # Errors
    ///
    /// `Overloaded`, when it takes too long.
    pub(super) async fn next_turn(&self, now: impl Fn() -> i64) -> Result<Turn<'_>, SessionError> {
        let came = now();
        // It is never closed.
        let turn = self.turns.acquire().await;
        let turn = turn.map_err(|_| SessionErrorKind::Overloaded)?;
        match now().saturating_sub(came) > LONGEST_WAIT {
            true => Err(SessionError::because(
                SessionErrorKind::Overloaded,
                TOO_LONG,
            )),
            false => Ok(turn),
        }
    }
}

/// A place in the queue.
struct Place<'q>(&'q AtomicUsize);

impl<'q> Place<'q> {
    fn in_queue(queue: &'q StoreQueue) -> Result<Self, SessionError> {
        // Counted first, so that nobody gets in between.
        let before = queue.waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(&queue.waiting);
        match before < queue.most_waiting {
            true => Ok(place),
            false => Err(SessionError::because(SessionErrorKind::Overloaded, FULL)),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

const FULL: &str = "as many as may wait for the session store do so";
const TOO_LONG: &str = "the session store was busy with others for too long";

#[cfg(all(test, not(countersign_loom)))]
mod tests {
    use std::{
        pin::{Pin, pin},
        sync::atomic::AtomicI64,
        task::{Context, Poll, Waker},
    };

    use super::*;

    /// Polls once. `None`: it waits.
    fn poll<'q>(
        turn: Pin<&mut impl Future<Output = Result<Turn<'q>, SessionError>>>,
    ) -> Option<Result<Turn<'q>, SessionErrorKind>> {
        match turn.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => None,
            Poll::Ready(turn) => Some(turn.map_err(|error| error.kind())),
        }
    }

    #[test]
    fn some_are_served_some_wait_in_order_and_the_rest_is_turned_away() {
        let queue = StoreQueue::new(1, 2);
        let now = || 0;
        let served = poll(pin!(queue.turn(now))).unwrap().unwrap();
        let mut first = pin!(queue.turn(now));
        let mut second = pin!(queue.turn(now));
        assert!(poll(first.as_mut()).is_none() && poll(second.as_mut()).is_none());
        for _ in 0..3 {
            let third = poll(pin!(queue.turn(now))).unwrap();
            assert_eq!(third.unwrap_err(), SessionErrorKind::Overloaded);
        }
        drop(served);
        assert!(poll(second.as_mut()).is_none());
        let served = poll(first.as_mut()).unwrap().unwrap();
        // There is a place again.
        let mut third = pin!(queue.turn(now));
        assert!(poll(third.as_mut()).is_none());
        drop(served);
        drop(poll(second.as_mut()).unwrap().unwrap());
        drop(poll(third.as_mut()).unwrap().unwrap());
    }

    #[test]
    fn those_who_leave_make_room() {
        let queue = StoreQueue::new(1, 1);
        let now = || 0;
        let served = poll(pin!(queue.turn(now))).unwrap().unwrap();
        for _ in 0..3 {
            assert!(poll(pin!(queue.turn(now))).is_none());
        }
        drop(served);
        assert!(poll(pin!(queue.turn(now))).unwrap().is_ok());
    }

    #[test]
    fn who_has_waited_too_long_gives_the_turn_to_the_next_one() {
        let queue = StoreQueue::new(1, 9);
        let clock = AtomicI64::new(100);
        let now = || clock.load(Ordering::Relaxed);
        let served = poll(pin!(queue.turn(now))).unwrap().unwrap();
        let mut late = pin!(queue.turn(now));
        assert!(poll(late.as_mut()).is_none());
        clock.store(101, Ordering::Relaxed);
        let mut in_time = pin!(queue.turn(now));
        assert!(poll(in_time.as_mut()).is_none());
        clock.store(103, Ordering::Relaxed);
        drop(served);
        let late = poll(late.as_mut()).unwrap();
        assert_eq!(late.unwrap_err(), SessionErrorKind::Overloaded);
        assert!(poll(in_time.as_mut()).unwrap().is_ok());
    }
}
