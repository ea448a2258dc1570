//! Tests of the log: actor and subject are named where that is asked for.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use countersign::{Authenticator, LogLevel, Policy, adapter::Credentials};
use serde_json::json;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::Interest,
};

use crate::{TestIssuer, acting};

#[test]
fn a_refusal_names_actor_and_subject_only_where_that_is_asked_for() {
    let issuer = TestIssuer::new();
    let quiet = Authenticator::new(issuer.verifier())
        .require(Policy::direct())
        .log_refusals_at(LogLevel::Warn);
    let naming = quiet.clone().log_actors();
    let line = |authenticator: &Authenticator, act: serde_json::Value| {
        let lines = listen(|| {
            let token = acting(&issuer, act).sign();
            let request = authenticator.authenticate(Some(Credentials::new(&token)));
            assert!(futures_executor::block_on(request).is_err());
        });
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.concat()
    };
    let svc = json!({"sub": "svc", "act": {"sub": "earlier"}});
    let foreign = json!({"sub": "svc", "iss": "https://else.test"});

    let named = line(&naming, svc.clone());
    assert!(named.contains(r#" actor="svc" subject="ada""#), "{named}");
    assert!(!named.contains("earlier"), "{named}");
    let named = line(&naming, foreign);
    assert!(
        named.contains(r#"actor="svc (https://else.test)""#),
        "{named}"
    );
    let long = line(&naming, json!({"sub": "x".repeat(1_000)}));
    assert!(long.len() < 700 && long.contains(r#"...""#), "{long}");

    let unnamed = line(&quiet, svc);
    assert!(
        !unnamed.contains("svc") && !unnamed.contains("ada"),
        "{unnamed}"
    );
    // Nobody knows whom an unreadable one would be of.
    let unreadable = line(&naming, json!(["svc"]));
    assert!(
        !unreadable.contains("svc") && !unreadable.contains("ada"),
        "{unreadable}"
    );
    assert!(unreadable.contains("invalid_claim"), "{unreadable}");
}

fn listen(run: impl FnOnce()) -> Vec<String> {
    // Other threads must not make events be skipped while a test listens to its own. One is enough.
    let _ = tracing::subscriber::set_global_default(Lines(None));
    let lines = Arc::<Mutex<Vec<String>>>::default();
    tracing::subscriber::with_default(Lines(Some(Arc::clone(&lines))), run);
    let lines = lines.lock().unwrap();
    lines.clone()
}

/// Keeps the fields of each event; none without a list.
struct Lines(Option<Arc<Mutex<Vec<String>>>>);

impl Subscriber for Lines {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.is_some() && metadata.target() == "countersign"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        if let Some(lines) = &self.0 {
            lines.lock().unwrap().push(line.0);
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0 += &format!(" {field}={value:?}");
    }
}
