//! How long each stage of a verification takes.

use std::time::Instant;

use super::{
    explain::{Observer, Step},
    rules::{Facts, Rule, VerifierSettings},
};
use crate::{
    error::{AuthErrorKind, Mismatch},
    metrics,
};

/// Measures a verification as it goes on.
pub(super) struct StageTimer {
    since: Instant,
    in_claims: bool,
}

impl StageTimer {
    pub(super) fn start() -> Self {
        Self {
            since: now(),
            in_claims: false,
        }
    }

    fn end(&mut self, stage: &'static str) {
        let now = now();
        metrics::stage(stage, now - self.since);
        self.since = now;
    }
}

#[allow(clippy::disallowed_methods)] // it is measured, and decides nothing
fn now() -> Instant {
    Instant::now()
}

impl Observer for StageTimer {
    const EVERY_CHECK: bool = false;

    fn passed(&mut self, step: &Step, _: impl FnOnce() -> String) {
        match step.name {
            "format" => {}
            name => self.end(name),
        }
        self.in_claims = step.name == "payload";
    }

    fn failed(&mut self, step: &Step, _: AuthErrorKind, _: impl FnOnce() -> Mismatch) {
        self.end(match step.name {
            // The format belongs to the header, which comes next.
            "format" => "header",
            name => name,
        });
    }

    fn rule(&mut self, _: &Rule, _: &VerifierSettings, _: &Facts<'_>, _: Option<AuthErrorKind>) {}
}

impl Drop for StageTimer {
    fn drop(&mut self) {
        if self.in_claims {
            self.end("claims");
        }
    }
}
