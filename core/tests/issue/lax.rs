//! Tests of tokens for verifiers that are older than the strict ones: numeric subjects, no audience.

use countersign::{
    AuthErrorKind, ConfigError, Issuer, MemoryStore, Sessions, SigningKey, Verifier,
    claims::Tolerance,
    issue::IssuerBuilder,
    session::{ClientInfo, Identity},
    testing::FixedClock,
};
use futures_executor::block_on;
use serde_json::{Value, json};

use super::builder;

fn without_audience() -> IssuerBuilder {
    Issuer::builder("old", SigningKey::generate_es256().unwrap()).without_audience()
}

#[test]
fn a_token_without_audience_is_issued_by_name_and_no_strict_verifier_takes_it() {
    let issuer = without_audience().build().unwrap();
    let token = issuer.issue(&json!({ "sub": "ada" })).unwrap();
    let own = issuer.verifier();
    let verified = own.verify_now(token.as_str()).unwrap();
    assert_eq!(verified.claim::<Value>("aud").unwrap(), None);
    assert_eq!(own.tolerances(), [Tolerance::AnyAudience]);
    let strict = Verifier::builder(issuer.keys().verifying_keys())
        .issuer("old")
        .audience("a");
    let error = strict
        .build()
        .unwrap()
        .verify_now(token.as_str())
        .unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::MissingClaim);
    // The claims may still name one.
    let token = issuer.issue(&json!({ "aud": "a" })).unwrap();
    let verified = own.verify_now(token.as_str()).unwrap();
    assert!(verified.audience().contains("a"));
}

#[test]
fn an_audience_is_set_or_waived_and_not_both() {
    let both = without_audience().audience("a").build();
    assert!(matches!(both, Err(ConfigError::Conflict(_))));
    let neither = Issuer::builder("i", SigningKey::generate_es256().unwrap()).build();
    assert!(matches!(neither, Err(ConfigError::Missing(_))));
}

#[test]
fn a_numeric_subject_is_written_as_a_number_and_read_as_text() {
    let issuer = builder(&FixedClock::at(1_000))
        .numeric_subjects()
        .build()
        .unwrap();
    assert_eq!(issuer.verifier().tolerances(), [Tolerance::NumericSubject]);
    for (sub, number) in [
        (json!("42"), json!(42)),
        (json!("-7"), json!(-7)),
        (json!(42), json!(42)),
        (json!("18446744073709551615"), json!(u64::MAX)),
    ] {
        let claims = json!({ "a": "sub", "sub": sub, "x": { "sub": "42" } });
        let token = issuer.issue(&claims).unwrap();
        let token = issuer.verifier().verify_now(token.as_str()).unwrap();
        assert_eq!(token.claim::<Value>("sub").unwrap(), Some(number.clone()));
        assert_eq!(
            token.claim::<Value>("x").unwrap(),
            Some(json!({ "sub": "42" }))
        );
        assert_eq!(token.subject(), Some(&*number.to_string()));
    }
    issuer.issue(&json!({})).unwrap();
    for sub in [
        json!("ada"),
        json!("042"),
        json!(""),
        json!("4.2"),
        json!(4.2),
        json!(null),
        json!(["42"]),
    ] {
        let error = issuer
            .issue(&json!({ "sub": sub }))
            .unwrap_err()
            .to_string();
        assert!(error.contains("`sub`"), "{error}");
    }
    // Without the setting, a subject is a text.
    let usual = builder(&FixedClock::at(1_000)).build().unwrap();
    assert!(usual.issue(&json!({ "sub": 42 })).is_err());
    let token = usual.issue(&json!({ "sub": "42" })).unwrap();
    let token = usual.verifier().verify_now(token.as_str()).unwrap();
    assert_eq!(token.claim::<Value>("sub").unwrap(), Some(json!("42")));
}

#[test]
fn a_session_has_a_numeric_subject_in_its_tokens_and_its_text_everywhere_else() {
    let issuer = builder(&FixedClock::at(1_000))
        .numeric_subjects()
        .build()
        .unwrap();
    let verifier = issuer.verifier();
    let sessions = Sessions::builder(issuer, MemoryStore::new())
        .build()
        .unwrap();
    let start = |subject: &str, claims: Value| {
        block_on(sessions.start(&Identity::new(subject, claims), ClientInfo::new()))
    };
    for claims in [json!({}), json!({ "sub": "42" }), json!({ "sub": 42 })] {
        let pair = start("42", claims).unwrap();
        assert_eq!(pair.session().subject(), "42");
        let token = verifier.verify_now(pair.access_token().as_str()).unwrap();
        assert_eq!(token.claim::<Value>("sub").unwrap(), Some(json!(42)));
        assert_eq!(token.subject(), Some("42"));
    }
    assert!(start("42", json!({ "sub": 43 })).is_err());
    assert!(start("ada", json!({})).is_err());
}

#[test]
fn unregistered_claims_of_another_form_are_not_issued() {
    let issuer = builder(&FixedClock::at(1_000)).build().unwrap();
    for (name, good, bad) in [
        ("acr", json!("1"), json!(1)),
        ("sid", json!("1"), json!(null)),
        ("client_id", json!("1"), json!(["1"])),
        ("auth_time", json!(1), json!("1")),
    ] {
        assert!(issuer.issue(&json!({ name: good })).is_ok(), "{name}");
        assert!(issuer.issue(&json!({ name: bad })).is_err(), "{name}");
    }
}
