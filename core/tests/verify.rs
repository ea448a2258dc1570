//! Each rule of verification: a token that breaks it, and its nearest accepted twin.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use countersign::{
    Algorithm, AuthErrorKind, Authenticator, Check, ConfigError, Credentials, Issuers, Key, KeySet,
    KeySource, Keys, KeysUnavailable, Policy, SigningKey, Verdict, Verifier,
    testing::{FixedClock, TestIssuer, TestToken, sign_raw},
};
use serde_json::{Value, json};

/// Refused as it is, accepted after the mending.
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

fn now(issuer: &TestIssuer) -> i64 {
    countersign::Clock::now(issuer.clock())
}

#[test]
fn the_signature_must_be_by_the_issuers_key() {
    let issuer = TestIssuer::new();
    let error = issuer
        .verifier()
        .verify_now(&issuer.token().by_a_stranger())
        .unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::BadSignature);
    issuer
        .verifier()
        .verify_now(&issuer.token().sign())
        .unwrap();
}

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
fn the_issuer_must_be_named_exactly() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    for wrong in [
        "https://issuer.test/",
        "http://issuer.test",
        "HTTPS://issuer.test",
        "",
    ] {
        twins(
            &verifier,
            issuer.token().issuer(wrong),
            AuthErrorKind::WrongIssuer,
            issuer.token().issuer(TestIssuer::ISSUER),
        );
    }
    twins(
        &verifier,
        issuer.token().without("iss"),
        AuthErrorKind::MissingClaim,
        issuer.token(),
    );
}

#[test]
fn the_audience_must_be_named_exactly() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    for wrong in [
        json!("https://api.test/"),
        json!("https://api.tes"),
        json!(["https://other.test"]),
        json!([]),
        json!("https://other.test,https://api.test"),
    ] {
        twins(
            &verifier,
            issuer.token().claim("aud", wrong),
            AuthErrorKind::WrongAudience,
            issuer
                .token()
                .claim("aud", json!(["https://other.test", "https://api.test"])),
        );
    }
    twins(
        &verifier,
        issuer.token().without("aud"),
        AuthErrorKind::MissingClaim,
        issuer.token(),
    );
}

#[test]
fn several_names_of_one_issuer_and_several_audiences_are_alternatives() {
    let issuer = TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .issuer("issuer.test")
        .audience("orders")
        .build()
        .unwrap();
    verifier
        .verify_now(
            &issuer
                .token()
                .issuer("issuer.test")
                .audience("orders")
                .sign(),
        )
        .unwrap();
    verifier.verify_now(&issuer.token().sign()).unwrap();
    verifier
        .verify_now(&issuer.token().audience("shop").sign())
        .unwrap_err();
}

#[test]
fn any_issuer_and_any_audience_waive_the_claim() {
    let issuer = TestIssuer::new();
    let verifier = Verifier::builder(issuer.key())
        .any_issuer()
        .any_audience()
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    verifier
        .verify_now(&issuer.token().without("iss").without("aud").sign())
        .unwrap();
    // The type still counts.
    let error = verifier
        .verify_now(&issuer.token().claim("aud", 1).sign())
        .unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::InvalidClaim);
}

#[test]
fn foreign_token_types_are_refused() {
    let issuer = TestIssuer::new();
    let typed = |typ: &str| issuer.token().header("typ", typ);
    for foreign in [
        "refresh+jwt",
        "dpop+jwt",
        "logout+jwt",
        "id+jwt",
        "",
        "at+jwtx",
        "text/at+jwt",
    ] {
        for usual in ["JWT", "at+jwt", "application/AT+JWT"] {
            twins(
                &issuer.verifier(),
                typed(foreign),
                AuthErrorKind::WrongType,
                typed(usual),
            );
        }
    }
    let only_own = issuer
        .verifier_builder()
        .token_type("shop+jwt")
        .build()
        .unwrap();
    twins(
        &only_own,
        typed("JWT"),
        AuthErrorKind::WrongType,
        typed("Shop+JWT"),
    );
}

#[test]
fn the_access_token_profile_has_its_claims() {
    let issuer = TestIssuer::new();
    let profile = issuer
        .verifier_builder()
        .access_token_profile()
        .build()
        .unwrap();
    let good = || {
        issuer
            .token()
            .header("typ", "at+jwt")
            .claim("client_id", "c")
    };
    for claim in ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"] {
        twins(
            &profile,
            good().without(claim),
            AuthErrorKind::MissingClaim,
            good(),
        );
    }
    twins(
        &profile,
        good().header("typ", "JWT"),
        AuthErrorKind::WrongType,
        good(),
    );
}

#[test]
fn a_required_claim_must_be_there() {
    let issuer = TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .require_claim("tenant")
        .build()
        .unwrap();
    twins(
        &verifier,
        issuer.token(),
        AuthErrorKind::MissingClaim,
        issuer.token().claim("tenant", Value::Null),
    );
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
    // Without `iat` it counts from now.
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
fn a_bound_token_is_refused_without_its_proof() {
    let issuer = TestIssuer::new();
    for cnf in [
        json!({"jkt": "x"}),
        json!({"x5t#S256": "x"}),
        json!({"new": 1}),
        json!({}),
    ] {
        twins(
            &issuer.verifier(),
            issuer.token().claim("cnf", cnf),
            AuthErrorKind::BoundToken,
            issuer.token(),
        );
    }
}

#[test]
fn registered_claims_have_one_type() {
    let issuer = TestIssuer::new();
    let now = now(&issuer);
    for (name, wrong, right) in [
        ("exp", json!((now + 300).to_string()), json!(now + 300)),
        ("nbf", json!(null), json!(now)),
        ("iat", json!(true), json!(now)),
        ("sub", json!(1), json!("1")),
        ("jti", json!(1), json!("1")),
        (
            "aud",
            json!([TestIssuer::AUDIENCE, 1]),
            json!([TestIssuer::AUDIENCE]),
        ),
        (
            "iss",
            json!([TestIssuer::ISSUER]),
            json!(TestIssuer::ISSUER),
        ),
        ("scope", json!("a\tb"), json!("a b")),
        ("scope", json!({"a": 1}), json!(["a", "b"])),
        ("client_id", json!(7), json!("7")),
        ("auth_time", json!("7"), json!(7)),
        ("acr", json!(7), json!("7")),
        ("exp", json!(1_800_000_300_000_i64), json!(1_800_000_300)),
    ] {
        twins(
            &issuer.verifier(),
            issuer.token().claim(name, wrong),
            AuthErrorKind::InvalidClaim,
            issuer.token().claim(name, right),
        );
    }
}

#[test]
fn a_member_stands_once_at_every_level() {
    let issuer = TestIssuer::new();
    let sign = |own: &str| {
        let claims = format!(
            r#"{{"iss":"{}","aud":"{}","exp":{},{own}}}"#,
            TestIssuer::ISSUER,
            TestIssuer::AUDIENCE,
            now(&issuer) + 300
        );
        sign_raw(issuer.key(), r#"{"alg":"ES256"}"#, claims.as_bytes())
    };
    let verifier = issuer.verifier();
    verifier
        .verify_now(&sign(
            r#""role":"user","a":{"role":"admin","b":[{"role":1},{"role":2}]}"#,
        ))
        .unwrap();
    for twice in [
        r#""role":"user","role":"admin""#,
        r#""role":"user","rol\u0065":"admin""#,
        r#""a":{"role":1,"role":2}"#,
        r#""a":[{"role":1,"role":2}]"#,
    ] {
        let error = verifier.verify_now(&sign(twice)).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::MalformedToken, "{twice}");
    }
    for registered in [
        r#""exp":1"#,
        r#""sub":"a","sub":"a""#,
        r#""sub":"a","s\u0075b":"a""#,
        r#""cnf":{},"cnf":{}"#,
    ] {
        let error = verifier.verify_now(&sign(registered)).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::InvalidClaim, "{registered}");
    }
}

#[test]
fn a_token_has_a_largest_size() {
    let issuer = TestIssuer::new();
    let with = |length: usize| issuer.token().claim("x", "x".repeat(length)).sign();
    let small = issuer
        .verifier_builder()
        .max_token_bytes(1_000)
        .build()
        .unwrap();
    let good = with(100);
    let limit = issuer
        .verifier_builder()
        .max_token_bytes(good.len())
        .build()
        .unwrap();
    limit.verify_now(&good).unwrap();
    assert_eq!(
        small.verify_now(&with(1_000)).unwrap_err().kind(),
        AuthErrorKind::TokenTooLarge
    );
    issuer.verifier().verify_now(&with(5_000)).unwrap();
    assert_eq!(
        issuer
            .verifier()
            .verify_now(&with(6_500))
            .unwrap_err()
            .kind(),
        AuthErrorKind::TokenTooLarge
    );
    for bad in [0, (64 << 10) + 1] {
        let refused = issuer.verifier_builder().max_token_bytes(bad).build();
        assert!(matches!(refused, Err(ConfigError::InvalidSetting(_))));
    }
}

#[test]
fn the_header_never_chooses_the_algorithm() {
    let secret = b"an example secret of 32 bytes or more, and more and more and more";
    let hs256 = SigningKey::hs256(secret).unwrap().with_id("k");
    let hs512 = SigningKey::hs512(secret).unwrap().with_id("k");
    let issuer = TestIssuer::new();
    let verifier = Verifier::builder(&hs256)
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    verifier
        .verify_now(&issuer.token().signed_by(&hs256))
        .unwrap();
    let error = verifier
        .verify_now(&issuer.token().signed_by(&hs512))
        .unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::WrongAlgorithm);
}

#[test]
fn accepted_algorithms_narrow_the_keys() {
    let issuer = TestIssuer::new();
    let only = |algorithm| issuer.verifier_builder().algorithms([algorithm]).build();
    only(Algorithm::ES256)
        .unwrap()
        .verify_now(&issuer.token().sign())
        .unwrap();
    assert!(matches!(
        only(Algorithm::RS256),
        Err(ConfigError::Conflict(_))
    ));
}

#[test]
fn both_names_of_ed25519_are_one_algorithm() {
    let issuer = TestIssuer::with_algorithm(Algorithm::EdDSA);
    for name in ["EdDSA", "Ed25519"] {
        issuer
            .verifier()
            .verify_now(&issuer.token().header("alg", name).sign())
            .unwrap();
    }
    let error = issuer
        .verifier()
        .verify_now(&issuer.token().header("alg", "Ed448").sign())
        .unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::WrongAlgorithm);
}

#[test]
fn a_key_is_found_by_its_id() {
    let issuer = TestIssuer::new();
    let keys = || (0..6).map(|_| SigningKey::generate_es256().unwrap().verifying_key());
    let build = |keys: Vec<Key>| {
        Verifier::builder(keys)
            .issuer(TestIssuer::ISSUER)
            .audience(TestIssuer::AUDIENCE)
            .clock(issuer.clock().clone())
            .build()
            .unwrap()
    };
    let own = issuer.key().verifying_key();
    let many = build(keys().chain([own.clone()]).collect());
    many.verify_now(&issuer.token().sign()).unwrap();

    let unknown = issuer.token().header("kid", "other").sign();
    assert_eq!(
        many.verify_now(&unknown).unwrap_err().kind(),
        AuthErrorKind::UnknownKey
    );

    // Without an id, four keys are tried and no more.
    let nameless = sign_raw(
        issuer.key(),
        r#"{"alg":"ES256"}"#,
        issuer_claims(&issuer).as_bytes(),
    );
    assert_eq!(
        many.verify_now(&nameless).unwrap_err().kind(),
        AuthErrorKind::AmbiguousKey
    );
    let few = build(keys().take(3).chain([own]).collect());
    few.verify_now(&nameless).unwrap();
}

#[test]
fn a_key_without_id_verifies_whatever_the_token_names() {
    let secret = b"an example secret of 32 bytes or more";
    let issuer = TestIssuer::new();
    let verifier = Verifier::builder(Key::hs256(secret).unwrap())
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let key = SigningKey::hs256(secret).unwrap();
    verifier
        .verify_now(&issuer.token().header("kid", "any").signed_by(&key))
        .unwrap();
}

#[test]
fn a_verifier_needs_issuer_audience_and_a_key() {
    let key = || Key::hs256(b"an example secret of 32 bytes or more").unwrap();
    let missing = |built: Result<Verifier, ConfigError>| match built {
        Err(ConfigError::Missing(text)) => text,
        other => panic!("{other:?}"),
    };
    assert!(missing(Verifier::builder(key()).audience("a").build()).contains("issuer"));
    assert!(missing(Verifier::builder(key()).issuer("i").build()).contains("audience"));
    assert!(
        missing(
            Verifier::builder(KeySet::default())
                .issuer("i")
                .audience("a")
                .build()
        )
        .contains("key")
    );
    for both in [
        Verifier::builder(key())
            .issuer("i")
            .any_issuer()
            .audience("a")
            .build(),
        Verifier::builder(key())
            .issuer("i")
            .any_audience()
            .audience("a")
            .build(),
    ] {
        assert!(matches!(both, Err(ConfigError::Conflict(_))));
    }
    for empty in [
        Verifier::builder(key()).issuer("").audience("a").build(),
        Verifier::builder(key()).issuer("i").audience("").build(),
    ] {
        assert!(matches!(empty, Err(ConfigError::InvalidSetting(_))));
    }
}

#[test]
fn an_explanation_lists_every_failed_check() {
    let issuer = TestIssuer::new();
    let token = issuer.token().expired().audience("shop").by_a_stranger();
    let explanation = issuer.verifier().explain(&token);
    let failed: Vec<_> = explanation.failed().map(Check::name).collect();
    assert_eq!(failed, ["signature", "aud", "exp"]);
    assert_eq!(explanation.refusal(), Some(AuthErrorKind::BadSignature));
    let aud = explanation
        .checks()
        .iter()
        .find(|check| check.name() == "aud")
        .unwrap();
    assert_eq!(
        (aud.expected(), aud.found()),
        (r#""https://api.test""#, r#""shop""#)
    );
    assert_eq!(aud.verdict(), Verdict::Failed(AuthErrorKind::WrongAudience));
    assert!(
        explanation
            .to_string()
            .ends_with("refused: the signature does not match")
    );
}

#[test]
fn an_explanation_escapes_and_cuts_what_the_token_says() {
    let issuer = TestIssuer::new();
    let hostile = format!("\r\nX: 1\u{1b}[31m{}", "a".repeat(4_000));
    let text = issuer
        .verifier()
        .explain(&issuer.token().issuer(&hostile).sign())
        .to_string();
    assert!(!text.contains('\r') && !text.contains('\u{1b}'));
    assert!(text.len() < 2_000, "{}", text.len());
}

#[test]
fn claims_of_another_shape_are_the_developers_mistake_and_tell_nothing() {
    #[derive(Debug, serde::Deserialize)]
    struct Wrong {
        #[allow(dead_code)]
        sub: u64,
    }
    let issuer = TestIssuer::new();
    let token = issuer
        .verifier()
        .verify_now(&issuer.token().subject("private-name").sign())
        .unwrap();
    let error = token.claims::<Wrong>().unwrap_err();
    assert_eq!(error.challenge().status(), 500);
    let text = format!("{error} {error:?} {}", error.challenge().problem_json());
    assert!(!text.contains("private-name"), "{text}");
    assert!(text.contains("Wrong"), "{text}");
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

fn issuer_claims(issuer: &TestIssuer) -> String {
    json!({
        "iss": TestIssuer::ISSUER,
        "aud": TestIssuer::AUDIENCE,
        "exp": now(issuer) + 300,
    })
    .to_string()
}

#[test]
fn a_secret_that_nobody_filled_verifies_no_claims() {
    let set = |k: &str| {
        let jwk = format!(r#"{{"keys":[{{"kty":"oct","alg":"HS256","k":"{k}"}}]}}"#);
        let set = KeySet::from_json(&jwk).unwrap();
        Verifier::builder(set).issuer("i").audience("a").build()
    };
    let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert!(matches!(set(zeros), Err(ConfigError::WeakKey(_))));
    set(&zeros.replacen('A', "B", 1)).unwrap();
    assert!(matches!(Key::hs256([0; 32]), Err(ConfigError::WeakKey(_))));
}

/// Keys that come after the verifier was built.
struct Late(Arc<OnceLock<Arc<KeySet>>>);

impl KeySource for Late {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        self.0.get().cloned().ok_or_else(KeysUnavailable::default)
    }
}

#[test]
fn a_source_cannot_bring_a_secret_that_nobody_filled() {
    // Our own keys refuse to sign with it, so another library does.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let issuer = TestIssuer::new();
    let claims: Value = serde_json::from_str(&issuer_claims(&issuer)).unwrap();
    for (k, first, accepted) in [
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0, false),
        ("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 1, true),
    ] {
        let late = Arc::new(OnceLock::new());
        let verifier = Verifier::builder(Keys::from_source(Late(Arc::clone(&late))))
            .issuer(TestIssuer::ISSUER)
            .audience(TestIssuer::AUDIENCE)
            .clock(issuer.clock().clone())
            .build()
            .unwrap();
        let jwk = format!(r#"{{"keys":[{{"kty":"oct","alg":"HS256","k":"{k}"}}]}}"#);
        late.set(Arc::new(KeySet::from_json(&jwk).unwrap()))
            .unwrap();
        let mut secret = [0; 32];
        secret[0] = first;
        let key = jsonwebtoken::EncodingKey::from_secret(&secret);
        let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
        assert_eq!(verifier.verify_now(&token).is_ok(), accepted);
    }
}

#[test]
fn accepted_algorithms_narrow_a_mixed_set() {
    let issuer = TestIssuer::new();
    let other = SigningKey::generate_ed25519().unwrap();
    let set = || KeySet::new([issuer.key().verifying_key(), other.verifying_key()]);
    let build = |algorithms: &[Algorithm]| {
        Verifier::builder(set())
            .issuer(TestIssuer::ISSUER)
            .audience(TestIssuer::AUDIENCE)
            .clock(issuer.clock().clone())
            .algorithms(algorithms.iter().copied())
            .build()
    };
    let only = build(&[Algorithm::ES256]).unwrap();
    only.verify_now(&issuer.token().sign()).unwrap();
    let error = only
        .verify_now(&issuer.token().signed_by(&other))
        .unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::WrongAlgorithm);
    let both = build(&[Algorithm::ES256, Algorithm::Ed25519]).unwrap();
    both.verify_now(&issuer.token().signed_by(&other)).unwrap();
    assert!(matches!(build(&[]), Err(ConfigError::InvalidSetting(_))));
}

#[test]
fn a_claim_may_be_required_twice_and_64_may_be() {
    let issuer = TestIssuer::new();
    let profile = issuer
        .verifier_builder()
        .access_token_profile()
        .access_token_profile();
    let twice = profile.require_claim("sub").build().unwrap();
    let token = issuer
        .token()
        .header("typ", "at+jwt")
        .claim("client_id", "c");
    twice.verify_now(&token.sign()).unwrap();

    let names = |count: usize| (0..count).map(|n| format!("c{n}"));
    let build = |count| {
        names(count)
            .fold(
                issuer.verifier_builder(),
                countersign::VerifierBuilder::require_claim,
            )
            .build()
    };
    let all = names(64).fold(issuer.token(), |token, name| token.claim(&name, 1));
    build(64).unwrap().verify_now(&all.clone().sign()).unwrap();
    let error = build(64)
        .unwrap()
        .verify_now(&all.without("c63").sign())
        .unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::MissingClaim);
    assert!(matches!(build(65), Err(ConfigError::InvalidSetting(_))));
}

#[test]
fn a_key_that_is_named_goes_before_those_without_a_name() {
    let issuer = TestIssuer::new();
    let nameless = {
        let pem = SigningKey::generate_es256().unwrap();
        let jwk = pem.verifying_key().to_jwk().unwrap();
        let mut jwk: Value = serde_json::from_str(&jwk).unwrap();
        jwk.as_object_mut().unwrap().remove("kid");
        (pem, Key::from_jwk(&jwk.to_string()).unwrap())
    };
    assert_eq!(nameless.1.id(), None);
    let mixed = Verifier::builder([issuer.key().verifying_key(), nameless.1])
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let by_nameless = |kid: &str| issuer.token().header("kid", kid).signed_by(&nameless.0);
    let kind = |token: String| mixed.verify_now(&token).unwrap_err().kind();
    mixed.verify_now(&issuer.token().sign()).unwrap();
    mixed.verify_now(&by_nameless("other")).unwrap();
    assert_eq!(
        kind(by_nameless(issuer.key().id())),
        AuthErrorKind::BadSignature
    );
    // A name that nobody has may be that of a newer key: that is what a source is asked for.
    assert_eq!(
        kind(issuer.token().header("kid", "new").by_a_stranger()),
        AuthErrorKind::UnknownKey
    );
}

#[test]
fn an_accepted_token_is_explained_too() {
    let issuer = TestIssuer::new();
    let explanation = issuer.verifier().explain(&issuer.token().sign());
    assert_eq!(explanation.refusal(), None);
    assert_eq!(explanation.failed().count(), 0);
    assert!(explanation.checks().len() > 10);
    assert!(explanation.to_string().ends_with("accepted"));
}

#[test]
fn a_claim_of_another_type_is_not_taken_for_absent() {
    let issuer = TestIssuer::new();
    let token = issuer
        .token()
        .claim("suspended", "yes")
        .claim("level", 7)
        .sign();
    let token = issuer.verifier().verify_now(&token).unwrap();
    assert_eq!(token.claim::<u8>("level").unwrap(), Some(7));
    assert_eq!(token.claim::<bool>("other").unwrap(), None);
    assert_eq!(
        token.claim::<bool>("suspended").unwrap_err().kind(),
        AuthErrorKind::Misconfigured
    );
}

#[test]
fn what_cannot_be_decided_lets_nobody_in_either_way() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let holds = |policy: &Policy, token: TestToken<'_>| {
        policy
            .check(&verifier.verify_now(&token.sign()).unwrap())
            .is_ok()
    };
    let (guest, no_guest) = (Policy::role("guest"), Policy::role("guest").not());
    for roles in [
        json!(["guest", 1]),
        json!(["user", null]),
        json!({"name": "guest"}),
        json!(7),
    ] {
        for policy in [&guest, &no_guest] {
            assert!(
                !holds(policy, issuer.token().claim("roles", roles.clone())),
                "{roles}"
            );
        }
    }
    assert!(holds(
        &no_guest,
        issuer.token().claim("roles", json!(["user"]))
    ));
    assert!(holds(&no_guest, issuer.token()));
    assert!(!holds(&no_guest, issuer.token().role("guest")));
    for nobody in [
        Policy::default(),
        Policy::scope(" "),
        Policy::any_scope::<&str>([]),
    ] {
        assert!(!holds(&nobody, issuer.token().scope("a")));
        assert!(!holds(&nobody.clone().not(), issuer.token().scope("a")));
        assert!(!holds(
            &nobody.or(Policy::scope("b")).not(),
            issuer.token().scope("a")
        ));
    }
    let seven = Policy::claim("level", 7);
    assert!(holds(&seven, issuer.token().claim("level", 7.0)));
    assert!(!holds(
        &seven.clone().not(),
        issuer.token().claim("level", 7.0)
    ));
    assert!(holds(&seven.not(), issuer.token().claim("level", 8)));
    let acr = Policy::acr(["phr"]);
    for (own, expected) in [("phr", true), ("ph", false), ("phrh", false), ("", false)] {
        assert_eq!(
            holds(&acr, issuer.token().claim("acr", own)),
            expected,
            "{own}"
        );
    }
}

#[test]
fn a_second_requirement_adds_to_the_first() {
    let issuer = TestIssuer::new();
    let both = Authenticator::new(issuer.verifier())
        .require(Policy::scope("a"))
        .require(Policy::scope("b"));
    for (scope, accepted) in [("a b", true), ("a", false), ("b", false)] {
        let token = issuer.token().scope(scope).sign();
        let verdict = both
            .authenticate(Some(Credentials::new(&token)))
            .into_ready();
        assert_eq!(verdict.unwrap().is_ok(), accepted, "{scope}");
    }
}

#[test]
fn issuers_are_named_once_each() {
    let issuer = TestIssuer::new();
    let one = || issuer.verifier();
    let any = Verifier::builder(issuer.key())
        .any_issuer()
        .any_audience()
        .build()
        .unwrap();
    assert!(Issuers::new([one()]).is_ok());
    assert!(matches!(Issuers::new([]), Err(ConfigError::Missing(_))));
    assert!(matches!(
        Issuers::new([one(), one()]),
        Err(ConfigError::Conflict(_))
    ));
    assert!(matches!(
        Issuers::new([one(), any]),
        Err(ConfigError::Conflict(_))
    ));
}

#[test]
fn a_public_key_is_no_secret() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----";
    for text in [
        pem,
        &format!("\n {pem}"),
        r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAAAAAA"}"#,
    ] {
        assert!(
            matches!(Key::hs256(text), Err(ConfigError::InvalidKey(_))),
            "{text}"
        );
        assert!(
            matches!(SigningKey::hs256(text), Err(ConfigError::InvalidKey(_))),
            "{text}"
        );
    }
    Key::hs256(r#"{"a secret may look":"like JSON, if it is none of a key"}"#).unwrap();
}
