//! The events and measurements of a source.
//!
//! An event is written when something changes: an outage when it begins or its reason changes, not at
//! every try.

#![cfg_attr(not(feature = "metrics"), allow(unused_variables))] // only recorders need them

use std::{future::Future, time::Duration};

use super::current::Current;
use crate::remote::{KeysState, KeysStatus, document::Failure};

tokio::task_local! {
    /// Set where what is built has no time series of its own.
    static UNNAMED: ();
}

/// Runs a future. The sources that it builds share one label in metrics.
pub(crate) fn unnamed<F: Future>(work: F) -> impl Future<Output = F::Output> {
    UNNAMED.scope((), work)
}

/// The name of a source of keys, for logs and metrics.
pub(crate) struct SourceName {
    /// The issuer or the URL.
    name: String,
    /// One of many, of which metrics know the sum only.
    is_unnamed: bool,
}

impl SourceName {
    pub(super) fn new(name: String) -> Self {
        let is_unnamed = UNNAMED.try_with(|()| ()).is_ok();
        Self { name, is_unnamed }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.name
    }

    /// Returns the label of its counters.
    fn label(&self) -> &str {
        match self.is_unnamed {
            true => UNNAMED_LABEL,
            false => &self.name,
        }
    }
}

/// The label of all issuers that a resolver found.
pub(crate) const UNNAMED_LABEL: &str = "dynamic";

/// Makes the counters of a source, so that the first event of each is an increase.
pub(super) fn started(source: &SourceName) {
    #[cfg(feature = "metrics")]
    crate::metrics::key_source(
        source.label(),
        ["changed", "unchanged"].into_iter().chain(Failure::REASONS),
    );
}

/// Reports a fetch that brought keys, or confirmed the last ones.
pub(super) fn fetched(
    source: &SourceName,
    last: Option<&Current>,
    current: &Current,
    took: Duration,
    recovered: bool,
) {
    let (source, label) = (source.as_str(), source.label());
    let is_changed = last.is_none_or(|last| last.generation != current.generation);
    if is_changed {
        let keys = current.set.keys().len();
        tracing::info!(target: "countersign", source, keys, "the keys are new");
        #[cfg(feature = "metrics")]
        if last.is_some() {
            crate::metrics::key_rotation(label);
        }
    }
    if recovered {
        tracing::info!(target: "countersign", source, "the keys can be fetched again");
    }
    let result = if is_changed { "changed" } else { "unchanged" };
    measure_fetch(label, result, took);
}

/// Reports a fetch that failed.
pub(super) fn failed(
    source: &SourceName,
    failure: &Failure,
    took: Duration,
    has_keys: bool,
    is_new: bool,
) {
    let (source, label) = (source.as_str(), source.label());
    let reason = failure.reason();
    if is_new {
        tracing::warn!(target: "countersign", source, reason, cause = %failure, has_keys, "the keys cannot be fetched");
    } else {
        tracing::debug!(target: "countersign", source, reason, cause = %failure, has_keys, "the keys cannot be fetched");
    }
    measure_fetch(label, reason, took);
}

/// Reports a change from the `last` state, and measures the present one.
///
/// A source without a name has no gauges: those of its neighbours would take their place.
pub(super) fn state(
    source: &SourceName,
    status: &KeysStatus,
    fetched_at: Option<i64>,
    last: KeysState,
) {
    let (source, is_unnamed) = (source.as_str(), source.is_unnamed);
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
    if !is_unnamed {
        crate::metrics::keys_state(
            source,
            if status.is_ready() { status.keys() } else { 0 },
            KeysState::ALL.map(|state| (state.name(), state == status.state())),
            fetched_at,
        );
    }
}

/// Reports why keys of an earlier run are of no use.
pub(super) fn not_warm(source: &SourceName, why: &'static str) {
    let source = source.as_str();
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
