//! What policies and handlers make of a verified token.

use countersign::{
    AuthErrorKind, Authenticator, Credentials, Policy,
    testing::{TestIssuer, TestToken},
};
use serde_json::{Value, json};

#[test]
fn an_object_that_serde_json_could_read_as_a_number_is_refused() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let verify = |level: Value| verifier.verify_now(&issuer.token().claim("level", level).sign());
    let seven = Policy::claim("level", 7);
    for level in [
        json!({"$serde_json::private::Number": "7"}),
        json!([{"$serde_json::private::Number": "7.0"}]),
        json!({"$serde_json::private::RawValue": "7"}),
    ] {
        let refused = verify(level).unwrap_err();
        assert_eq!(refused.kind(), AuthErrorKind::MalformedToken);
    }
    let twin = verify(json!({"$serde_json::private": "7"})).unwrap();
    assert!(seven.check(&twin).is_err());
    assert!(seven.check(&verify(json!(7.0)).unwrap()).is_ok());
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
        Policy::acr::<&str>([]),
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
