//! Tests of the signing keys: how they are added, rotated and removed.

use std::time::Duration;

use countersign::{
    Algorithm, AuthErrorKind, ConfigError, Issuer, SigningKey, SigningKeys, keys::KeySource,
    testing::FixedClock,
};
use serde_json::{Value, json};

use super::builder;

#[test]
fn issuers_that_share_keys_write_their_own_type() {
    let keys = SigningKeys::new(SigningKey::generate_es256().unwrap());
    let of = |typ: &str| {
        let issuer = Issuer::builder("i", keys.clone())
            .audience("a")
            .token_type(typ);
        issuer.build().unwrap()
    };
    let (access, logout) = (of("at+jwt"), of("logout+jwt"));
    for rotates in [true, false] {
        for (issuer, typ) in [(&access, "at+jwt"), (&logout, "logout+jwt")] {
            let token = issuer.issue(&json!({})).unwrap();
            let verified = issuer.verifier().verify_now(token.as_str()).unwrap();
            assert_eq!(verified.header().token_type(), Some(typ));
        }
        if rotates {
            keys.publish(&SigningKey::generate_es256().unwrap())
                .unwrap();
            access.rotate().unwrap();
        }
    }
}

#[test]
fn a_ring_changes_in_place_and_has_nothing_to_fetch() {
    let keys = SigningKeys::new(SigningKey::generate_es256().unwrap());
    assert!(!keys.can_refresh());
    let before = keys.current_id();
    keys.publish(&SigningKey::generate_es256().unwrap())
        .unwrap();
    assert_ne!(keys.current_id(), before);
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

    // The old key verifies to the last second, leeway included, and is then removed.
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
    keys.remove("leaked").unwrap();
    let error = issuer.verifier().verify_now(token.as_str()).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::UnknownKey);
}

#[test]
fn a_key_that_is_not_removed_is_an_error() {
    let key = |id: &str| SigningKey::generate_es256().unwrap().with_id(id);
    let keys = SigningKeys::new(key("first"));
    keys.publish(&key("second")).unwrap();
    keys.rotate(2_000).unwrap();
    keys.publish(&key("third")).unwrap();

    let before = keys.current_id();
    for typo in ["frist", "", "first "] {
        assert!(matches!(keys.remove(typo), Err(ConfigError::Missing(_))));
    }
    // The signing key stays, whichever call removes it.
    assert!(matches!(
        keys.remove("second"),
        Err(ConfigError::Conflict(_))
    ));
    assert_eq!(keys.current_id(), before);

    for id in ["first", "third"] {
        keys.remove(id).unwrap();
        assert!(matches!(keys.remove(id), Err(ConfigError::Missing(_))));
    }
    assert_eq!(keys.verifying_keys().len(), 1);
}

#[test]
fn a_leaked_key_that_signs_is_replaced_at_once() {
    let key = |id: &str| SigningKey::generate_es256().unwrap().with_id(id);
    let keys = SigningKeys::new(key("leaked"));
    keys.publish(&key("next")).unwrap();
    let issuer = Issuer::builder("i", keys.clone())
        .audience("a")
        .build()
        .unwrap();
    let verify = |token: &str| {
        let verified = issuer.verifier().verify_now(token);
        verified.map(|token| token.header().key_id().map(str::to_owned))
    };
    let old = issuer.issue(&json!({})).unwrap();
    for taken in ["leaked", "next"] {
        let refused = keys.replace_active(&key(taken));
        assert!(matches!(refused, Err(ConfigError::Conflict(_))), "{taken}");
    }
    let unreadable = keys.replace_active(&key(&"k".repeat(257)));
    assert!(matches!(unreadable, Err(ConfigError::InvalidSetting(_))));
    verify(old.as_str()).unwrap();

    keys.replace_active(&key("new")).unwrap();
    let error = verify(old.as_str()).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::UnknownKey);
    let new = issuer.issue(&json!({})).unwrap();
    assert_eq!(verify(new.as_str()).unwrap().as_deref(), Some("new"));
    assert!(!keys.jwks().contains("leaked"));
    // The next key is unchanged.
    issuer.rotate().unwrap();
    let next = issuer.issue(&json!({})).unwrap();
    assert_eq!(verify(next.as_str()).unwrap().as_deref(), Some("next"));
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
fn a_key_whose_id_is_too_long_for_a_header_never_comes_to_sign() {
    let key = |length: usize| {
        let key = SigningKey::generate_es256().unwrap();
        key.with_id("k".repeat(length))
    };
    let issuer = builder(&FixedClock::at(1_000)).build().unwrap();
    for too_long in [257, 300] {
        let refused = issuer.keys().publish(&key(too_long));
        assert!(matches!(refused, Err(ConfigError::InvalidSetting(_))));
        assert!(matches!(issuer.rotate(), Err(ConfigError::Missing(_))));
        assert_eq!(issuer.keys().verifying_keys().len(), 1);
        let built = Issuer::builder("i", key(too_long)).audience("a").build();
        assert!(matches!(built, Err(ConfigError::InvalidSetting(_))));
    }
    issuer.keys().publish(&key(256)).unwrap();
    issuer.rotate().unwrap();
    let token = issuer.issue(&json!({})).unwrap();
    issuer.verifier().verify_now(token.as_str()).unwrap();
}

#[test]
fn a_header_that_verifiers_do_not_read_is_never_written() {
    let key = || SigningKey::generate_hs256().unwrap();
    let build = |length: usize| {
        let builder = Issuer::builder("i", key()).audience("a");
        builder.token_type("t".repeat(length)).build()
    };
    let refused = build(4_096);
    assert!(matches!(refused, Err(ConfigError::InvalidSetting(_))));
    let issuer = build(3_900).unwrap();
    // Each of these characters is six bytes of JSON.
    let long = key().with_id("\u{1}".repeat(50));
    let refused = issuer.keys().publish(&long);
    assert!(matches!(refused, Err(ConfigError::InvalidSetting(_))));
    issuer.keys().publish(&key()).unwrap();
    issuer.rotate().unwrap();
    let token = issuer.issue(&json!({})).unwrap();
    issuer.verifier().verify_now(token.as_str()).unwrap();
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
    // A thief with the old key signs long after its time.
    let thief = Issuer::builder("https://id.test", old)
        .audience("orders")
        .clock(clock.clone())
        .build()
        .unwrap();
    let verify =
        |token: countersign::issue::IssuedToken| issuer.verifier().verify_now(token.as_str());
    verify(thief.issue(&json!({ "exp": 1_050 })).unwrap()).unwrap();
    clock.advance(Duration::from_secs(91));
    let error = verify(thief.issue(&json!({ "exp": 1_150 })).unwrap()).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::UnknownKey);
    assert_eq!(issuer.keys().verifying_keys().len(), 1);
}
