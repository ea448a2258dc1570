//! Tests of each rule of verification: a token that breaks it, and its nearest accepted twin.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod alb;
mod claims;
mod explain;
mod fallback;
mod format;
mod keys;
mod layout;
mod migration;
mod mismatch;
mod newer_keys;
mod policy;
mod presets;
mod provider_tokens;
mod providers;
mod settings;
mod spiffe;
mod times;
mod tolerance_property;
mod tolerances;
mod typed;
mod typed_broken;
mod typed_verdict;
mod unregistered;
mod values;

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use countersign::{
    AuthErrorKind, Verifier,
    testing::{TestIssuer, TestToken},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::Interest,
};

/// Checks that a token is refused as it is, and that its corrected twin is accepted.
#[track_caller]
fn twins(
    verifier: &Verifier,
    refused: TestToken<'_>,
    kind: AuthErrorKind,
    accepted: TestToken<'_>,
) {
    let error = verifier.verify_now(&refused.sign()).unwrap_err();
    assert_eq!(error.kind(), kind);
    verifier.verify_now(&accepted.sign()).unwrap();
}

/// Returns the fields of each event that is logged at `warn` or above.
fn log_of(run: impl FnOnce()) -> Vec<String> {
    struct Log(Arc<Mutex<Vec<String>>>);
    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
            if field.name() != "message" {
                self.0 += &format!(" {field}={value:?}");
            }
        }
    }

    impl Subscriber for Log {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() <= Level::WARN
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            let metadata = event.metadata();
            let mut line = Line(format!("{} {}", metadata.level(), metadata.target()));
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    // One is enough for all tests.
    let _ = tracing::subscriber::set_global_default(Quiet);
    let lines = Arc::<Mutex<Vec<String>>>::default();
    tracing::subscriber::with_default(Log(Arc::clone(&lines)), run);
    let lines = lines.lock().unwrap();
    lines.clone()
}

/// Listens to nothing, but might: other threads must not make events be skipped while a test listens to its own.
struct Quiet;

impl Subscriber for Quiet {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn now(issuer: &TestIssuer) -> i64 {
    countersign::Clock::now(issuer.clock())
}
