//! Tests of the audience in another claim, and of claims that must have a value.

use countersign::{AuthErrorKind, testing::TestIssuer};
use serde_json::{Value, json};

use super::twins;

#[test]
fn another_claim_can_be_the_audience() {
    let issuer = TestIssuer::new();
    for name in ["client_id", "azp", "urn:example:audience"] {
        let verifier = issuer
            .verifier_builder()
            .audience_claim(name)
            .audience("second")
            .build()
            .unwrap();
        let good = || issuer.token().without("aud").claim(name, "second");
        twins(
            &verifier,
            good().claim(name, "third"),
            AuthErrorKind::WrongAudience,
            good().claim(name, TestIssuer::AUDIENCE),
        );
        // The right name in `aud` is not the right name.
        twins(
            &verifier,
            good().claim(name, "third").audience("second"),
            AuthErrorKind::WrongAudience,
            good().audience("third"),
        );
        twins(
            &verifier,
            issuer.token(),
            AuthErrorKind::MissingClaim,
            good(),
        );
        for wrong in [
            json!(null),
            json!(7),
            json!({"second": true}),
            json!(["second", 7]),
        ] {
            twins(
                &verifier,
                good().claim(name, wrong),
                AuthErrorKind::InvalidClaim,
                good(),
            );
        }
        twins(
            &verifier,
            good().audience("second").claim("aud", 7),
            AuthErrorKind::InvalidClaim,
            good(),
        );
    }
    let several = issuer
        .verifier_builder()
        .audience_claim("azp")
        .build()
        .unwrap();
    let with = |azp: Value| issuer.token().without("aud").claim("azp", azp);
    twins(
        &several,
        with(json!([])),
        AuthErrorKind::WrongAudience,
        with(json!(["x", TestIssuer::AUDIENCE])),
    );
}

#[test]
fn an_explanation_names_the_claim() {
    let issuer = TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .audience_claim("azp")
        .require_value("token_use", "access")
        .require_value("token_use", "id")
        .require_claim("tenant")
        .build()
        .unwrap();
    let token = issuer
        .token()
        .claim("azp", "shop\u{1b}")
        .claim("token_use", json!(["access"]));
    let explanation = verifier.explain(&token.sign());
    let shown: Vec<_> = explanation
        .failed()
        .map(|check| (check.name(), check.expected(), check.found()))
        .collect();
    assert_eq!(
        shown,
        [
            ("required claims", "present", "absent"),
            (
                "required values",
                r#"token_use "access" or "id""#,
                r#"token_use ["access"]"#
            ),
            ("aud", r#""https://api.test" as azp"#, r#""shop\u{1b}""#),
        ]
    );
}

#[test]
fn a_required_value_is_that_text() {
    let issuer = TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .require_value("use", "access")
        .require_value("use", "both")
        .require_value("sub", "user-1")
        .build()
        .unwrap();
    let with = |value: Value| issuer.token().claim("use", value);
    for wrong in [
        json!("id"),
        json!("Access"),
        json!("access "),
        json!(""),
        json!(["access"]),
        json!([]),
        json!(1),
        json!(null),
        json!({"access": 1}),
    ] {
        for right in ["access", "both"] {
            twins(
                &verifier,
                with(wrong.clone()),
                AuthErrorKind::InvalidClaim,
                with(json!(right)),
            );
        }
    }
    twins(
        &verifier,
        issuer.token(),
        AuthErrorKind::MissingClaim,
        with(json!("access")),
    );
    twins(
        &verifier,
        with(json!("access")).subject("user-2"),
        AuthErrorKind::InvalidClaim,
        with(json!("access")),
    );
    twins(
        &verifier,
        with(json!("access")).without("sub"),
        AuthErrorKind::MissingClaim,
        with(json!("access")),
    );
}
