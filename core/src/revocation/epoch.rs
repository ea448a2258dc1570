//! The epoch of a store: a stretch of its history without a gap.

use std::{error::Error, mem};

use crate::error::StoreError;

/// An epoch of a store, in which it has lost no write that it had answered.
///
/// A failover to a replica that lags, a crash, and a restored backup begin another one: sessions are then as they were
/// some time before, and refresh tokens that clients got since are unknown. The store keeps what it has noticed
/// beside its data, so that all nodes know the same, and one that was restarted too.
///
/// It may be later than the loss: a change is noticed when somebody asks. Nodes that
/// [follow](crate::Revocation::follow) the log ask every ten seconds.
///
/// # Examples
///
/// ```
/// use countersign::revocation::StoreEpoch;
///
/// let epoch = StoreEpoch::new("timeline 2", Some(1_800_000_000));
/// assert_eq!(epoch.since(), Some(1_800_000_000));
/// assert_eq!(StoreEpoch::new("timeline 1", None).since(), None); // as it was found at first
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreEpoch {
    id: Box<str>,
    since: Option<i64>,
}

impl StoreEpoch {
    /// Makes the epoch with this name, which began at this time, in seconds since 1970 by the clock of the
    /// store; `None` for the first one, before which there was nothing to lose.
    pub fn new(id: impl Into<String>, since: Option<i64>) -> Self {
        Self {
            id: id.into().into_boxed_str(),
            since,
        }
    }

    /// Returns the name by which the store tells this epoch from others, for the log.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns when it was noticed that it had begun, in seconds since 1970 by the clock of the store: writes
    /// from before may be lost. `None`: it is the first one.
    #[must_use]
    pub fn since(&self) -> Option<i64> {
        self.since
    }
}

/// The epochs that a list has seen, as far as they are to be told.
#[derive(Default)]
pub(super) struct EpochWatch {
    last: Option<StoreEpoch>,
    /// True if the store did not answer, and the log says so.
    is_out: bool,
}

impl EpochWatch {
    /// Notes the epoch of now, and tells a change once.
    pub(super) fn note(&mut self, list: &str, epoch: StoreEpoch) {
        if mem::replace(&mut self.is_out, false) {
            tracing::info!(target: "countersign", list, "the store says again whether it may have lost writes");
        }
        #[cfg(feature = "metrics")]
        if let Some(since) = epoch.since() {
            crate::metrics::store_epoch(list, since);
        }
        let (id, since) = (epoch.id(), epoch.since());
        match &self.last {
            Some(last) if *last != epoch => {
                let before = last.id();
                tracing::warn!(
                    target: "countersign",
                    list, id, before, since,
                    "the store may have lost writes: it is another server, was restarted, or has restored data",
                );
            }
            None if since.is_some() => {
                tracing::info!(target: "countersign", list, id, since, "the store may have lost writes before this program started");
            }
            _ => {}
        }
        self.last = Some(epoch);
    }

    /// Tells once that the store does not say.
    pub(super) fn miss(&mut self, list: &str, error: &StoreError) {
        if !mem::replace(&mut self.is_out, true) {
            let cause = error.source().map(tracing::field::display);
            tracing::warn!(target: "countersign", list, cause, "cannot ask the store whether it may have lost writes");
        }
    }
}
