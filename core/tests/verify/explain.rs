//! Tests of explanations.

use std::collections::BTreeMap;

use countersign::{
    AuthErrorKind, Authenticator, Issuer, Issuers, SigningKey, Verifier,
    adapter::Credentials,
    explain::{Check, Verdict},
    testing::{TestIssuer, sign_raw},
};

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
fn a_passed_check_says_which_claims_it_required() {
    let issuer = TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .require_claim("tenant")
        .require_claim("plan")
        .build()
        .unwrap();
    let token = issuer.token().claim("tenant", "a").claim("plan", "b");
    let explanation = verifier.explain(&token.sign());
    let check = |name| {
        let mut checks = explanation.checks().iter();
        let check = checks.find(|check| check.name() == name).unwrap();
        (check.verdict(), check.expected(), check.found())
    };
    assert_eq!(
        check("required claims"),
        (Verdict::Passed, "tenant, plan", "present")
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

/// A secret file is written with `echo` on one side, and read whole on the other.
#[test]
fn a_secret_with_the_end_of_a_line_is_named_where_no_signature_matches() {
    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    let issued_with = |secret: String| {
        let key = SigningKey::hs256(secret).unwrap().with_id("shared");
        let issuer = Issuer::builder("https://id.example", key);
        let issuer = issuer.audience("orders").build().unwrap();
        let token = issuer.issue(&BTreeMap::from([("sub", "ada")])).unwrap();
        (issuer.verifier(), token)
    };
    let (trimmed, token) = issued_with(SECRET.to_owned());
    let (whole, other) = issued_with(format!("{SECRET}\n"));

    let expected = |verifier: &Verifier, token: &str| {
        let explanation = verifier.explain(token);
        let check = explanation.failed().next()?;
        Some(check.expected().to_owned())
    };
    let hint = expected(&whole, token.as_str()).unwrap();
    assert!(hint.contains("ends in a line feed"), "{hint}");
    let without = expected(&trimmed, other.as_str()).unwrap();
    assert!(!without.contains("line feed"), "{without}");
    assert_eq!(expected(&whole, other.as_str()), None);
}

/// Two issuers, and their tokens: good ones, bad ones, and some that neither decides about.
#[test]
fn several_issuers_explain_what_they_decide() {
    const OTHER: &str = "https://partners.test";
    let (own, other) = (TestIssuer::new(), TestIssuer::new());
    let partners = Verifier::builder(other.key().verifying_key());
    let partners = partners.issuer(OTHER).any_audience();
    let partners = partners.clock(other.clock().clone()).build().unwrap();
    let issuers = Issuers::new([own.verifier(), partners]).unwrap();
    let authenticator = Authenticator::new(issuers.clone());
    let raw = |payload: &str| sign_raw(own.key(), r#"{"alg":"ES256"}"#, payload.as_bytes());

    let mut kinds = Vec::new();
    for token in [
        own.token().sign(),
        own.token().expired().sign(),
        other.token().issuer(OTHER).sign(),
        other.token().issuer(OTHER).by_a_stranger(),
        other.token().sign(),
        own.token().issuer("https://evil.test").sign(),
        own.token().without("iss").sign(),
        own.token().claim("iss", 7).sign(),
        own.token().claim("aud", 7).sign(),
        raw(r#"{"iss":"a","iss":"b"}"#),
        raw("no object"),
        raw("[]"),
        "a.b.c".to_owned(),
        "no token".to_owned(),
        String::new(),
        "a".repeat(9_000),
    ] {
        let verdict = authenticator.authenticate(Some(Credentials::new(&token)));
        let refused = futures_executor::block_on(verdict).err();
        let refused = refused.map(|error| error.kind());
        let explanation = issuers.explain(&token);
        assert_eq!(explanation.refusal(), refused, "{token}");
        kinds.push(refused);
    }
    assert_eq!(kinds.iter().filter(|kind| kind.is_none()).count(), 2);
    kinds.sort_by_key(|kind| kind.map(AuthErrorKind::reason));
    kinds.dedup();
    assert!(kinds.len() > 6, "{kinds:?}");
}

#[test]
fn a_token_of_no_known_issuer_is_told_the_known_ones() {
    let issuer = TestIssuer::new();
    let builder = issuer.verifier_builder().issuer("https://b.test");
    let issuers = Issuers::new([builder.build().unwrap()]).unwrap();
    let failed = |token: String| {
        let explanation = issuers.explain(&token);
        let failed: Vec<_> = explanation.failed().map(ToString::to_string).collect();
        failed.join("\n")
    };
    let known = r#""https://b.test" or "https://issuer.test""#;
    assert_eq!(
        failed(issuer.token().issuer("x\ny").sign()),
        format!(r#"FAIL iss: expected {known}; found "x\ny""#)
    );
    assert_eq!(
        failed(issuer.token().without("iss").sign()),
        format!("FAIL iss: expected {known}; found absent")
    );
    assert_eq!(
        failed(issuer.token().claim("iss", 7).sign()),
        "FAIL iss: expected a text; found 7"
    );
    let malformed = issuers.explain("no token");
    assert_eq!(malformed.to_string(), "refused: the token is malformed");
}
