//! How long each stage of a verification takes.

use std::time::Instant;

use crate::{
    error::AuthErrorKind,
    jose::Header,
    metrics,
    verify::{
        explain::Log,
        rules::{Facts, Rule, Settings},
    },
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

    fn step(
        &mut self,
        name: &'static str,
        _: impl FnOnce() -> String,
        failed: Option<AuthErrorKind>,
    ) {
        match name {
            "payload" => {
                self.end("payload");
                self.in_claims = failed.is_none();
            }
            "header" => self.end("header"),
            // The format belongs to the header, which comes next.
            _ if failed.is_some() => self.end("header"),
            _ => {}
        }
    }

    fn signature(&mut self, _: &Header, _: Option<AuthErrorKind>) {
        self.end("signature");
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
