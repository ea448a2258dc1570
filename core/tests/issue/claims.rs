//! Tests of the claims of issued tokens, and of those that are refused.

use std::time::Duration;

use countersign::{Algorithm, ConfigError, Issuer, SigningKey, testing::FixedClock};
use serde::{Serialize, Serializer};
use serde_json::{Value, json, value::RawValue};

use super::builder;

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
fn claims_may_name_their_audience() {
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
}

/// A struct that was written for another library.
#[derive(Serialize)]
struct Whole {
    iss: &'static str,
    sub: &'static str,
    aud: &'static str,
    iat: i64,
    exp: i64,
    jti: String,
}

#[test]
fn claims_may_say_what_the_issuer_says() {
    let issuer = builder(&FixedClock::at(1_000)).build().unwrap();
    for iat in [1_000, 970, 1_030] {
        let issued = issuer.issue(&Whole {
            iss: "https://id.test",
            sub: "ada",
            aud: "orders",
            iat,
            exp: 1_600,
            jti: "own-id".into(),
        });
        let issued = issued.unwrap();
        assert_eq!((issued.id(), issued.expires_in()), ("own-id", 600));
        let token = issuer.verifier().verify_now(issued.as_str()).unwrap();
        let claims: Value = serde_json::from_str(token.payload()).unwrap();
        let expected = json!({
            "iss": "https://id.test", "sub": "ada", "aud": "orders", "iat": 1_000, "exp": 1_600, "jti": "own-id",
        });
        assert_eq!(claims, expected);
    }
    // Each by itself, and in a place of its own.
    for claims in [
        json!({ "iss": "https://id.test" }),
        json!({ "a": [{ "iat": 1 }], "iat": 999, "z": "iat" }),
        json!({ "jti": "x".repeat(255) }),
        json!({ "iat": 1_000.5 }),
    ] {
        let issued = issuer.issue(&claims).unwrap();
        let token = issuer.verifier().verify_now(issued.as_str()).unwrap();
        assert_eq!(token.issued_at(), Some(1_000), "{claims}");
        assert_eq!(token.issuer(), Some("https://id.test"), "{claims}");
        assert_eq!(token.id(), Some(issued.id()), "{claims}");
        let written: Value = serde_json::from_str(token.payload()).unwrap();
        assert_eq!(written.get("a"), claims.get("a"));
    }
}

#[test]
fn claims_that_contradict_the_issuer_are_refused_with_their_name() {
    let issuer = builder(&FixedClock::at(1_000)).build().unwrap();
    for (claims, name) in [
        (json!({ "iss": "https://other.test" }), "`iss`"),
        (json!({ "iss": "" }), "`iss`"),
        (json!({ "iat": 969 }), "`iat`"),
        (json!({ "iat": 1_031 }), "`iat`"),
        (json!({ "jti": "" }), "`jti`"),
        (json!({ "jti": "x".repeat(256) }), "`jti`"),
        (json!({ "exp": 2_000_000_000 }), "`exp`"),
        (json!({ "iss": 1 }), "`iss`"),
        (json!({ "iat": "1000" }), "`iat`"),
        (json!({ "jti": null }), "`jti`"),
    ] {
        let error = issuer.issue(&claims).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    }
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

/// Members as they are, even duplicates.
struct Members<'a>(&'a [(&'a str, Value)]);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[test]
fn claims_have_each_name_once() {
    let issuer = builder(&FixedClock::default()).build().unwrap();
    let with = |second: &str| {
        let members = [("role", json!("a")), ("x", json!({})), (second, json!("b"))];
        let flat = [("role", json!("a")), (second, json!("b"))];
        let deep = [("x", &Members(&flat))];
        let deep = std::collections::BTreeMap::from(deep);
        [
            issuer.issue(&Members(&flat)).is_ok(),
            issuer.issue(&Members(&members)).is_ok(),
            issuer.issue(&deep).is_ok(),
        ]
    };
    assert_eq!(with("role"), [false; 3]);
    assert_eq!(with("rolf"), [true; 3]);
}

#[test]
fn claims_that_are_json_already_are_read() {
    let issuer = builder(&FixedClock::default()).build().unwrap();
    let with = |text: &str| {
        let raw = RawValue::from_string(text.to_owned()).unwrap();
        let inside = std::collections::BTreeMap::from([("x", &raw)]);
        let mut issued = [issuer.issue(&raw), issuer.issue(&inside)].into_iter();
        let verified = issued.clone().all(|issued| {
            issued.is_ok_and(|token| issuer.verifier().verify_now(token.as_str()).is_ok())
        });
        (issued.all(|issued| issued.is_err()), verified)
    };
    for good in [r#"{"a":1,"b":2}"#, "{}", "{ }", "{ \"a\" : { } }"] {
        assert_eq!(with(good), (false, true), "{good}");
    }
    assert_eq!(with(r#"{"a":1,"a":2}"#), (true, false));
}

#[test]
fn registered_claims_have_their_type() {
    let issuer = builder(&FixedClock::at(1_000)).build().unwrap();
    for (name, good, bad) in [
        ("sub", json!("1"), json!(1)),
        ("sid", json!("1"), json!(["1"])),
        ("scope", json!("a b"), json!("a\tb")),
        ("scope", json!(["a", "b"]), json!(["a", 1])),
        ("nbf", json!(0), json!(-1)),
        ("nbf", json!(1.5), json!("1")),
        ("auth_time", json!(1), json!(253_402_300_800_i64)),
    ] {
        assert!(issuer.issue(&json!({ name: good })).is_ok(), "{name}");
        let error = issuer.issue(&json!({ name: bad })).unwrap_err();
        assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
    }
}

#[test]
fn tokens_that_are_bound_to_a_key_are_not_issued_yet() {
    let issuer = builder(&FixedClock::at(1_000)).build().unwrap();
    for cnf in [json!({ "jkt": "x" }), json!({ "x5t#S256": "x" }), json!({})] {
        let raw = RawValue::from_string(json!({ "cnf": cnf }).to_string()).unwrap();
        for refused in [
            issuer.issue(&json!({ "cnf": cnf })),
            issuer.issue(&json!({ "deep": {}, "cnf": cnf })),
            issuer.issue(&raw),
        ] {
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("`cnf`"), "{error}");
        }
        for twin in [json!({ "cnf2": cnf }), json!({ "deep": { "cnf": cnf } })] {
            let token = issuer.issue(&twin).unwrap();
            issuer.verifier().verify_now(token.as_str()).unwrap();
        }
    }
    assert!(issuer.issue(&json!({ "cnf": "{}" })).is_err());
}

#[test]
fn no_token_lives_beyond_the_year_9999() {
    for (at, issues) in [
        (253_402_300_800 - 900, false),
        (253_402_300_799 - 900, true),
    ] {
        let issuer = builder(&FixedClock::at(at)).build().unwrap();
        assert_eq!(issuer.issue(&json!({})).is_ok(), issues, "{at}");
    }
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
fn a_clock_that_shows_nothing_issues_nothing() {
    for (at, issues) in [(i64::MAX, false), (1_000, true)] {
        let issuer = builder(&FixedClock::at(at)).build().unwrap();
        assert_eq!(issuer.issue(&json!({})).is_ok(), issues, "{at}");
    }
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
