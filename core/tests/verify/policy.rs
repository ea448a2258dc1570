//! Tests of policies, and of handlers with a verified token.

use std::time::Duration;

use countersign::{
    AuthErrorKind, Authenticator, Policy,
    adapter::Credentials,
    testing::{TestIssuer, TestToken, sign_raw},
};
use serde_json::{Value, json};

use super::now;

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
fn numbers_are_compared_exactly() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let verdicts = |asked: Value, text: &str| {
        let claims = format!(
            r#"{{"iss":"{}","aud":"{}","exp":{},"n":{text}}}"#,
            TestIssuer::ISSUER,
            TestIssuer::AUDIENCE,
            now(&issuer) + 300
        );
        let token = sign_raw(issuer.key(), r#"{"alg":"ES256"}"#, claims.as_bytes());
        let token = verifier.verify_now(&token).unwrap();
        let policy = Policy::claim("n", asked);
        (
            policy.check(&token).is_ok(),
            policy.not().check(&token).is_ok(),
        )
    };
    let (yes, no, unclear) = ((true, false), (false, true), (false, false));
    for (asked, text, verdict) in [
        (
            json!(1_234_567_890_123_456_789_u64),
            "1234567890123456789",
            yes,
        ),
        (
            json!(1_234_567_890_123_456_789_u64),
            "1234567890123456788",
            no,
        ),
        (
            json!(1_234_567_890_123_456_789_u64),
            "1234567890123456768",
            no,
        ),
        (
            json!(1_234_567_890_123_456_789_u64),
            "1234567890123456800",
            no,
        ),
        (json!(u64::MAX), "18446744073709551615", yes),
        (json!(u64::MAX), "18446744073709551614", no),
        (json!(i64::MIN), "-9223372036854775808", yes),
        (json!(i64::MIN), "-9223372036854775807", no),
        (json!(u64::MAX), "-1", no),
        // A float that is exact is equal to its integer.
        (json!(7), "7.0", yes),
        (json!(7.0), "7", yes),
        (json!(700), "7e2", yes),
        (json!(-7), "-7.0", yes),
        (json!(0), "-0", yes),
        (json!(7), "7.5", no),
        (json!(0.1), "0.1", yes),
        (json!(0.1), "1", no),
        (json!(1_125_899_906_842_623_u64), "1125899906842623.0", yes),
        (json!(1_125_899_906_842_623_u64), "1125899906842622.0", no),
        // A float that was rounded could be any of several.
        (json!(7), "7.000000000000001", unclear),
        (json!(1_234_567_890_123_u64), "1234567890123.0000", yes),
        (
            json!(1_125_899_906_842_624_u64),
            "1125899906842624.0",
            unclear,
        ),
        (
            json!(9_007_199_254_740_991_u64),
            "9007199254740991.0",
            unclear,
        ),
        (
            json!(9_007_199_254_740_991_u64),
            "9007199254740990.0",
            unclear,
        ),
        (
            json!(9_007_199_254_740_992_u64),
            "9007199254740992.0",
            unclear,
        ),
        (
            json!(9_007_199_254_740_993_u64),
            "9007199254740992.0",
            unclear,
        ),
        (
            json!(1_234_567_890_123_456_789_u64),
            "1234567890123456789.0",
            unclear,
        ),
        (json!(1_234_567_890_123_456_789_u64), "1.3e18", no),
        (json!(u64::MAX), "18446744073709551616", unclear),
        (
            json!(18_446_744_073_709_551_616.0),
            "18446744073709551617",
            unclear,
        ),
        (json!(1e300), "1e299", no),
        // In arrays and objects, too.
        (json!([7, "a"]), r#"[7.0,"a"]"#, yes),
        (json!({"a": 7, "b": null}), r#"{"b":null,"a":7.0}"#, yes),
        (
            json!([1_234_567_890_123_456_789_u64]),
            "[1234567890123456788]",
            no,
        ),
        (json!([u64::MAX, 1]), "[18446744073709551616,1]", unclear),
        (json!([u64::MAX, 1]), "[18446744073709551616,2]", no),
        (json!([7]), "[7,7]", no),
        (json!({"a": 7}), r#"{"b":7}"#, no),
        (json!({"a": 7}), r#"{"a":7,"b":7}"#, no),
        (json!({"a": 7, "b": 7}), r#"{"a":7}"#, no),
        (json!("7"), "7", no),
        (json!(1), "true", no),
    ] {
        assert_eq!(verdicts(asked.clone(), text), verdict, "{asked} {text}");
    }
}

#[test]
fn a_policy_names_the_scopes_that_it_asks_for_once_and_in_order() {
    let policy = Policy::scope("b a")
        .and(Policy::role("admin"))
        .and(Policy::any_scope(["a", "c"]));
    assert_eq!(policy.scopes(), ["b", "a", "c"]);
    assert!(Policy::role("admin").scopes().is_empty());
}

#[test]
fn a_login_counts_as_recent_to_its_last_second_and_a_minute_ahead() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier();
    let recent = Policy::max_age(Duration::from_secs(300));
    for (ago, expected) in [
        (0, true),
        (300, true),
        (301, false),
        (-60, true),
        (-61, false),
    ] {
        let token = issuer.token().claim("auth_time", now(&issuer) - ago);
        let token = verifier.verify_now(&token.sign()).unwrap();
        assert_eq!(recent.check(&token).is_ok(), expected, "{ago} s ago");
    }
    let unknown = verifier.verify_now(&issuer.token().sign()).unwrap();
    let refused = recent.check(&unknown).unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::StepUpRequired);
}

#[test]
fn a_refusal_asks_for_what_all_parts_of_the_policy_need() {
    let issuer = TestIssuer::new();
    let token = issuer.verifier().verify_now(&issuer.token().sign());
    let token = token.unwrap();
    let age = |seconds| Policy::max_age(Duration::from_secs(seconds));
    let challenge = |policy: Policy| {
        let refused = policy.check(&token).unwrap_err();
        let challenge = refused.challenge();
        challenge.www_authenticate().unwrap().to_owned()
    };
    let step_up = Policy::acr(["a", "b"])
        .and(age(300))
        .and(Policy::scope("read"))
        .and(age(60))
        .and(age(900));
    let text = challenge(step_up);
    let needs = r#"acr_values="a b", max_age="60""#;
    assert!(text.ends_with(needs), "{text}");
    assert!(!text.contains("scope"), "{text}");

    let text = challenge(
        Policy::scope("read")
            .and(age(60))
            .and(Policy::scope("read")),
    );
    assert!(text.ends_with(r#", scope="read""#), "{text}");
    assert!(!text.contains("max_age"), "{text}");
}

#[test]
fn a_refusal_by_several_policies_is_the_one_that_says_most() {
    let issuer = TestIssuer::new();
    let token = issuer.token().claim("roles", 7).sign();
    let token = issuer.verifier().verify_now(&token).unwrap();
    let kind = |policy: Policy| policy.check(&token).unwrap_err().kind();
    let no = || Policy::claim("level", 7);
    let unclear = || Policy::role("admin");
    let scope = || Policy::scope("read");
    let step_up = || Policy::acr(["phr"]);
    for (policy, expected) in [
        // For alternatives, the first that can be remedied.
        (no().or(scope()), AuthErrorKind::InsufficientScope),
        (scope().or(no()), AuthErrorKind::InsufficientScope),
        (scope().or(step_up()), AuthErrorKind::InsufficientScope),
        (step_up().or(scope()), AuthErrorKind::StepUpRequired),
        (unclear().or(scope()), AuthErrorKind::InsufficientScope),
        // For requirements, the first that is not met: before those that cannot be decided.
        (no().and(scope()), AuthErrorKind::Forbidden),
        (scope().and(no()), AuthErrorKind::InsufficientScope),
        (unclear().and(scope()), AuthErrorKind::InsufficientScope),
        (unclear().and(no().not()), AuthErrorKind::Forbidden),
        (no().not().and(unclear()), AuthErrorKind::Forbidden),
        // An alternative that cannot be decided leaves the opposite undecided, too.
        (unclear().or(scope()).not(), AuthErrorKind::Forbidden),
        (scope().or(unclear()).not(), AuthErrorKind::Forbidden),
    ] {
        assert_eq!(kind(policy.clone()), expected, "{policy:?}");
    }
    for accepted in [scope().or(no()).not(), unclear().and(no()).not()] {
        assert!(accepted.check(&token).is_ok(), "{accepted:?}");
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
