//! The replica's reading of its log.

use std::{
    convert::Infallible,
    error::Error,
    future::{Future, poll_fn},
    mem,
    sync::atomic::Ordering,
    task::Poll,
};

use super::{
    epoch::EpochWatch,
    error::Refusal,
    list::{ALWAYS, Inner, Revocation},
    log::{LogBatch, LogPosition, RevocationLog},
};

impl Revocation {
    /// Follows a log for ever: a future to be spawned on the app's runtime.
    ///
    /// It reads, applies what it read, and reads on. The list is as fresh as the beginning of the
    /// last read that was complete. While the log cannot be read, which is logged once at `warn`,
    /// the list goes [stale](crate::revocation::RevocationBuilder::staleness); it recovers by itself.
    /// It also goes stale after the future is dropped.
    ///
    /// An entry that does not fit makes every check fail with 503 (and is logged as an error), until
    /// it has expired, or until there is room and the log has been read from its start once more.
    ///
    /// A list follows one log. While a second one is followed, no read counts, and it goes stale. A
    /// local list becomes a replica.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Revocation, revocation::RevocationLog};
    ///
    /// # mod tokio { pub fn spawn<F: Future + Send + 'static>(_: F) {} }
    /// fn start(revocation: &Revocation, log: impl RevocationLog) {
    ///     tokio::spawn(revocation.follow(log));
    /// }
    /// ```
    #[must_use = "a future does nothing until it is polled"]
    pub fn follow<L: RevocationLog>(
        &self,
        log: L,
    ) -> impl Future<Output = Infallible> + Send + use<L> {
        // A local list becomes a replica, which can be stale.
        self.forget_reading(ALWAYS);
        if self.inner.followers.fetch_add(1, Ordering::AcqRel) > 0 {
            tracing::error!(
                target: "countersign",
                "a revocation list follows two logs: no read counts, and it goes stale",
            );
        }
        let follower = Follower {
            revocation: self.clone(),
            position: None,
            anew: true,
            refused: 0,
            is_out: false,
            compared_at: None,
            epochs: EpochWatch::default(),
        };
        follower.run(log)
    }
}

/// The reading of a log.
struct Follower {
    revocation: Revocation,
    position: Option<LogPosition>,
    /// True while a reading that began at the start of the log has not reached its end.
    anew: bool,
    /// The number of entries that did not fit.
    refused: usize,
    /// True if the log cannot be read.
    is_out: bool,
    /// When the store was last asked for its clock and its epoch.
    compared_at: Option<i64>,
    epochs: EpochWatch,
}

/// The interval in which the store is asked for its clock and its epoch, in seconds.
const COMPARE: u64 = 10;

/// The number of entries that are applied before other tasks have a turn.
const TURN: usize = 1_024;

impl Follower {
    async fn run<L: RevocationLog>(mut self, log: L) -> Infallible {
        loop {
            let began = self.revocation.inner.clock.now();
            // Also for a clock that went back while nobody asks about a token.
            if let Err(refusal @ Refusal::Stale(_)) = self.revocation.freshness(began) {
                self.revocation.tell(refusal);
            }
            self.look_for_gaps(began);
            let read = log.read(self.position.as_ref()).await;
            #[cfg(feature = "metrics")]
            if read.is_err() {
                crate::metrics::store_error("read_log");
            }
            let was_out = mem::replace(&mut self.is_out, read.is_err());
            match read {
                Ok(batch) => {
                    if was_out {
                        let list = &*self.revocation.inner.name;
                        tracing::info!(target: "countersign", list, "the revocation log can be read again");
                    }
                    self.apply(batch, began).await;
                    self.revocation.report();
                    self.compare(&log).await;
                }
                // It goes on from its position: the log itself notices when another server answers.
                Err(error) if !was_out => {
                    let (list, cause) = (
                        &*self.revocation.inner.name,
                        error.source().map(ToString::to_string),
                    );
                    tracing::warn!(target: "countersign", list, cause, "cannot read the revocation log");
                }
                Err(_) => {}
            }
            // A log paces itself. One that does not must not starve the executor.
            take_turns().await;
        }
    }

    /// Compares this node's clock with that of the store, and the store's epoch with the last one, now and then:
    /// after a read, which is fresh then.
    async fn compare<L: RevocationLog>(&mut self, log: &L) {
        let Inner {
            clock,
            clock_skew,
            name,
            ..
        } = &*self.revocation.inner;
        let before = clock.now();
        let is_due = |at: i64| before.abs_diff(at) >= COMPARE;
        if !self.compared_at.is_none_or(is_due) {
            return;
        }
        self.compared_at = Some(before);
        // An error is the next read's, too.
        if let Ok(Some(store)) = log.time().await {
            clock_skew.note(name, store, before, clock.now());
        }
        match log.store_epoch().await {
            Ok(Some(epoch)) => self.epochs.note(name, epoch),
            Ok(None) => {}
            Err(error) => self.epochs.miss(name, &error),
        }
    }

    /// Restarts at the beginning of the log when that could bring what is missing.
    fn look_for_gaps(&mut self, now: i64) {
        let index = &self.revocation.inner.index;
        if !index.is_incomplete(now) {
            self.refused = 0;
        } else if !self.anew && self.refused <= index.room(now) {
            self.position = None;
            self.anew = true;
        }
        if self.anew && self.position.is_none() {
            self.refused = 0;
            index.count_gaps_anew();
        }
    }

    async fn apply(&mut self, batch: LogBatch, began: i64) {
        let Inner { index, clock, .. } = &*self.revocation.inner;
        for part in batch.entries.chunks(TURN) {
            let now = clock.now();
            for entry in part {
                if index.insert(entry, now).is_err() {
                    index.miss(entry.until);
                    self.refused = self.refused.saturating_add(1);
                }
            }
            take_turns().await;
        }
        self.position = batch.position;
        if batch.complete {
            if mem::take(&mut self.anew) {
                index.forget_gaps(clock.now());
            }
            if self.revocation.inner.followers.load(Ordering::Acquire) == 1 {
                self.revocation.mark_synced(began);
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.revocation
            .inner
            .followers
            .fetch_sub(1, Ordering::AcqRel);
    }
}

/// Lets other tasks run: it is not ready the first time, and woken at once.
fn take_turns() -> impl Future<Output = ()> {
    let mut yielded = false;
    poll_fn(move |cx| {
        if mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}
