//! Tests of cached tokens against the rules that depend on more than the token and the settings.

use std::time::Duration;

use countersign::{
    AuthErrorKind, Revocation, TokenCache,
    revocation::{RevocationEntry, Revoked},
    session::{Realm, SessionId},
    testing::{FixedClock, TestIssuer, TestToken},
};
use serde_json::json;

use crate::lab::{Lab, WARM};

const SESSION: &str = "AAECAwQFBgcICQoLDA0ODw";

/// Checks that a cached token is refused at another time, and accepted once the clock is back.
#[track_caller]
fn at_another_time(
    lab: &Lab,
    token: impl Fn(TestToken<'_>) -> TestToken<'_>,
    by: i64,
    kind: AuthErrorKind,
) {
    let now = lab.now();
    for (n, warm) in WARM.into_iter().enumerate() {
        let token = token(lab.issuer.token().claim("n", n)).sign();
        lab.warm(&token, warm);
        lab.issuer.clock().set(now + by - by.signum());
        assert_eq!(lab.refusal(&token), None, "one second before");
        lab.issuer.clock().set(now + by);
        for _ in 0..3 {
            assert_eq!(lab.refusal(&token), Some(kind));
        }
        lab.issuer.clock().set(now);
        assert_eq!(lab.refusal(&token), None);
    }
}

#[test]
fn a_cached_token_expires() {
    let lab = Lab::new();
    let exp = lab.now() + 300;
    at_another_time(
        &lab,
        |token| token.claim("exp", exp),
        330,
        AuthErrorKind::Expired,
    );
}

#[test]
fn a_cached_token_without_iat_expires() {
    let lab = Lab::new();
    let exp = lab.now() + 300;
    at_another_time(
        &lab,
        |token| token.without("iat").claim("exp", exp),
        330,
        AuthErrorKind::Expired,
    );
}

#[test]
fn a_cached_token_is_not_yet_valid_when_the_clock_is_set_back() {
    let lab = Lab::new();
    let nbf = lab.now();
    at_another_time(
        &lab,
        |token| token.without("iat").claim("nbf", nbf),
        -31,
        AuthErrorKind::NotYetValid,
    );
}

#[test]
fn a_cached_token_is_from_the_future_when_the_clock_is_set_back() {
    let lab = Lab::new();
    let iat = lab.now();
    at_another_time(
        &lab,
        |token| token.claim("iat", iat),
        -31,
        AuthErrorKind::IssuedInFuture,
    );
}

#[test]
fn a_cached_token_grows_too_old() {
    let lab = Lab::with(TokenCache::new(), |builder| {
        builder.max_age(Duration::from_secs(60))
    });
    let iat = lab.now();
    at_another_time(
        &lab,
        |token| token.claim("iat", iat).claim("exp", iat + 3_600),
        91,
        AuthErrorKind::TokenTooOld,
    );
}

#[test]
fn a_cached_token_without_iat_lives_too_long_when_the_clock_is_set_back() {
    let lab = Lab::with(TokenCache::new(), |builder| {
        builder.max_lifetime(Duration::from_secs(600))
    });
    let exp = lab.now() + 600;
    at_another_time(
        &lab,
        |token| token.without("iat").claim("exp", exp),
        -1,
        AuthErrorKind::LifetimeTooLong,
    );
}

#[test]
fn a_bound_token_is_never_cached() {
    let lab = Lab::new();
    let bound = lab.issuer.token().claim("cnf", json!({"jkt": "x"})).sign();
    for _ in 0..5 {
        assert_eq!(lab.refusal(&bound), Some(AuthErrorKind::BoundToken));
    }
    assert!(lab.cache.is_empty());
}

/// Returns a lab with a list of revocations that hears of new entries.
fn with_revocation(revocation: &Revocation, clock: &FixedClock) -> Lab {
    let list = revocation.clone();
    Lab::with(TokenCache::new(), |builder| {
        builder.revocation(list).clock(clock.clone())
    })
}

#[test]
fn a_cached_token_is_revoked_by_its_id_its_session_or_its_subject() {
    let now = 1_800_000_000;
    for revoked in [
        Revoked::Token("token-1".to_owned()),
        Revoked::Session(SessionId::parse(SESSION).unwrap()),
        Revoked::Subject {
            realm: Realm::new(TestIssuer::ISSUER).unwrap(),
            subject: "ada".to_owned(),
            issued_before: now + 1,
        },
    ] {
        for warm in WARM {
            let clock = FixedClock::at(now);
            let revocation = Revocation::local().clock(clock.clone()).build().unwrap();
            let lab = with_revocation(&revocation, &clock);
            let token = || lab.issuer.token().claim("exp", now + 300);
            let named = token()
                .subject("ada")
                .claim("jti", "token-1")
                .claim("sid", SESSION)
                .sign();
            let other = token()
                .subject("bob")
                .claim("jti", "token-2")
                .claim("sid", "EAECAwQFBgcICQoLDA0ODw")
                .sign();
            lab.warm(&named, warm);
            lab.warm(&other, warm);
            let revoked = revoked.clone();
            let until = now + 600;
            revocation
                .revoke(&RevocationEntry { revoked, until })
                .unwrap();
            for _ in 0..3 {
                assert_eq!(lab.refusal(&named), Some(AuthErrorKind::Revoked));
            }
            assert!(lab.is_hit(&other));
        }
    }
}

#[test]
fn a_cached_token_waits_for_the_list_of_revocations_like_any_other() {
    let now = 1_800_000_000;
    for warm in WARM {
        let clock = FixedClock::at(now);
        let revocation = Revocation::replica().clock(clock.clone()).build().unwrap();
        let plain = Lab::new();
        let lab = with_revocation(&revocation, &clock);
        let token = lab.issuer.token().claim("exp", now + 300).sign();
        // Nothing has been read yet: every token is refused, and nothing is cached.
        for _ in 0..3 {
            let error = lab.verifier.verify_now(&token).unwrap_err();
            assert_eq!(error.challenge().status(), 503);
        }
        assert!(lab.cache.is_empty());

        let good = plain.issuer.token().sign();
        plain.warm(&good, warm);
        let asking = plain.verifier.clone().with_revocation(revocation);
        let error = asking.verify_now(&good).unwrap_err();
        assert_eq!(error.challenge().status(), 503);
        assert!(plain.is_hit(&good));
    }
}
