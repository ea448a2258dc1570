//! Tests of the rules about claims.

use countersign::{
    AuthErrorKind, Verifier,
    testing::{TestIssuer, sign_raw},
};
use serde_json::{Value, json};

use super::{now, twins};

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
    // The type still matters.
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
fn the_session_of_a_token_can_be_asked_for() {
    let issuer = TestIssuer::new();
    let verify = |token: String| issuer.verifier().verify_now(&token).unwrap();
    let token = verify(issuer.token().claim("sid", "session-1").sign());
    assert_eq!(token.session_id(), Some("session-1"));
    assert_eq!(verify(issuer.token().sign()).session_id(), None);
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
