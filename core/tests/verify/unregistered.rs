//! Tests of claims that RFC 7519 does not register: they are judged where something uses them.

use std::time::Duration;

use countersign::{
    AuthErrorKind, Policy, Revocation, VerifierBuilder,
    testing::{TestIssuer, TestToken},
};
use serde_json::{Value, json};

use super::{now, twins};

/// Each claim with a value of its form and several of other forms.
fn claims() -> [(&'static str, Value, Vec<Value>); 4] {
    let other = || vec![json!(["x"]), json!({"a": [1]}), json!(true), json!(null)];
    let dates = || [other(), vec![json!("2026-01-01T00:00:00Z"), json!(-1)]].concat();
    let texts = || [other(), vec![json!(7), json!(1.5)]].concat();
    [
        ("acr", json!("phr"), texts()),
        ("auth_time", json!(1_000), dates()),
        ("client_id", json!("app"), texts()),
        ("sid", json!("AAECAwQFBgcICQoLDA0ODw"), texts()),
    ]
}

#[test]
fn another_form_refuses_no_token_as_long_as_nothing_uses_the_claim() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    for (name, good, bad) in claims() {
        for value in bad {
            let text = issuer.token().claim(name, value.clone()).sign();
            let token = verifier.verify_now(&text).unwrap();
            assert_eq!(
                (token.acr(), token.client_id(), token.session_id()),
                (None, None, None)
            );
            assert_eq!(token.authenticated_at(), None);
            assert_eq!(token.claim::<Value>(name).unwrap(), Some(value));
            assert_eq!(verifier.explain(&text).refusal(), None);
            let typed = verifier.verify_now_as::<Value>(&text).unwrap();
            assert_eq!(Some(&typed[name]), token.claim(name).unwrap().as_ref());
        }
        let token = verifier.verify_now(&issuer.token().claim(name, good).sign());
        let token = token.unwrap();
        let texts = [token.acr(), token.client_id(), token.session_id()];
        assert!(texts.iter().any(Option::is_some) || token.authenticated_at().is_some());
    }
}

#[test]
fn another_form_is_refused_where_the_settings_name_the_claim() {
    let issuer = TestIssuer::new();
    let list = || Revocation::local().build().unwrap();
    let uses = |name: &'static str, good: Value| -> Vec<VerifierBuilder> {
        let builder = || issuer.verifier_builder();
        let mut all = vec![builder().require_claim(name)];
        if let Some(text) = good.as_str() {
            all.push(builder().require_value(name, text));
        }
        match name {
            "client_id" => all.push(builder().audience_claim(name).audience("app")),
            "sid" => all.push(builder().revocation(list().clone())),
            _ => {}
        }
        all
    };
    for (name, good, bad) in claims() {
        for builder in uses(name, good.clone()) {
            let verifier = builder.clock(issuer.clock().clone()).build().unwrap();
            for value in &bad {
                twins(
                    &verifier,
                    issuer.token().claim(name, value.clone()),
                    AuthErrorKind::InvalidClaim,
                    issuer.token().claim(name, good.clone()),
                );
            }
        }
    }
    let later = issuer.verifier().with_revocation(list());
    twins(
        &later,
        issuer.token().claim("sid", json!(["x"])),
        AuthErrorKind::InvalidClaim,
        issuer.token().claim("sid", "x"),
    );
    let refuses = issuer.verifier_builder().refuse_claim("sid").build();
    twins(
        &refuses.unwrap(),
        issuer.token().claim("sid", json!(["x"])),
        AuthErrorKind::InvalidClaim,
        issuer.token(),
    );
}

#[test]
fn a_policy_on_a_claim_of_another_form_lets_nobody_in_and_neither_does_its_opposite() {
    let issuer = TestIssuer::new();
    let acr = || Policy::acr(["phr"]);
    let age = || Policy::max_age(Duration::from_secs(60));
    let check = |token: TestToken<'_>, policy: Policy| {
        let token = issuer.verifier().verify_now(&token.sign()).unwrap();
        policy.check(&token).map_err(|error| error.kind())
    };
    let (step_up, forbidden) = (AuthErrorKind::StepUpRequired, AuthErrorKind::Forbidden);
    for value in [json!(["phr"]), json!({"phr": 1}), json!(1), json!(null)] {
        let token = || issuer.token().claim("acr", value.clone());
        assert_eq!(check(token(), acr()), Err(step_up));
        assert_eq!(check(token(), acr().not()), Err(forbidden));
        assert_eq!(check(token(), age().not().and(acr().not())), Err(forbidden));
    }
    for value in [json!("2026-01-01T00:00:00Z"), json!(null), json!([1])] {
        let token = || issuer.token().claim("auth_time", value.clone());
        assert_eq!(check(token(), age()), Err(step_up));
        assert_eq!(check(token(), age().not()), Err(forbidden));
    }
    assert_eq!(check(issuer.token().claim("acr", "phr"), acr()), Ok(()));
    assert_eq!(
        check(issuer.token().claim("acr", "pwd"), acr().not()),
        Ok(())
    );
    assert_eq!(check(issuer.token(), acr().not()), Ok(()));
    let recent = issuer.token().claim("auth_time", now(&issuer));
    assert_eq!(check(recent, age()), Ok(()));
    assert_eq!(check(issuer.token(), age().not()), Ok(()));

    let unread = issuer.token().claim("acr", json!(1)).sign();
    let unread = issuer.verifier().verify_now(&unread).unwrap();
    let error = acr().check(&unread).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, r#"acr: expected ["phr"]; found no text"#);
}

#[test]
fn a_list_that_is_asked_later_refuses_a_session_that_nobody_can_read() {
    let issuer = TestIssuer::new();
    let list = Revocation::local()
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let verify = |token: TestToken<'_>| issuer.verifier().verify_now(&token.sign()).unwrap();
    let unread = verify(issuer.token().claim("sid", json!([1])));
    let error = list.check(&unread).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::InvalidClaim);
    list.check(&verify(issuer.token().claim("sid", "x")))
        .unwrap();
    list.check(&verify(issuer.token())).unwrap();
}

#[test]
fn registered_claims_and_those_that_always_count_stay_strict() {
    let issuer = TestIssuer::new();
    for (name, bad) in [
        ("sub", json!(7)),
        ("jti", json!([7])),
        ("nbf", json!("7")),
        ("scope", json!(7)),
        ("cnf", json!(7)),
        ("cnf", json!(null)),
    ] {
        let text = issuer
            .token()
            .claim("acr", json!(1))
            .claim(name, bad)
            .sign();
        let error = issuer.verifier().verify_now(&text).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::InvalidClaim, "{name}");
    }
}

#[test]
fn a_claim_of_another_form_comes_once_and_has_no_name_twice() {
    let issuer = TestIssuer::new();
    let refused = |members: &str| {
        let payload = format!(
            r#"{{"iss":"{}","aud":"{}","exp":{},{members}}}"#,
            TestIssuer::ISSUER,
            TestIssuer::AUDIENCE,
            now(&issuer) + 60
        );
        let header = r#"{"alg":"ES256"}"#;
        let text = countersign::testing::sign_raw(issuer.key(), header, payload.as_bytes());
        issuer
            .verifier()
            .verify_now(&text)
            .err()
            .map(|error| error.kind())
    };
    let (malformed, invalid) = (AuthErrorKind::MalformedToken, AuthErrorKind::InvalidClaim);
    for (members, verdict) in [
        (r#""acr":{"a":1,"b":1}"#, None),
        (r#""acr":{"a":1,"a":1}"#, Some(malformed)),
        (r#""acr":[{"a":{"b":1,"b":1}}]"#, Some(malformed)),
        (
            r#""acr":{"$serde_json::private::Number":"1"}"#,
            Some(malformed),
        ),
        (r#""acr":1,"acr":2"#, Some(invalid)),
        (r#""acr":1,"acr":"a""#, Some(invalid)),
        (r#""acr":"a","acr":1"#, Some(invalid)),
        (r#""acr":1,"ac\u0072":2"#, Some(invalid)),
        (r#""acr":1,"sid":2,"x":1,"x":2"#, Some(malformed)),
        (r#""acr":1,"sid":2,"x":1,"y":2"#, None),
        (r#""acr":1,"sub":2"#, Some(invalid)),
    ] {
        assert_eq!(refused(members), verdict, "{members}");
    }
}
