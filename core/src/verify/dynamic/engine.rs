//! The verifier of one issuer that a resolver found.

use std::sync::{
    Arc,
    atomic::{AtomicU64 as Unshared, Ordering},
};

use tokio::time::{Duration, Instant};

use crate::{sync::AtomicU64, verify::verifier::Verifier};

/// The verifier of one issuer, with the time of its last use.
pub(crate) struct Engine {
    /// Tells it from every other engine of this process, also of the issuer.
    id: u64,
    verifier: Verifier,
    /// The beginning of its times.
    began: Instant,
    /// Milliseconds since then, to the minute; [`RETIRED`](Self::RETIRED) once it does not count any more.
    last_used: AtomicU64,
}

impl Engine {
    /// How old the mark of the last use may be before a use writes it again, in milliseconds.
    const COARSE: u64 = 60_000;
    const RETIRED: u64 = u64::MAX;

    pub(super) fn new(verifier: Verifier, began: Instant) -> Arc<Self> {
        static NEXT: Unshared = Unshared::new(1);

        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            verifier,
            began,
            last_used: AtomicU64::new(0),
        })
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Notes a verdict of the verifier's; `false` if it does not count any more.
    pub(super) fn note(&self, is_accepted: bool) -> bool {
        let last = self.last_used.load(Ordering::Acquire);
        if last == Self::RETIRED {
            return false;
        }
        if is_accepted {
            // A time of zero says that it was never used.
            let now = self.millis(Instant::now()).max(1);
            if last == 0 || now.saturating_sub(last) >= Self::COARSE {
                // Where another thread was faster, its time is as good.
                let marked =
                    self.last_used
                        .compare_exchange(last, now, Ordering::AcqRel, Ordering::Acquire);
                return marked != Err(Self::RETIRED);
            }
        }
        true
    }

    /// Has verdicts of the verifier count no more, those that are on their way included.
    pub(super) fn retire(&self) {
        self.last_used.store(Self::RETIRED, Ordering::Release);
    }

    /// Returns when it was used last, if that is longer ago than `idle`: zero for never.
    pub(super) fn idle_since(&self, now: Instant, idle: Duration) -> Option<u64> {
        let last = self.last_used.load(Ordering::Acquire);
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        let is_idle = self.millis(now).saturating_sub(last) >= idle.saturating_add(Self::COARSE);
        (last == 0 || is_idle).then_some(last)
    }

    fn millis(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.began);
        u64::try_from(since.as_millis()).unwrap_or(Self::RETIRED - 1)
    }
}
