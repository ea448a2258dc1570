//! Waiting for the first read of the log.

use std::{
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

use super::list::Revocation;

impl Revocation {
    /// Waits until the log has been read completely, and not too long ago: from then on good tokens are
    /// accepted. At once for a [local](Self::local) list.
    ///
    /// Somebody has to [follow](Self::follow) the log meanwhile. It waits for as long as the log cannot be read:
    /// put a bound around it. With [`accept_when_stale`](crate::revocation::RevocationBuilder::accept_when_stale)
    /// tokens are accepted before that, and revoked ones with them.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{io, time::Duration};
    /// use countersign::{Revocation, revocation::RevocationLog};
    ///
    /// # mod tokio {
    /// #     pub fn spawn<F: Future + Send + 'static>(_: F) {}
    /// #     pub mod time {
    /// #         pub async fn timeout<F: Future>(_: std::time::Duration, work: F) -> std::io::Result<F::Output> {
    /// #             Ok(work.await)
    /// #         }
    /// #     }
    /// # }
    /// /// Before the server listens.
    /// async fn start(revocation: &Revocation, log: impl RevocationLog) -> io::Result<()> {
    ///     tokio::spawn(revocation.follow(log));
    ///     tokio::time::timeout(Duration::from_secs(30), revocation.ready()).await
    /// }
    /// ```
    pub async fn ready(&self) {
        let mut waiter = Waiter {
            waiting: &self.inner.waiting,
            number: None,
        };
        poll_fn(|context| {
            // First: a read that ends from here on wakes it.
            waiter.wait(context.waker());
            match self.freshness(self.inner.clock.now()) {
                Ok(()) => Poll::Ready(()),
                Err(_) => Poll::Pending,
            }
        })
        .await;
    }
}

/// Those who wait for a complete read.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Wakers>);

#[derive(Default)]
struct Wakers {
    next: u64,
    wakers: Vec<(u64, Waker)>,
}

impl Waiting {
    /// Wakes them all, to look again.
    pub(super) fn wake(&self) {
        let wakers = std::mem::take(&mut self.lock().wakers);
        for (_, waker) in wakers {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Wakers> {
        // Nothing that runs under the lock leaves it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of those who wait. It leaves when it is dropped.
struct Waiter<'w> {
    waiting: &'w Waiting,
    number: Option<u64>,
}

impl Waiter<'_> {
    fn wait(&mut self, waker: &Waker) {
        self.leave();
        let mut wakers = self.waiting.lock();
        let number = wakers.next;
        wakers.next += 1;
        wakers.wakers.push((number, waker.clone()));
        self.number = Some(number);
    }

    fn leave(&mut self) {
        if let Some(own) = self.number.take() {
            let mut wakers = self.waiting.lock();
            wakers.wakers.retain(|(number, _)| *number != own);
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(all(test, feature = "test-util", not(countersign_loom)))]
mod tests {
    use std::{
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::{Context, Wake},
    };

    use super::*;
    use crate::{clock::Clock, testing::FixedClock};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn whoever_waits_is_woken_by_a_complete_read_and_leaves_nothing_when_dropped() {
        let clock = FixedClock::default();
        let list = Revocation::replica().clock(clock.clone()).build().unwrap();
        let count = Arc::<Count>::default();
        let waker = Waker::from(Arc::clone(&count));
        let mut context = Context::from_waker(&waker);
        let waiting = || list.inner.waiting.lock().wakers.len();
        {
            let mut left = pin!(list.ready());
            assert!(left.as_mut().poll(&mut context).is_pending());
            assert_eq!(waiting(), 1);
        }
        assert_eq!(waiting(), 0);

        let mut ready = pin!(list.ready());
        for _ in 0..3 {
            assert!(ready.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(waiting(), 1);
        // One that took longer than the list may be old is none.
        list.mark_synced(clock.now() - 11);
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(ready.as_mut().poll(&mut context).is_pending());
        list.mark_synced(clock.now());
        assert_eq!(count.0.load(Ordering::Relaxed), 2);
        assert!(ready.as_mut().poll(&mut context).is_ready());

        let local = Revocation::local().build().unwrap();
        assert!(pin!(local.ready()).poll(&mut context).is_ready());
    }
}
