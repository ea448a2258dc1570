//! When the rows of proofs whose time is over are deleted, and how many at a time.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use countersign::session::store::StoreError;

/// Sweeps beside the inserts of one handle and its clones: now and then, one sweep at a time, and none that a request waits
/// for.
#[derive(Clone, Default)]
pub(crate) struct Sweeper(Arc<State>);

#[derive(Default)]
struct State {
    inserts: AtomicU64,
    is_sweeping: AtomicBool,
}

impl Sweeper {
    /// Counts an insert, and starts a sweep after some of them.
    pub(crate) fn count<F>(&self, sweep: impl FnOnce() -> F)
    where
        F: Future<Output = Result<u64, StoreError>> + Send + 'static,
    {
        let State {
            inserts,
            is_sweeping,
        } = &*self.0;
        let number = inserts.fetch_add(1, Ordering::Relaxed);
        if !number.is_multiple_of(INSERTS) || is_sweeping.swap(true, Ordering::Acquire) {
            return;
        }
        let (sweep, turn) = (sweep(), Turn(Arc::clone(&self.0)));
        tokio::spawn(async move {
            // The next one makes up for it: rows that stay too long do no harm.
            if let Err(error) = sweep.await {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::debug!(target: "countersign", cause, "used proofs could not be swept");
            }
            drop(turn);
        });
    }
}

/// The right to sweep. It ends also where the task is dropped half way.
struct Turn(Arc<State>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.is_sweeping.store(false, Ordering::Release);
    }
}

/// The number of inserts from one sweep to the next.
const INSERTS: u64 = 256;

/// The most rows that a sweep deletes: more than were added since the last one, by several nodes.
pub(crate) const ROWS: i64 = 2_048;

/// Seconds for which a row stays beyond its time: by as much, clocks of nodes may differ.
pub(crate) const MARGIN: i64 = 30;
