//! Tests of the log, when the adapter itself refuses.
#![allow(clippy::unwrap_used)] // helpers stop where they cannot go on

mod common;

use std::{
    fmt::{Debug, Write},
    sync::{Arc, LazyLock, Mutex},
};

use actix_web::{App, Route, test::TestRequest, web};
use countersign::{AuthError, Authenticator, LogLevel, Policy, testing::TestIssuer};
use countersign_actix::{
    Claims, DefaultResponseForAuthError, Error, JwtAuth, Require, ResponseForAuthError, Token,
};
use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use crate::common::{Robot, User, get, send, who, with};

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

/// Returns the log while a route, behind a policy and the middleware, answers a request.
async fn lines_of(auth: Authenticator, route: Route, request: TestRequest) -> Vec<String> {
    LazyLock::force(&SECOND);
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let own = |error: &AuthError| DefaultResponseForAuthError.response_for_auth_error(error);
    let app = App::new()
        .service(
            web::resource("/admin")
                .wrap(Require::new(Policy::role("admin")))
                .wrap(JwtAuth::new(auth.clone()))
                .route(web::get().to(who)),
        )
        .service(
            web::resource("/own-response")
                .wrap(JwtAuth::new(auth.clone()).with_rejection_response(own))
                .route(web::get().to(who)),
        )
        .service(web::resource("/").wrap(JwtAuth::new(auth)).route(route));
    send(app, request).await;
    lines.0.lock().unwrap().clone()
}

#[track_caller]
fn expect_one(lines: &[String], level: &str, reason: &str) {
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with(level), "{lines:?}");
    assert!(
        lines[0].contains(&format!("reason=\"{reason}\"")),
        "{lines:?}"
    );
}

#[actix_web::test]
async fn a_refusal_is_logged_once_whoever_refuses() {
    async fn erase(Token(token): Token) -> Result<&'static str, Error> {
        Policy::scope("write").check(&token)?;
        Ok("erased")
    }
    async fn user(Claims(user): Claims<User>) -> String {
        user.sub.clone()
    }

    let issuer = TestIssuer::new();
    let good = || with(&issuer.token().sign());
    let expired = || with(&issuer.token().expired().sign());
    for (request, reason) in [
        (expired(), "expired"),
        (expired().uri("/own-response"), "expired"),
        (good().uri("/admin"), "forbidden"),
        (good(), "insufficient_scope"),
    ] {
        let auth = Authenticator::new(issuer.verifier());
        let lines = lines_of(auth, web::get().to(erase), request).await;
        expect_one(&lines, "DEBUG", reason);
    }
    let optional = Authenticator::new(issuer.verifier()).optional();
    let lines = lines_of(optional, web::get().to(user), get()).await;
    expect_one(&lines, "DEBUG", "missing_token");
}

#[actix_web::test]
async fn all_refusals_inside_a_middleware_are_logged_at_its_level() {
    async fn erase(Token(token): Token) -> Result<&'static str, Error> {
        Policy::scope("write").check(&token)?;
        Ok("erased")
    }
    async fn user(Claims(user): Claims<User>) -> String {
        user.sub.clone()
    }

    let issuer = TestIssuer::new();
    let good = || with(&issuer.token().sign());
    for (level, name) in [
        (LogLevel::Trace, "TRACE"),
        (LogLevel::Debug, "DEBUG"),
        (LogLevel::Info, "INFO"),
        (LogLevel::Warn, "WARN"),
    ] {
        let auth = Authenticator::new(issuer.verifier()).log_refusals_at(level);
        for (request, reason) in [
            (with(&issuer.token().expired().sign()), "expired"),
            (good().uri("/admin"), "forbidden"),
            (good(), "insufficient_scope"),
        ] {
            let lines = lines_of(auth.clone(), web::get().to(erase), request).await;
            expect_one(&lines, name, reason);
        }
        let lines = lines_of(auth.optional(), web::get().to(user), get()).await;
        expect_one(&lines, name, "missing_token");
    }
}

#[actix_web::test]
async fn claims_that_do_not_fit_are_a_warning_without_the_claims() {
    async fn robot(_: Claims<Robot>) -> &'static str {
        "a robot"
    }

    let issuer = TestIssuer::new();
    let request = with(&issuer.token().subject("confidential").sign());
    let auth = Authenticator::new(issuer.verifier());
    let lines = lines_of(auth, web::get().to(robot), request).await;
    expect_one(&lines, "WARN", "misconfigured");
    assert!(!lines[0].contains("confidential"), "{lines:?}");
}

#[actix_web::test]
async fn a_refusal_names_the_claim_with_what_was_expected_and_found() {
    let issuer = TestIssuer::new();
    for (token, reason, cause) in [
        (
            issuer.token().claim("sub", 4_711),
            "invalid_claim",
            "cause=sub: expected a text; found a number",
        ),
        (
            issuer.token().audience("shop"),
            "wrong_audience",
            r#"cause=aud: expected "https://api.test"; found "shop""#,
        ),
    ] {
        let auth = Authenticator::new(issuer.verifier());
        let lines = lines_of(auth, web::get().to(who), with(&token.sign())).await;
        expect_one(&lines, "DEBUG", reason);
        assert!(lines[0].contains(cause), "{lines:?}");
        assert!(!lines[0].contains("4711"), "{lines:?}");
    }
}
