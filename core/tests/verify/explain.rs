//! Tests of explanations.

use std::collections::BTreeMap;

use countersign::{
    AuthErrorKind, Issuer, SigningKey, Verifier,
    explain::{Check, Verdict},
    testing::TestIssuer,
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
