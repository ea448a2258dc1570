//! Tests of scopes that imply others.

use countersign::{AuthErrorKind, ConfigError, Policy, claims::ScopeHierarchy};

use crate::TestIssuer;

fn hierarchy() -> ScopeHierarchy {
    ScopeHierarchy::new([
        ("admin", "write refund"),
        ("write", "read"),
        ("refund", "read"),
    ])
    .unwrap()
}

#[test]
fn a_scope_meets_what_it_implies_and_nothing_else() {
    let issuer = TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .scope_hierarchy(hierarchy())
        .build()
        .unwrap();
    let ready_made = issuer.verifier().with_scope_hierarchy(hierarchy());
    for (own, required, meets) in [
        ("read", "read", true),
        ("write", "read", true),
        ("admin", "read", true),
        ("admin", "write refund", true),
        ("read", "write", false),
        ("write", "refund", false),
        ("write", "admin", false),
        ("writer", "read", false),
        ("write:all", "read", false),
        ("other", "other", true),
        ("other", "read", false),
        ("", "read", false),
    ] {
        for verifier in [&verifier, &ready_made] {
            let token = verifier
                .verify_now(&issuer.token().scope(own).sign())
                .unwrap();
            let policy = Policy::scope(required);
            assert_eq!(policy.check(&token).is_ok(), meets, "{own} {required}");
            assert_eq!(
                policy.not().check(&token).is_ok(),
                !meets,
                "{own} {required}"
            );
            assert!(token.scopes().iter().all(|scope| own.contains(scope)));
            if !required.contains(' ') {
                assert_eq!(token.has_scope(required), meets, "{own} {required}");
            }
        }
        // Without a hierarchy, no name implies another.
        let token = issuer
            .verifier()
            .verify_now(&issuer.token().scope(own).sign())
            .unwrap();
        assert_eq!(
            Policy::scope(required).check(&token).is_ok(),
            own == required
        );
    }
}

#[test]
fn a_challenge_names_the_scope_that_was_required() {
    let issuer = TestIssuer::new();
    let verifier = issuer.verifier().with_scope_hierarchy(hierarchy());
    let token = verifier
        .verify_now(&issuer.token().scope("refund").sign())
        .unwrap();
    let refused = Policy::scope("write").check(&token).unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::InsufficientScope);
    let challenge = refused.challenge();
    assert!(
        challenge
            .www_authenticate()
            .unwrap()
            .ends_with(r#"scope="write""#)
    );
    assert_eq!(Policy::scope("write").scopes(), ["write"]);
}

#[test]
fn a_hierarchy_has_no_cycle_and_only_scopes() {
    let conflict = |pairs: &[(&str, &str)]| {
        matches!(
            ScopeHierarchy::new(pairs.iter().copied()),
            Err(ConfigError::Conflict(_))
        )
    };
    assert!(conflict(&[("a", "a")]));
    assert!(conflict(&[("a", "b"), ("b", "a")]));
    assert!(conflict(&[("x", "a"), ("a", "b"), ("b", "c"), ("c", "a")]));
    assert!(!conflict(&[("a", "b c"), ("b", "d"), ("c", "d")]));
    let invalid = |scope: &str, implied: &str| {
        matches!(
            ScopeHierarchy::new([(scope, implied)]),
            Err(ConfigError::InvalidSetting(_))
        )
    };
    for (scope, implied) in [
        ("", "a"),
        ("a", ""),
        ("a", "  "),
        ("a b", "c"),
        ("a\"", "b"),
        ("a", "b\\"),
        ("a", "\u{e4}"),
    ] {
        assert!(invalid(scope, implied), "{scope:?} {implied:?}");
    }
    let chain = |scopes: usize| {
        ScopeHierarchy::new((1..scopes).map(|n| (format!("s{n}"), format!("s{}", n - 1))))
    };
    assert!(chain(ScopeHierarchy::MAX_SCOPES).is_ok());
    assert!(chain(ScopeHierarchy::MAX_SCOPES + 1).is_err());
}
