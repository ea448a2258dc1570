//! Issuing: what is in a token, what is refused, how keys rotate.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

use std::time::Duration;

use countersign::{
    Algorithm, AuthErrorKind, ConfigError, Issuer, IssuerBuilder, SigningKey, SigningKeys,
    testing::FixedClock,
};
use serde_json::{Value, json};

fn builder(clock: &FixedClock) -> IssuerBuilder {
    Issuer::builder("https://id.test", SigningKey::generate_es256().unwrap())
        .audience("orders")
        .clock(clock.clone())
}

#[test]
fn a_token_has_the_issuers_claims_and_the_apps() {
    let issuer = builder(&FixedClock::at(1_000)).build().unwrap();
    let issued = issuer
        .issue(&json!({ "sub": "ada", "deep": { "a": {} } }))
        .unwrap();
    let token = issuer.verifier().verify_now(issued.as_str()).unwrap();
    let claims: Value = serde_json::from_str(token.payload()).unwrap();
    assert_eq!(
        claims,
        json!({
            "iss": "https://id.test",
            "aud": "orders",
            "iat": 1_000,
            "exp": 1_900,
            "jti": issued.id(),
            "sub": "ada",
            "deep": { "a": {} },
        })
    );
    assert_eq!((issued.expires_at(), issued.expires_in()), (1_900, 900));
    assert_eq!(token.header().token_type(), Some("jwt"));
}

#[test]
fn every_algorithm_signs_what_it_verifies() {
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(*algorithm).unwrap();
        let issuer = Issuer::builder("i", key).audience("a").build().unwrap();
        let token = issuer.issue(&json!({})).unwrap();
        let verified = issuer.verifier().verify_now(token.as_str()).unwrap();
        assert_eq!(verified.header().algorithm(), *algorithm);
    }
}

#[test]
fn identifiers_are_random() {
    let issuer = builder(&FixedClock::default()).build().unwrap();
    let ids: std::collections::HashSet<_> = (0..100)
        .map(|_| issuer.issue(&json!({})).unwrap().id().to_owned())
        .collect();
    assert_eq!(ids.len(), 100);
    assert!(ids.iter().all(|id| id.len() == 22));
}

#[test]
fn claims_may_shorten_their_life_but_not_go_over_the_maximum() {
    let issuer = builder(&FixedClock::at(1_000))
        .max_ttl(Duration::from_secs(3_600))
        .build()
        .unwrap();
    let with = |exp: Value| issuer.issue(&json!({ "exp": exp }));
    assert_eq!(with(json!(1_001)).unwrap().expires_at(), 1_001);
    assert_eq!(with(json!(4_600)).unwrap().expires_at(), 4_600);
    for bad in [
        json!(4_601),
        json!(1_000),
        json!(0),
        json!("4600"),
        json!(null),
    ] {
        assert!(with(bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn claims_may_name_their_audience_but_not_their_issuer() {
    let issuer = builder(&FixedClock::default()).build().unwrap();
    let token = issuer.issue(&json!({ "aud": ["orders", "shop"] })).unwrap();
    assert_eq!(
        issuer
            .verifier()
            .verify_now(token.as_str())
            .unwrap()
            .audience()
            .iter()
            .count(),
        2
    );
    for reserved in ["iss", "jti"] {
        assert!(
            issuer.issue(&json!({ reserved: "x" })).is_err(),
            "{reserved}"
        );
    }
    assert!(issuer.issue(&json!({ "iat": 1 })).is_err());
}

#[test]
fn claims_are_an_object() {
    let issuer = builder(&FixedClock::default()).build().unwrap();
    for bad in [json!(null), json!([]), json!("sub"), json!(1)] {
        assert!(issuer.issue(&bad).is_err(), "{bad}");
    }
    assert!(issuer.issue(&json!({ "sub": 1 })).is_err());
    assert!(issuer.issue(&json!({})).is_ok());
}

#[test]
fn settings_that_would_issue_weak_tokens_do_not_build() {
    let clock = FixedClock::default();
    let hour = Duration::from_secs(3_600);
    for refused in [
        builder(&clock).ttl(Duration::ZERO),
        builder(&clock).ttl(hour * 25),
        builder(&clock).ttl(hour).max_ttl(hour / 2),
        builder(&clock).max_ttl(hour * 24 * 1_831),
        builder(&clock).leeway(hour),
    ] {
        assert!(matches!(
            refused.build(),
            Err(ConfigError::InvalidSetting(_))
        ));
    }
    let key = || SigningKey::generate_es256().unwrap();
    for missing in [
        Issuer::builder("", key()).audience("a"),
        Issuer::builder("i", key()),
    ] {
        assert!(matches!(missing.build(), Err(ConfigError::Missing(_))));
    }
    assert!(builder(&clock).ttl(hour * 24).build().is_ok());
}

#[test]
fn a_key_set_never_shows_a_secret() {
    let secret = "an example secret of 32 bytes or more";
    let issuer = Issuer::builder("i", SigningKey::hs256(secret).unwrap())
        .audience("a")
        .build()
        .unwrap();
    assert_eq!(issuer.jwks(), r#"{"keys":[]}"#);

    for algorithm in Algorithm::ALL
        .iter()
        .filter(|algorithm| !algorithm.is_symmetric())
    {
        let issuer = Issuer::builder("i", SigningKey::generate(*algorithm).unwrap())
            .audience("a")
            .build()
            .unwrap();
        let set: Value = serde_json::from_str(&issuer.jwks()).unwrap();
        let key = set["keys"][0].as_object().unwrap();
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(!key.contains_key(private), "{algorithm} {private}");
        }
        assert_eq!(key["alg"], algorithm.name());
    }
}

#[test]
fn a_rotation_refuses_no_token_that_lives() {
    let clock = FixedClock::at(1_000);
    let issuer = builder(&clock)
        .ttl(Duration::from_secs(900))
        .max_ttl(Duration::from_secs(900))
        .build()
        .unwrap();
    let verifier = issuer.verifier();
    let count = || issuer.keys().verifying_keys().len();
    let old = issuer.issue(&json!({})).unwrap();

    issuer
        .keys()
        .publish(&SigningKey::generate_es256().unwrap())
        .unwrap();
    assert_eq!(count(), 2);
    let still_old = issuer.issue(&json!({})).unwrap();
    let kid = |token: &str| {
        verifier
            .verify_now(token)
            .unwrap()
            .header()
            .key_id()
            .map(str::to_owned)
    };
    assert_eq!(kid(old.as_str()), kid(still_old.as_str()));

    issuer.rotate().unwrap();
    let new = issuer.issue(&json!({})).unwrap();
    assert_ne!(kid(old.as_str()), kid(new.as_str()));
    assert!(matches!(issuer.rotate(), Err(ConfigError::Missing(_))));

    // The old key verifies to the last second, leeway included, and then leaves the set.
    clock.advance(Duration::from_secs(929));
    verifier.verify_now(old.as_str()).unwrap();
    issuer.keys().prune(1_930);
    assert_eq!(count(), 2);
    issuer.keys().prune(1_931);
    assert_eq!(count(), 1);
    let error = verifier.verify_now(old.as_str()).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::UnknownKey);
}

#[test]
fn a_leaked_key_leaves_at_once() {
    let keys = SigningKeys::new(SigningKey::generate_es256().unwrap().with_id("leaked"));
    let issuer = Issuer::builder("i", keys.clone())
        .audience("a")
        .build()
        .unwrap();
    let token = issuer.issue(&json!({})).unwrap();
    keys.publish(&SigningKey::generate_es256().unwrap().with_id("next"))
        .unwrap();
    issuer.rotate().unwrap();
    issuer.verifier().verify_now(token.as_str()).unwrap();
    keys.remove("leaked");
    let error = issuer.verifier().verify_now(token.as_str()).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::UnknownKey);
    // The one that signs stays, whoever asks.
    keys.remove("next");
    assert_eq!(keys.verifying_keys().len(), 1);
}

#[test]
fn a_ring_has_each_key_once() {
    let keys = SigningKeys::new(SigningKey::generate_es256().unwrap().with_id("one"));
    let other = || SigningKey::generate_es256().unwrap();
    assert!(matches!(
        keys.publish(&other().with_id("one")),
        Err(ConfigError::Conflict(_))
    ));
    keys.publish(&other().with_id("two")).unwrap();
    assert!(matches!(
        keys.publish(&other().with_id("three")),
        Err(ConfigError::Conflict(_))
    ));
}

#[test]
fn a_clock_that_shows_nothing_issues_nothing() {
    for (at, issues) in [(i64::MAX, false), (1_000, true)] {
        let issuer = builder(&FixedClock::at(at)).build().unwrap();
        assert_eq!(issuer.issue(&json!({})).is_ok(), issues, "{at}");
    }
}

#[test]
fn a_retired_key_is_dropped_in_time_without_being_told() {
    let clock = FixedClock::at(1_000);
    let old = SigningKey::generate_es256().unwrap();
    let issuer = Issuer::builder("https://id.test", old.clone())
        .audience("orders")
        .ttl(Duration::from_secs(60))
        .max_ttl(Duration::from_secs(60))
        .clock(clock.clone())
        .build()
        .unwrap();
    issuer
        .keys()
        .publish(&SigningKey::generate_es256().unwrap())
        .unwrap();
    issuer.rotate().unwrap();
    // Somebody who got the old key signs with it, long after its time.
    let thief = Issuer::builder("https://id.test", old)
        .audience("orders")
        .clock(clock.clone())
        .build()
        .unwrap();
    let verify = |token: countersign::IssuedToken| issuer.verifier().verify_now(token.as_str());
    verify(thief.issue(&json!({ "exp": 1_050 })).unwrap()).unwrap();
    clock.advance(Duration::from_secs(91));
    let error = verify(thief.issue(&json!({ "exp": 1_150 })).unwrap()).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::UnknownKey);
    assert_eq!(issuer.keys().verifying_keys().len(), 1);
}

#[test]
fn what_no_verifier_would_take_is_not_issued() {
    let clock = FixedClock::at(1_000);
    let issuer = builder(&clock).build().unwrap();
    let sized = |length: usize| issuer.issue(&json!({ "x": "x".repeat(length) }));
    let largest = sized(5_000).unwrap();
    issuer.verifier().verify_now(largest.as_str()).unwrap();
    assert!(sized(6_500).is_err());
    assert!(issuer.issue(&json!({ "aud": [] })).is_err());
    assert!(issuer.issue(&json!({ "nbf": 1_900 })).is_err());
    assert!(issuer.issue(&json!({ "nbf": 1_899 })).is_ok());
    let named = |length: usize| {
        let key = SigningKey::generate_es256()
            .unwrap()
            .with_id("k".repeat(length));
        Issuer::builder("i", key).audience("a").build()
    };
    assert!(matches!(named(257), Err(ConfigError::InvalidSetting(_))));
    assert!(named(256).is_ok());
}
