//! What a source says of itself: events of `tracing`, and measurements.
//!
//! Each event once: an outage when it begins or its reason changes, not at every try.

use std::time::Duration;

use tokio::time::Instant;

use crate::remote::{KeysState, KeysStatus, document::Failure};

/// What a good answer came to.
#[derive(Clone, Copy)]
pub(super) enum Published {
    Changed { keys: usize, had_keys: bool },
    Unchanged,
}

pub(super) fn fetched(source: &str, published: Published, took: Duration, recovered: bool) {
    let result = match published {
        Published::Changed { .. } => "changed",
        Published::Unchanged => "unchanged",
    };
    if let Published::Changed { keys, had_keys } = published {
        tracing::info!(target: "countersign", source, keys, "the keys are new");
        #[cfg(feature = "metrics")]
        if had_keys {
            crate::metrics::key_rotation(source);
        }
        #[cfg(not(feature = "metrics"))]
        let _ = had_keys;
    }
    if recovered {
        tracing::info!(target: "countersign", source, "the keys can be fetched again");
    }
    measure_fetch(source, result, took);
}

pub(super) fn failed(
    source: &str,
    failure: &Failure,
    took: Duration,
    has_keys: bool,
    is_new: bool,
) {
    let reason = failure.reason();
    if is_new {
        tracing::warn!(target: "countersign", source, reason, cause = %failure, has_keys, "the keys cannot be fetched");
    } else {
        tracing::debug!(target: "countersign", source, reason, cause = %failure, has_keys, "the keys cannot be fetched");
    }
    measure_fetch(source, reason, took);
}

/// How it is now, since when (seconds since the Unix epoch), and how it was.
pub(super) fn state(source: &str, status: &KeysStatus, fetched_at: Option<i64>, last: KeysState) {
    if status.state() != last {
        match status.state() {
            KeysState::Stale => {
                tracing::warn!(target: "countersign", source, "the keys have expired, and are still used");
            }
            KeysState::Unavailable => {
                tracing::warn!(target: "countersign", source, "there are no keys that may be used: requests are answered with 503");
            }
            KeysState::Stopped => {
                tracing::error!(target: "countersign", source, "nobody fetches the keys any more: the runtime on which they were built has ended");
            }
            KeysState::Fresh | KeysState::Starting => {}
        }
    }
    #[cfg(feature = "metrics")]
    crate::metrics::keys_state(
        source,
        if status.is_ready() { status.keys() } else { 0 },
        KeysState::ALL.map(|state| (state.name(), state == status.state())),
        fetched_at,
    );
    #[cfg(not(feature = "metrics"))]
    let _ = fetched_at;
}

/// Keys of an earlier run are of no use.
pub(super) fn not_warm(source: &str, why: &'static str) {
    tracing::warn!(target: "countersign", source, why, "the saved keys are not used");
}

fn measure_fetch(source: &str, result: &'static str, took: Duration) {
    #[cfg(feature = "metrics")]
    crate::metrics::key_fetch(source, result, took);
    #[cfg(not(feature = "metrics"))]
    let _ = (source, result, took);
}

/// Measures how long a request waits, however that ends.
pub(super) struct Wait(Instant);

impl Wait {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        #[cfg(feature = "metrics")]
        crate::metrics::key_wait(self.0.elapsed());
        #[cfg(not(feature = "metrics"))]
        let _ = self.0;
    }
}
