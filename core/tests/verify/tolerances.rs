//! Tests of tolerances: what each accepts, its nearest refused twin, and where it shows.

use std::sync::Arc;

use countersign::{
    Algorithm, AuthErrorKind, Key, KeySet, Keys, Revocation, Verifier,
    claims::Tolerance,
    keys::{KeySource, KeysUnavailable},
    revocation::{RevocationEntry, Revoked},
    session::Realm,
    testing::{TestIssuer, TestToken, sign_raw},
};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::now;
#[cfg(feature = "cache")]
use super::twins;

fn numeric(issuer: &TestIssuer) -> Verifier {
    let builder = issuer.verifier_builder().accept_numeric_subject();
    builder.build().unwrap()
}

fn nulls(issuer: &TestIssuer) -> Verifier {
    let builder = issuer.verifier_builder().accept_null_claims();
    builder.build().unwrap()
}

/// Signs a payload that has what every token needs, and these members.
fn with(issuer: &TestIssuer, members: &str) -> String {
    let payload = format!(
        r#"{{"iss":"{}","aud":"{}","exp":{},{members}}}"#,
        TestIssuer::ISSUER,
        TestIssuer::AUDIENCE,
        now(issuer) + 60
    );
    sign_raw(issuer.key(), r#"{"alg":"ES256"}"#, payload.as_bytes())
}

#[test]
fn an_integer_of_64_bits_is_a_subject_by_its_decimal_text() {
    let issuer = TestIssuer::new();
    let (strict, tolerant) = (issuer.verifier(), numeric(&issuer));
    for good in [
        "0",
        "42",
        "-42",
        "18446744073709551615",
        "-9223372036854775808",
    ] {
        let text = with(&issuer, &format!(r#""sub": {good} "#));
        let token = tolerant.verify_now(&text).unwrap();
        assert_eq!(token.subject(), Some(good));
        let error = strict.verify_now(&text).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::InvalidClaim);
    }
    for bad in [
        "42.0",
        "4.2e1",
        "-0",
        "18446744073709551616",
        "-9223372036854775809",
        "1e400",
        "null",
        "true",
        "[42]",
        r#"["42"]"#,
        r#"{"$serde_json::private::Number":"42"}"#,
        "{}",
    ] {
        for verifier in [&strict, &tolerant] {
            let text = with(&issuer, &format!(r#""sub":{bad}"#));
            assert!(verifier.verify_now(&text).is_err(), "{bad}");
            assert!(verifier.explain(&text).refusal().is_some(), "{bad}");
        }
    }
    for (members, kind) in [
        (r#""sub":42,"sub":42"#, AuthErrorKind::InvalidClaim),
        (r#""sub":42,"sub":"42""#, AuthErrorKind::InvalidClaim),
        (r#""sub":"42","sub":42"#, AuthErrorKind::InvalidClaim),
        (r#""sub":42,"jti":42"#, AuthErrorKind::InvalidClaim),
        (r#""sub":042"#, AuthErrorKind::InvalidClaim),
    ] {
        let error = tolerant.verify_now(&with(&issuer, members)).unwrap_err();
        assert_eq!(error.kind(), kind, "{members}");
    }
}

#[test]
fn a_type_of_the_app_reads_the_number_that_is_in_the_token_or_its_text() {
    #[derive(Deserialize)]
    struct User<S> {
        sub: S,
    }
    let issuer = TestIssuer::new();
    let text = with(&issuer, r#""sub":42,"x":[{"a":1}]"#);
    let verifier = numeric(&issuer);
    let as_number = verifier.verify_now_as::<User<i64>>(&text).unwrap();
    assert_eq!(as_number.sub, 42);
    let as_text = verifier.verify_now_as::<User<String>>(&text).unwrap();
    assert_eq!(as_text.sub, "42");
    let read = || verifier.verify_now(&text).unwrap();
    assert_eq!(read().claims::<User<i64>>().unwrap().sub, 42);
    assert_eq!(read().claims::<User<String>>().unwrap().sub, "42");
    assert_eq!(read().subject(), Some("42"));
    assert_eq!(read().claim("sub").unwrap(), Some(json!(42)));
    assert_eq!(read().claim("sub").unwrap(), Some("42".to_owned()));
    assert!(read().claims::<User<bool>>().is_err());
    assert!(read().claim::<bool>("sub").is_err());
    assert!(read().claim::<String>("exp").is_err());

    // A text is read as a text only, with the tolerance or without.
    let text = with(&issuer, r#""sub":"42""#);
    let token = verifier.verify_now(&text).unwrap();
    assert!(token.claims::<User<i64>>().is_err());
    assert!(token.claim::<i64>("sub").is_err());
}

#[test]
fn a_revocation_of_the_decimal_text_ends_a_numeric_subject() {
    let issuer = TestIssuer::new();
    let list = Revocation::local()
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let verifier = numeric(&issuer).with_revocation(list.clone());
    let text = with(&issuer, &format!(r#""sub":42,"iat":{}"#, now(&issuer)));
    verifier.verify_now(&text).unwrap();
    list.revoke(&RevocationEntry {
        revoked: Revoked::Subject {
            realm: Realm::new(TestIssuer::ISSUER).unwrap(),
            subject: "42".into(),
            issued_before: now(&issuer),
        },
        until: now(&issuer) + 600,
    })
    .unwrap();
    let error = verifier.verify_now(&text).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::Revoked);
}

#[test]
fn null_counts_as_absent_in_every_claim_that_is_read() {
    let issuer = TestIssuer::new();
    let (strict, tolerant) = (issuer.verifier(), nulls(&issuer));
    for name in ["sub", "nbf", "iat", "jti", "scope"] {
        let text = issuer.token().claim(name, json!(null)).sign();
        let token = tolerant.verify_now(&text).unwrap();
        assert_eq!(token.claim::<Option<Value>>(name).unwrap(), Some(None));
        let error = strict.verify_now(&text).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::InvalidClaim, "{name}");
        for other in [json!([null]), json!(false), json!({})] {
            let text = issuer.token().claim(name, other).sign();
            assert!(tolerant.verify_now(&text).is_err(), "{name}");
        }
    }
    for name in ["iss", "aud", "exp"] {
        let text = issuer.token().claim(name, json!(null)).sign();
        let error = tolerant.verify_now(&text).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::MissingClaim, "{name}");
    }
    let bound = issuer.token().claim("cnf", json!(null)).sign();
    let error = tolerant.verify_now(&bound).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::InvalidClaim);
}

#[test]
fn a_required_claim_that_is_null_is_missing() {
    let issuer = TestIssuer::new();
    let builder = || issuer.verifier_builder().accept_null_claims();
    for builder in [
        builder().require_claim("jti"),
        builder().require_value("jti", "1"),
        builder().require_claim("sid"),
        builder().require_value("sid", "1"),
        builder().require_value("use", "1"),
        builder().max_age(std::time::Duration::from_secs(60)),
    ] {
        let verifier = builder.build().unwrap();
        let full = || {
            let token = issuer.token().claim("jti", "1").claim("sid", "1");
            token.claim("use", "1").claim("iat", now(&issuer))
        };
        verifier.verify_now(&full().sign()).unwrap();
        let of_null = |token: TestToken<'_>| {
            let token = token.claim("jti", json!(null)).claim("sid", json!(null));
            token
                .claim("use", json!(null))
                .claim("iat", json!(null))
                .sign()
        };
        let text = of_null(full());
        let error = verifier.verify_now(&text).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::MissingClaim);
        let refusal = verifier.explain(&text).refusal();
        assert_eq!(refusal, Some(AuthErrorKind::MissingClaim));
    }
    // Nothing reads it: it is there, as without the tolerance.
    let verifier = builder().require_claim("tenant").build().unwrap();
    let text = issuer.token().claim("tenant", json!(null)).sign();
    verifier.verify_now(&text).unwrap();
}

#[test]
fn a_verifier_knows_its_tolerances_and_an_explanation_says_which_one_was_needed() {
    let issuer = TestIssuer::new();
    assert_eq!(issuer.verifier().tolerances(), []);
    let text = issuer.token().sign();
    assert!(
        !issuer
            .verifier()
            .explain(&text)
            .to_string()
            .contains("tolerances")
    );

    let both = issuer
        .verifier_builder()
        .accept_null_claims()
        .accept_numeric_subject();
    let both = both.build().unwrap();
    let all = [Tolerance::NullClaims, Tolerance::NumericSubject];
    assert_eq!(both.tolerances(), all);
    for (token, needed, line) in [
        (issuer.token(), &[][..], "needed: none"),
        (
            issuer.token().claim("acr", json!(null)),
            &[],
            "needed: none",
        ),
        (
            issuer.token().claim("sub", json!(7)),
            &all[1..],
            "needed: numeric-sub",
        ),
        (
            issuer.token().claim("nbf", json!(null)),
            &all[..1],
            "needed: null-claims",
        ),
        (
            issuer
                .token()
                .claim("nbf", json!(null))
                .claim("sub", json!(7)),
            &all,
            "needed: null-claims, numeric-sub",
        ),
        // Refused all the same.
        (
            issuer.token().claim("sub", json!(7)).expired(),
            &[],
            "needed: none",
        ),
    ] {
        let explanation = both.explain(&token.sign());
        assert_eq!(explanation.tolerances(), all);
        assert_eq!(explanation.needed_tolerances(), needed);
        let line = format!("tolerances: null-claims, numeric-sub; {line}\n");
        assert!(explanation.to_string().contains(&line), "{explanation}");
    }

    let any = Verifier::builder(issuer.key()).any_issuer().any_audience();
    let any = any.clock(issuer.clock().clone()).build().unwrap();
    let tolerances = [Tolerance::AnyAudience, Tolerance::AnyIssuer];
    assert_eq!(any.tolerances(), tolerances);
    assert_eq!(any.explain(&text).needed_tolerances(), tolerances);
}

#[test]
fn names_are_those_of_logs_and_files() {
    let names: Vec<String> = Tolerance::ALL.iter().map(ToString::to_string).collect();
    let known = [
        "any-audience",
        "any-issuer",
        "null-claims",
        "numeric-sub",
        "private-http",
        "weak-hs256-secret",
    ];
    assert_eq!(names, known);
}

#[test]
fn the_guide_has_every_tolerance_in_its_table() {
    let guide = include_str!("../../docs/guide/migrating.md");
    for tolerance in Tolerance::ALL {
        let row = format!("| `{tolerance}` |");
        assert_eq!(guide.matches(&row).count(), 1, "{row}");
    }
}

#[test]
fn each_tolerance_is_a_warning_when_the_verifier_is_built() {
    let key = || Key::hs256("an example secret of 32 bytes or more").unwrap();
    let builder = || {
        Verifier::builder(key())
            .issuer("https://id.example")
            .audience("orders")
    };
    let log = super::log_of(|| {
        builder()
            .accept_null_claims()
            .accept_numeric_subject()
            .build()
            .unwrap();
        Verifier::builder(key())
            .any_issuer()
            .any_audience()
            .build()
            .unwrap();
    });
    let expected = [
        "WARN countersign tolerance=\"null-claims\" issuer=\"https://id.example\"",
        "WARN countersign tolerance=\"numeric-sub\" issuer=\"https://id.example\"",
        "WARN countersign tolerance=\"any-audience\" issuer=\"any\"",
        "WARN countersign tolerance=\"any-issuer\" issuer=\"any\"",
    ];
    assert_eq!(log, expected);
    assert!(super::log_of(|| drop(builder().build().unwrap())).is_empty());
}

#[cfg(feature = "cache")]
#[test]
fn a_cached_token_keeps_its_subject() {
    let issuer = TestIssuer::new();
    let verifier = numeric(&issuer).with_cache(countersign::TokenCache::new());
    let text = with(&issuer, r#""sub":42"#);
    for _ in 0..4 {
        assert_eq!(verifier.verify_now(&text).unwrap().subject(), Some("42"));
    }
    twins(
        &verifier,
        issuer.token().claim("sub", json!(4.5)),
        AuthErrorKind::InvalidClaim,
        issuer.token().claim("sub", json!(4)),
    );
}

/// Keys that may come over plain `http`.
struct OverHttp(Arc<KeySet>);

impl KeySource for OverHttp {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        Ok(Arc::clone(&self.0))
    }

    fn uses_private_http(&self) -> bool {
        true
    }
}

#[test]
fn a_weak_secret_and_keys_over_plain_http_are_tolerances_of_their_verifier() {
    let issuer = TestIssuer::with_algorithm(Algorithm::HS256);
    let weak = Key::weak_hs256_secret("secret").unwrap().with_id("old");
    let set = KeySet::new([issuer.key().verifying_key(), weak.clone()]);
    let build = |keys: Keys| {
        let builder = Verifier::builder(keys).clock(issuer.clock().clone());
        let builder = builder.issuer(TestIssuer::ISSUER);
        builder.audience(TestIssuer::AUDIENCE).build().unwrap()
    };
    let of = |id: &str, secret: &EncodingKey| {
        let header = Header {
            kid: Some(id.to_owned()),
            ..Header::default()
        };
        let claims = json!({ "iss": TestIssuer::ISSUER, "aud": TestIssuer::AUDIENCE, "exp": now(&issuer) + 60 });
        encode(&header, &claims, secret).unwrap()
    };
    let by_weak = of("old", &EncodingKey::from_secret(b"secret").unwrap());

    let mut verifier = None;
    let log = super::log_of(|| verifier = Some(build(set.clone().into())));
    assert_eq!(log.len(), 1, "{log:?}");
    assert!(
        log[0].contains("tolerance=\"weak-hs256-secret\""),
        "{log:?}"
    );
    let verifier = verifier.unwrap();
    assert_eq!(verifier.tolerances(), [Tolerance::WeakHs256Secret]);
    let explained = verifier.explain(&by_weak);
    assert_eq!(explained.needed_tolerances(), [Tolerance::WeakHs256Secret]);
    let explained = verifier.explain(&issuer.token().sign());
    assert!(explained.needed_tolerances().is_empty());
    verifier.verify_now(&by_weak).unwrap();
    // The twin: as strict as ever where nobody has asked for it.
    assert!(
        build(issuer.key().verifying_key().into())
            .verify_now(&by_weak)
            .is_err()
    );

    let http = build(Keys::from_source(OverHttp(Arc::new(set))));
    let both = [Tolerance::PrivateHttp, Tolerance::WeakHs256Secret];
    assert_eq!(http.tolerances(), both);
    assert_eq!(http.explain(&by_weak).needed_tolerances(), both);
    let explained = http.explain(&issuer.token().sign());
    assert_eq!(explained.needed_tolerances(), [Tolerance::PrivateHttp]);
}
