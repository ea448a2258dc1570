//! The time that each stage of a verification takes.

#[cfg(feature = "metrics")]
use std::time::Instant;

#[cfg(feature = "metrics")]
use crate::metrics::{self, now};

/// Measures the stages of a verification; the last one ends with it. Without `metrics`, nothing.
pub(super) struct StageTimer {
    #[cfg(feature = "metrics")]
    stage: &'static str,
    #[cfg(feature = "metrics")]
    since: Instant,
}

#[cfg(not(feature = "metrics"))]
impl StageTimer {
    pub(super) fn start(_: &'static str) -> Self {
        Self {}
    }

    #[allow(clippy::unused_self)] // as with `metrics`
    pub(super) fn next(&mut self, _: &'static str) {}
}

#[cfg(feature = "metrics")]
impl StageTimer {
    /// Begins the first stage.
    pub(super) fn start(stage: &'static str) -> Self {
        Self {
            stage,
            since: now(),
        }
    }

    /// Ends the stage at hand, and begins this one.
    pub(super) fn next(&mut self, stage: &'static str) {
        let now = now();
        metrics::stage(self.stage, now - self.since);
        (self.stage, self.since) = (stage, now);
    }
}

#[cfg(feature = "metrics")]
impl Drop for StageTimer {
    fn drop(&mut self) {
        metrics::stage(self.stage, now() - self.since);
    }
}
