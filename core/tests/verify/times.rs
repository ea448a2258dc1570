//! Tests of the rules about time.

use std::time::Duration;

use countersign::{
    AuthErrorKind, ConfigError, SigningKey,
    testing::{FixedClock, TestIssuer},
};
use serde_json::json;

use super::{now, twins};

#[test]
fn expiry_is_required_and_has_leeway() {
    let issuer = TestIssuer::new();
    let (verifier, now) = (issuer.verifier(), now(&issuer));
    let with = |exp: i64| issuer.token().claim("iat", exp - 300).claim("exp", exp);
    twins(
        &verifier,
        with(now - 30),
        AuthErrorKind::Expired,
        with(now - 29),
    );
    twins(
        &verifier,
        issuer.token().without("exp"),
        AuthErrorKind::MissingClaim,
        issuer.token(),
    );
}

#[test]
fn times_in_the_future_have_leeway() {
    let issuer = TestIssuer::new();
    let (verifier, now) = (issuer.verifier(), now(&issuer));
    let nbf = |at: i64| issuer.token().claim("nbf", at);
    twins(
        &verifier,
        nbf(now + 31),
        AuthErrorKind::NotYetValid,
        nbf(now + 30),
    );
    let iat = |at: i64| issuer.token().claim("iat", at);
    twins(
        &verifier,
        iat(now + 31),
        AuthErrorKind::IssuedInFuture,
        iat(now + 30),
    );
    // A fraction rounds to the stricter side.
    let fraction = |at: f64| issuer.token().claim("nbf", at);
    #[allow(clippy::cast_precision_loss)]
    let limit = (now + 30) as f64;
    twins(
        &verifier,
        fraction(limit + 0.25),
        AuthErrorKind::NotYetValid,
        fraction(limit - 0.25),
    );
}

#[test]
fn the_leeway_is_configurable_up_to_five_minutes() {
    let issuer = TestIssuer::new();
    let with = |leeway| {
        issuer
            .verifier_builder()
            .leeway(Duration::from_secs(leeway))
            .build()
    };
    let expired = issuer.token().claim("exp", now(&issuer) - 200).sign();
    with(300).unwrap().verify_now(&expired).unwrap();
    with(0).unwrap().verify_now(&expired).unwrap_err();
    assert!(matches!(with(301), Err(ConfigError::InvalidSetting(_))));
}

#[test]
fn the_clock_may_stand_anywhere() {
    let issuer = TestIssuer::new();
    let token = issuer.token().sign();
    for (at, kind) in [
        (i64::MIN, AuthErrorKind::IssuedInFuture),
        (0, AuthErrorKind::IssuedInFuture),
        (i64::MAX, AuthErrorKind::Expired),
    ] {
        issuer.clock().set(at);
        let error = issuer.verifier().verify_now(&token).unwrap_err();
        assert_eq!(error.kind(), kind, "{at}");
    }
}

#[test]
fn a_long_life_is_opt_in() {
    let issuer = TestIssuer::new();
    let now = now(&issuer);
    let most = 5 * 366 * 86_400;
    let lives = |seconds: i64| issuer.token().claim("exp", now + seconds);
    twins(
        &issuer.verifier(),
        lives(most + 1),
        AuthErrorKind::LifetimeTooLong,
        lives(most),
    );
    // Without `iat`, the lifetime counts from now.
    twins(
        &issuer.verifier(),
        lives(most + 1).without("iat"),
        AuthErrorKind::LifetimeTooLong,
        lives(most).without("iat"),
    );
    let hour = issuer
        .verifier_builder()
        .max_lifetime(Duration::from_secs(3_600))
        .build()
        .unwrap();
    twins(
        &hour,
        lives(3_601),
        AuthErrorKind::LifetimeTooLong,
        lives(3_600),
    );
    let any = issuer.verifier_builder().any_lifetime().build().unwrap();
    any.verify_now(&lives(20 * most).sign()).unwrap();
}

#[test]
fn an_age_needs_its_claim() {
    let issuer = TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .max_age(Duration::from_secs(60))
        .build()
        .unwrap();
    let issued = |ago: i64| issuer.token().claim("iat", now(&issuer) - ago);
    twins(
        &verifier,
        issued(91),
        AuthErrorKind::TokenTooOld,
        issued(90),
    );
    twins(
        &verifier,
        issued(0).without("iat"),
        AuthErrorKind::MissingClaim,
        issued(0),
    );
}

#[test]
fn what_remains_follows_the_clock() {
    let issuer = TestIssuer::new();
    let token = issuer
        .verifier()
        .verify_now(&issuer.token().sign())
        .unwrap();
    assert_eq!(token.remaining(), Some(300));
    issuer.clock().advance(Duration::from_secs(299));
    assert_eq!(token.remaining(), Some(1));
    issuer.clock().advance(Duration::from_secs(100));
    assert_eq!(token.remaining(), Some(0));
}

#[test]
fn the_clock_is_asked_at_each_verification() {
    let clock = FixedClock::at(1_000);
    let key = SigningKey::generate_es256().unwrap();
    let issuer = countersign::Issuer::builder("i", key)
        .audience("a")
        .clock(clock.clone())
        .build()
        .unwrap();
    let token = issuer.issue(&json!({ "sub": "s" })).unwrap();
    issuer.verifier().verify_now(token.as_str()).unwrap();
    clock.advance(Duration::from_secs(900 + 29));
    issuer.verifier().verify_now(token.as_str()).unwrap();
    clock.advance(Duration::from_secs(1));
    let error = issuer.verifier().verify_now(token.as_str()).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Expired);
}
