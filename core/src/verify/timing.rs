//! How long each stage of a verification takes.

use std::time::Instant;

use super::{
    explain::{Log, Step},
    rules::{Facts, Rule, Settings},
};
use crate::{
    error::{AuthErrorKind, Mismatch},
    metrics,
};

/// Measures a verification as it goes on.
pub(super) struct Stages {
    since: Instant,
    in_claims: bool,
}

impl Stages {
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

impl Log for Stages {
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

    fn rule(&mut self, _: &Rule, _: &Settings, _: &Facts<'_>, _: Option<AuthErrorKind>) {}
}

impl Drop for Stages {
    fn drop(&mut self) {
        if self.in_claims {
            self.end("claims");
        }
    }
}
