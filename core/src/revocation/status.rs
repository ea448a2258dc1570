//! The state of a list: for readiness, for the log and for measurements.

use std::sync::atomic::Ordering;

use super::{
    error::Refusal,
    list::{ALWAYS, Inner, NEVER, Revocation},
};

/// The state of a [`Revocation`]. Times in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationStatus {
    /// The number of entries. Some may have expired: they leave when room is needed.
    pub entries: usize,
    /// The most entries.
    pub capacity: usize,
    /// True if the log was read recently enough; always for a local list.
    pub fresh: bool,
    /// True if an entry is missing that still counts: there was no room for it, or the clock went
    /// back after it was dropped.
    pub overflowed: bool,
    /// When the last complete read of the log began; `None` before the first, and for a local list.
    pub synced_at: Option<i64>,
    /// By how many seconds this node's clock is ahead of the store's; less than zero when it is behind. Whole
    /// seconds, so 1 may be nothing. Measured every ten seconds while the log is read; `None` before that, and where
    /// the log has no [clock](crate::revocation::RevocationLog::time) of its own.
    pub clock_ahead: Option<i64>,
    available: bool,
}

impl RevocationStatus {
    /// Returns whether tokens are checked and accepted: if not, the answer to every good one is 503.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.available
    }
}

impl Revocation {
    /// Returns the state of the list, for a readiness endpoint.
    #[must_use]
    pub fn status(&self) -> RevocationStatus {
        self.report();
        let index = &self.inner.index;
        let now = self.inner.clock.now();
        let fresh = self.freshness(now).is_ok();
        let synced_at = self.inner.synced_at.load(Ordering::Acquire);
        let complete = !index.is_incomplete(now);
        RevocationStatus {
            entries: index.len(),
            capacity: index.capacity,
            fresh,
            overflowed: !complete,
            synced_at: (![ALWAYS, NEVER].contains(&synced_at)).then_some(synced_at),
            clock_ahead: self.inner.clock_skew.ahead(),
            available: complete && (fresh || self.inner.accept_when_stale),
        }
    }

    /// Logs why nobody can tell whether a token is revoked: once until somebody can.
    #[cold]
    pub(super) fn tell(&self, why: Refusal) {
        let Inner {
            name,
            accept_when_stale,
            is_told,
            is_gap_told,
            ..
        } = &*self.inner;
        let (flag, accepts) = match why {
            Refusal::Revoked => return,
            Refusal::Incomplete => (is_gap_told, false),
            Refusal::NeverRead | Refusal::Stale(_) => (is_told, *accept_when_stale),
        };
        if flag.load(Ordering::Relaxed) || flag.swap(true, Ordering::Relaxed) {
            return;
        }
        let consequence = match accepts {
            true => "revoked tokens may be accepted",
            false => "every good token is answered with 503",
        };
        tracing::warn!(
            target: "countersign",
            list = &**name,
            cause = %why,
            "the list of revocations is not up to date: {consequence}",
        );
    }

    /// Reports the size of the list to the recorder, and the end of a gap to the log.
    pub(super) fn report(&self) {
        let Inner {
            index,
            name,
            clock,
            is_gap_told,
            ..
        } = &*self.inner;
        let is_incomplete = index.is_incomplete(clock.now());
        if !is_incomplete
            && is_gap_told.load(Ordering::Relaxed)
            && is_gap_told.swap(false, Ordering::Relaxed)
        {
            tracing::info!(target: "countersign", list = &**name, "no revocation that counts is missing any more");
        }
        #[cfg(feature = "metrics")]
        crate::metrics::revocation_size(name, index.len(), index.capacity, is_incomplete);
    }
}
