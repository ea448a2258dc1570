//! The events and measurements of a source.
//!
//! An event is written when something changes: an outage when it begins or its reason changes, not at
//! every try.

#![cfg_attr(not(feature = "metrics"), allow(unused_variables))] // only recorders need them

use std::time::Duration;

use super::current::Current;
use crate::remote::{KeysState, KeysStatus, document::Failure};

/// Makes the counters of a source, so that the first event of each is an increase.
pub(super) fn started(source: &str) {
    #[cfg(feature = "metrics")]
    crate::metrics::key_source(
        source,
        ["changed", "unchanged"].into_iter().chain(Failure::REASONS),
    );
}

/// Reports a fetch that brought keys, or confirmed the last ones.
pub(super) fn fetched(
    source: &str,
    last: Option<&Current>,
    current: &Current,
    took: Duration,
    recovered: bool,
) {
    let is_changed = last.is_none_or(|last| last.generation != current.generation);
    if is_changed {
        let keys = current.set.keys().len();
        tracing::info!(target: "countersign", source, keys, "the keys are new");
        #[cfg(feature = "metrics")]
        if last.is_some() {
            crate::metrics::key_rotation(source);
        }
    }
    if recovered {
        tracing::info!(target: "countersign", source, "the keys can be fetched again");
    }
    let result = if is_changed { "changed" } else { "unchanged" };
    measure_fetch(source, result, took);
}

/// Reports a fetch that failed.
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

/// Reports a change from the `last` state, and measures the present one.
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
}

/// Reports why keys of an earlier run are of no use.
pub(super) fn not_warm(source: &str, why: &'static str) {
    tracing::warn!(target: "countersign", source, why, "the saved keys are not used");
}

fn measure_fetch(source: &str, result: &'static str, took: Duration) {
    #[cfg(feature = "metrics")]
    crate::metrics::key_fetch(source, result, took);
}

/// Measures how long a request waited.
pub(super) fn waited(took: Duration) {
    #[cfg(feature = "metrics")]
    crate::metrics::key_wait(took);
}
