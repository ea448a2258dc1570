//! Tests of scopes, roles and the audience in other claims than the usual ones.

use countersign::{
    AuthErrorKind, ConfigError, Policy, Revocation, VerifiedToken, VerifierBuilder,
    claims::{RoleSource, ScopeSource},
    testing::{TestIssuer, TestToken, sign_raw},
};
use serde_json::json;

use super::{now, twins};

fn verified(settings: VerifierBuilder, token: TestToken<'_>) -> VerifiedToken {
    settings.build().unwrap().verify_now(&token.sign()).unwrap()
}

/// Returns whether the policy is met, and whether its opposite is.
fn verdicts(policy: &Policy, token: &VerifiedToken) -> (bool, bool) {
    (
        policy.check(token).is_ok(),
        policy.clone().not().check(token).is_ok(),
    )
}

const YES: (bool, bool) = (true, false);
const NO: (bool, bool) = (false, true);
const UNCLEAR: (bool, bool) = (false, false);

#[test]
fn scopes_are_where_the_verifier_looks() {
    let issuer = TestIssuer::new();
    let read = Policy::scope("read");
    let scp = || ScopeSource::claim("scp");
    for (source, claims, verdict) in [
        (scp(), json!({"scp": "openid read"}), YES),
        (scp(), json!({"scp": ["openid", "read"]}), YES),
        (scp(), json!({"scp": "readers"}), NO),
        (scp(), json!({"scp": []}), NO),
        (scp(), json!({"scp": ""}), NO),
        (scp(), json!({"scope": "read"}), NO),
        (scp(), json!({}), NO),
        (ScopeSource::default(), json!({"scp": "read"}), NO),
        (ScopeSource::default(), json!({"scope": "read"}), YES),
        (
            ScopeSource::default().or(scp()),
            json!({"scp": "read"}),
            YES,
        ),
        (
            ScopeSource::default().or(scp()),
            json!({"scope": "read"}),
            YES,
        ),
        (
            ScopeSource::default().or(scp()),
            json!({"other": "read"}),
            NO,
        ),
        (scp().or(scp()), json!({"scp": "read"}), YES),
    ] {
        let mut token = issuer.token();
        for (name, value) in claims.as_object().unwrap() {
            token = token.claim(name, value.clone());
        }
        let token = verified(issuer.verifier_builder().scopes(source), token);
        assert_eq!(verdicts(&read, &token), verdict, "{claims}");
        assert_eq!(token.scopes().contains("read"), verdict == YES);
    }
    let both = ScopeSource::claim("permissions").or(ScopeSource::default());
    let token = issuer
        .token()
        .scope("a b")
        .claim("permissions", json!(["c", "d"]));
    let token = verified(issuer.verifier_builder().scopes(both), token);
    assert_eq!(
        token.scopes().iter().collect::<Vec<_>>(),
        ["c", "d", "a", "b"]
    );
}

#[test]
fn scopes_of_another_type_let_nobody_in() {
    let issuer = TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .scopes(ScopeSource::default().or(ScopeSource::claim("scp")))
        .build()
        .unwrap();
    for wrong in [
        json!(1),
        json!(null),
        json!(true),
        json!({"read": true}),
        json!(["read", 1]),
        json!([["read"]]),
        json!("read\twrite"),
        json!(["re\"ad"]),
        json!("l\u{e4}s"),
    ] {
        twins(
            &verifier,
            issuer.token().scope("read").claim("scp", wrong.clone()),
            AuthErrorKind::InvalidClaim,
            issuer.token().scope("read").claim("scp", "read"),
        );
        // A verifier that does not look there treats it like any other claim.
        let other = issuer.token().claim("scp", wrong).sign();
        issuer.verifier().verify_now(&other).unwrap();
    }
}

#[test]
fn an_element_of_an_array_is_one_scope() {
    let issuer = TestIssuer::new();
    for name in ["scope", "scp"] {
        let source = ScopeSource::default().or(ScopeSource::claim("scp"));
        let verifier = issuer.verifier_builder().scopes(source).build().unwrap();
        for (wrong, right) in [
            (json!(["read admin"]), json!("read admin")),
            (json!(["read", "read admin"]), json!(["read", "admin"])),
            (json!([" read"]), json!(["read"])),
            (json!(["read "]), json!(["read"])),
            (json!([" "]), json!([])),
            (json!([""]), json!("")),
            (json!(["read", ""]), json!(["read"])),
            (json!(["re\tad"]), json!(["re~ad"])),
            (json!(["re\\ad"]), json!(["re/ad"])),
        ] {
            twins(
                &verifier,
                issuer.token().claim(name, wrong),
                AuthErrorKind::InvalidClaim,
                issuer.token().claim(name, right),
            );
        }
    }
    // A role can contain a space, and is still one role.
    let token = issuer.token().claim("roles", json!(["read admin"]));
    let token = verified(issuer.verifier_builder(), token);
    assert_eq!(token.roles().unwrap(), ["read admin"]);
    assert_eq!(verdicts(&Policy::role("admin"), &token), NO);
    // So can an audience.
    let token = issuer
        .token()
        .claim("aud", json!(["a b", TestIssuer::AUDIENCE]));
    let token = verified(issuer.verifier_builder(), token);
    assert!(token.audience().contains("a b") && !token.audience().contains("b"));
}

#[test]
fn a_claim_that_is_looked_at_stands_once() {
    let issuer = TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .scopes(ScopeSource::claim("scp"))
        .build()
        .unwrap();
    let sign = |own: &str| {
        let claims = format!(
            r#"{{"iss":"{}","aud":"{}","exp":{},{own}}}"#,
            TestIssuer::ISSUER,
            TestIssuer::AUDIENCE,
            now(&issuer) + 300
        );
        sign_raw(issuer.key(), r#"{"alg":"ES256"}"#, claims.as_bytes())
    };
    let token = verifier
        .verify_now(&sign(r#""sc\u0070":"re\u0061d""#))
        .unwrap();
    assert!(token.scopes().contains("read"));
    for twice in [
        r#""scp":"read","scp":"write""#,
        r#""scp":"read","sc\u0070":"write""#,
    ] {
        let error = verifier.verify_now(&sign(twice)).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::InvalidClaim, "{twice}");
    }
}

#[test]
fn roles_are_where_the_verifier_looks() {
    let issuer = TestIssuer::new();
    let staff = Policy::role("staff");
    let realm = || RoleSource::path(["realm_access", "roles"]);
    let names = || RoleSource::names_of("roles");
    let groups = || RoleSource::claim("cognito:groups");
    for (source, claims, verdict) in [
        (groups(), json!({"cognito:groups": ["staff"]}), YES),
        (groups(), json!({"cognito:groups": "staff"}), YES),
        (groups(), json!({"cognito:groups": ["Staff", "staff "]}), NO),
        (groups(), json!({"cognito:groups": []}), NO),
        (groups(), json!({"roles": ["staff"]}), NO),
        (groups(), json!({"cognito:groups": ["staff", 1]}), UNCLEAR),
        (groups(), json!({"cognito:groups": null}), UNCLEAR),
        (
            groups(),
            json!({"cognito:groups": {"staff": true}}),
            UNCLEAR,
        ),
        (realm(), json!({"realm_access": {"roles": ["staff"]}}), YES),
        (realm(), json!({"realm_access": {"roles": "staff"}}), YES),
        (realm(), json!({"realm_access": {"roles": []}}), NO),
        (realm(), json!({"realm_access": {}}), NO),
        (realm(), json!({"realm_access.roles": ["staff"]}), NO),
        (realm(), json!({}), NO),
        (realm(), json!({"realm_access": ["staff"]}), UNCLEAR),
        (realm(), json!({"realm_access": null}), UNCLEAR),
        (realm(), json!({"realm_access": {"roles": null}}), UNCLEAR),
        (
            realm(),
            json!({"realm_access": {"roles": {"staff": {}}}}),
            UNCLEAR,
        ),
        (
            names(),
            json!({"roles": {"staff": {"1": "a.example"}}}),
            YES,
        ),
        (names(), json!({"roles": {"staff": true}}), YES),
        (names(), json!({"roles": {"other": {"staff": "staff"}}}), NO),
        (names(), json!({"roles": {}}), NO),
        (names(), json!({}), NO),
        (names(), json!({"roles": {"staff": false}}), UNCLEAR),
        (names(), json!({"roles": {"staff": {}}}), UNCLEAR),
        (
            names(),
            json!({"roles": {"staff": true, "x": null}}),
            UNCLEAR,
        ),
        (names(), json!({"roles": ["staff"]}), UNCLEAR),
        (names(), json!({"roles": "staff"}), UNCLEAR),
        (
            realm().or(groups()),
            json!({"cognito:groups": ["staff"]}),
            YES,
        ),
        (
            realm().or(groups()),
            json!({"realm_access": {"roles": ["staff"]}}),
            YES,
        ),
        (realm().or(groups()), json!({"roles": ["staff"]}), NO),
        // One part answers, whatever the other is; without an answer it stays unclear.
        (
            realm().or(groups()),
            json!({"realm_access": 1, "cognito:groups": ["staff"]}),
            YES,
        ),
        (
            realm().or(groups()),
            json!({"realm_access": 1, "cognito:groups": ["x"]}),
            UNCLEAR,
        ),
        (RoleSource::default(), json!({"role": "staff"}), YES),
        (RoleSource::default(), json!({"roles": ["x", "staff"]}), YES),
        (
            RoleSource::default(),
            json!({"role": "x", "roles": "staff"}),
            YES,
        ),
        (RoleSource::default(), json!({"groups": "staff"}), NO),
    ] {
        let mut token = issuer.token();
        for (name, value) in claims.as_object().unwrap() {
            token = token.claim(name, value.clone());
        }
        let token = verified(issuer.verifier_builder().roles(source), token);
        assert_eq!(verdicts(&staff, &token), verdict, "{claims}");
        let listed = token
            .roles()
            .map(|roles| roles.contains(&"staff".to_owned()));
        match listed {
            Ok(listed) => assert_eq!(listed, verdict == YES, "{claims}"),
            Err(error) => {
                assert_eq!(error.kind(), AuthErrorKind::Misconfigured);
                assert!(!format!("{error} {error:?}").contains("staff"), "{claims}");
            }
        }
    }
}

#[test]
fn one_claim_can_have_several_uses() {
    let issuer = TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .audience_claim("x")
        .audience("read")
        .require_claim("x")
        .require_value("x", "read")
        .scopes(ScopeSource::claim("x"))
        .roles(RoleSource::claim("x"))
        .build()
        .unwrap();
    let token = verifier
        .verify_now(&issuer.token().claim("x", "read").sign())
        .unwrap();
    assert_eq!(verdicts(&Policy::scope("read"), &token), YES);
    assert_eq!(verdicts(&Policy::role("read"), &token), YES);
}

#[test]
fn what_was_set_stays_with_a_list_of_revocations() {
    let issuer = TestIssuer::new();
    let revocation = Revocation::local()
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let verifier = issuer
        .verifier_builder()
        .scopes(ScopeSource::claim("scp"))
        .build()
        .unwrap()
        .with_revocation(revocation);
    let token = issuer.token().claim("scp", "read").sign();
    assert!(
        verifier
            .verify_now(&token)
            .unwrap()
            .scopes()
            .contains("read")
    );
}

#[test]
fn claims_that_cannot_hold_it_are_refused_at_once() {
    let issuer = TestIssuer::new();
    let settings = || issuer.verifier_builder();
    for (good, refused) in [
        (
            settings().audience_claim("azp"),
            settings().audience_claim("sub"),
        ),
        (
            settings().audience_claim("aud"),
            settings().audience_claim(""),
        ),
        (
            settings().audience_claim("client_id"),
            settings().audience_claim("exp"),
        ),
        (
            settings().scopes(ScopeSource::claim("scp")),
            settings().scopes(ScopeSource::claim("")),
        ),
        (
            settings().scopes(ScopeSource::default()),
            settings().scopes(ScopeSource::default().or(ScopeSource::claim("aud"))),
        ),
        (
            settings().scopes(ScopeSource::claim("expires")),
            settings().scopes(ScopeSource::claim("exp")),
        ),
        (
            settings().roles(RoleSource::path(["a", "b"])),
            settings().roles(RoleSource::path::<&str>([])),
        ),
        (
            settings().roles(RoleSource::default()),
            settings().roles(RoleSource::default().or(RoleSource::names_of(""))),
        ),
        (
            settings().require_value("jti", "token-1"),
            settings().require_value("iat", "now"),
        ),
        (
            settings().require_value("a", ""),
            settings().require_value("", "a"),
        ),
    ] {
        good.build().unwrap();
        let refused = refused.build();
        assert!(matches!(refused, Err(ConfigError::InvalidSetting(_))));
    }
}

#[test]
fn a_claim_that_is_refused_must_be_absent_whatever_it_holds() {
    let issuer = TestIssuer::new();
    let builder = || issuer.verifier_builder().refuse_claim("session_realm");
    let verifier = builder().build().unwrap();
    for value in [
        json!("staff"),
        json!(""),
        json!(["staff"]),
        json!([]),
        json!(null),
        json!(1),
        json!({}),
    ] {
        let token = issuer.token().claim("session_realm", value.clone()).sign();
        let refused = verifier.verify_now(&token).unwrap_err();
        assert_eq!(refused.kind(), AuthErrorKind::InvalidClaim, "{value}");
        let explained = verifier.explain(&token).to_string();
        assert!(explained.contains("FAIL"), "{explained}");
    }
    // The twins.
    for name in ["session_realms", "Session_realm", "realm"] {
        let token = issuer.token().claim(name, "staff").sign();
        verifier.verify_now(&token).unwrap();
        let explained = verifier.explain(&token).to_string();
        let wanted = "expected session_realm absent; found session_realm absent";
        assert!(explained.contains(wanted), "{explained}");
    }
}

#[test]
fn a_claim_is_not_required_and_refused_at_once() {
    let settings = || TestIssuer::new().verifier_builder().refuse_claim("a");
    for refused in [
        settings().require_claim("a"),
        settings().require_value("a", "b"),
    ] {
        assert!(matches!(refused.build(), Err(ConfigError::Conflict(_))));
    }
    settings().require_claim("b").build().unwrap();
    settings().require_value("b", "a").build().unwrap();
    let date = settings().refuse_claim("exp").build();
    assert!(matches!(date, Err(ConfigError::InvalidSetting(_))));
}
