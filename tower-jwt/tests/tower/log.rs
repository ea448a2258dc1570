//! Tests of the log, when the adapter itself refuses.

use std::{
    fmt::{Debug, Write},
    sync::{Arc, LazyLock, Mutex},
};

use axum::{Router, routing::get};
use countersign::{Authenticator, LogLevel, Policy, testing::TestIssuer};
use countersign_tower::{Claims, ClaimsRejection, JwtAuthLayer, RequireLayer, Token};
use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::{anonymous, answer, bearing};

/// Keeps events of the library as lines of text.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "countersign"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

/// A second subscriber. With a single one, an event that another thread meets first is skipped everywhere.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Lines::default()));

/// Returns the log while `app` answers requests with these tokens.
async fn lines_of(app: Router, token: Option<String>) -> Vec<String> {
    LazyLock::force(&SECOND);
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let request = token.map_or_else(anonymous, |token| bearing(&token));
    answer(app, request).await;
    lines.0.lock().unwrap().clone()
}

#[tokio::test]
async fn claims_without_a_layer_are_a_warning() {
    async fn handler(_: Claims<serde_json::Value>) {}

    let app = Router::new().route("/", get(handler));
    let lines = lines_of(app, None).await;
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("WARN"), "{lines:?}");
    assert!(
        lines[0].contains("not covered by an authentication layer"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn claims_that_do_not_fit_are_a_warning_without_the_claims() {
    async fn handler(_: Claims<Vec<u8>>) {}

    let issuer = TestIssuer::new();
    let app = Router::new()
        .route("/", get(handler))
        .route_layer(JwtAuthLayer::new(issuer.verifier()));
    let lines = lines_of(app, Some(issuer.token().subject("confidential").sign())).await;
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("WARN"), "{lines:?}");
    assert!(!lines[0].contains("confidential"), "{lines:?}");
}

#[tokio::test]
async fn a_refusal_is_logged_once_whoever_refuses() {
    async fn erase(Token(token): Token) -> Result<(), ClaimsRejection> {
        Policy::scope("write").check(&token)?;
        Ok(())
    }

    let issuer = TestIssuer::new();
    let app = Router::new()
        .route("/", get(erase))
        .route_layer(RequireLayer::new(Policy::role("admin")))
        .route_layer(JwtAuthLayer::new(issuer.verifier()));
    for (token, reason) in [
        (issuer.token().expired().sign(), "expired"),
        (issuer.token().role("user").sign(), "forbidden"),
        (issuer.token().role("admin").sign(), "insufficient_scope"),
    ] {
        let lines = lines_of(app.clone(), Some(token)).await;
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("DEBUG"), "{lines:?}");
        assert!(lines[0].contains(reason), "{lines:?}");
    }
}

#[tokio::test]
async fn all_refusals_inside_a_layer_are_logged_at_its_level() {
    async fn erase(Token(token): Token) -> Result<(), ClaimsRejection> {
        Policy::scope("write").check(&token)?;
        Ok(())
    }
    async fn anyone(_: Claims<serde_json::Value>) {}

    let issuer = TestIssuer::new();
    for (level, name) in [
        (LogLevel::Trace, "TRACE"),
        (LogLevel::Debug, "DEBUG"),
        (LogLevel::Info, "INFO"),
        (LogLevel::Warn, "WARN"),
    ] {
        let authenticator = Authenticator::new(issuer.verifier()).log_refusals_at(level);
        let app = Router::new()
            .route("/", get(erase))
            .route_layer(RequireLayer::new(Policy::role("admin")))
            .route_layer(JwtAuthLayer::new(authenticator.clone()));
        for token in [
            issuer.token().expired().sign(),
            issuer.token().role("user").sign(),
            issuer.token().role("admin").sign(),
        ] {
            let lines = lines_of(app.clone(), Some(token)).await;
            assert_eq!(lines.len(), 1);
            assert!(lines[0].starts_with(name), "{lines:?}");
        }
        let app = Router::new()
            .route("/", get(anyone))
            .route_layer(JwtAuthLayer::new(authenticator.optional()));
        let lines = lines_of(app, None).await;
        assert!(lines[0].starts_with(name), "{lines:?}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_claim_with_what_was_expected_and_found() {
    let issuer = TestIssuer::new();
    let app = Router::new()
        .route("/", get(async || "in"))
        .route_layer(RequireLayer::new(Policy::scope("write")))
        .route_layer(JwtAuthLayer::new(issuer.verifier()));
    for (token, cause) in [
        (
            issuer.token().claim("sub", 4_711),
            "cause=sub: expected a text; found a number",
        ),
        (
            issuer.token().audience("shop"),
            r#"cause=aud: expected "https://api.test"; found "shop""#,
        ),
        (
            issuer.token().header("kid", "other"),
            r#"cause=kid: expected the id of a key at hand; found alg ES256, kid "other""#,
        ),
        (
            issuer.token().scope("read"),
            "cause=scope: expected write; found read",
        ),
    ] {
        let lines = lines_of(app.clone(), Some(token.sign())).await;
        assert!(lines[0].starts_with("DEBUG"), "{lines:?}");
        assert!(lines[0].contains(cause), "{lines:?}");
        assert!(!lines[0].contains("4711"), "{lines:?}");
    }
}
