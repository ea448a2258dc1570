//! Tests of policies about actors and roles.

use countersign::{AuthErrorKind, Policy};
use serde_json::{Value, json};

use crate::{TestIssuer, acting, twins, verify};

const INVALID: Result<(), AuthErrorKind> = Err(AuthErrorKind::InvalidClaim);
const FORBIDDEN: Result<(), AuthErrorKind> = Err(AuthErrorKind::Forbidden);

fn decide(policy: &Policy, act: Option<Value>) -> Result<(), AuthErrorKind> {
    let issuer = TestIssuer::new();
    let token = match act {
        Some(act) => acting(&issuer, act),
        None => issuer.token(),
    };
    let verdict = policy.check(&verify(&issuer, token));
    verdict.map_err(|error| error.kind())
}

#[test]
fn the_outermost_actor_decides() {
    let svc = || Some(json!({"sub": "svc"}));
    let other = || Some(json!({"sub": "other", "act": {"sub": "svc"}}));
    let here = || Some(json!({"sub": "svc", "iss": TestIssuer::ISSUER}));
    let foreign = || Some(json!({"sub": "svc", "iss": "https://else.test"}));
    for (policy, act, verdict) in [
        (Policy::actor("svc"), svc(), Ok(())),
        (Policy::actor("svc"), here(), Ok(())),
        (Policy::actor("svc"), None, FORBIDDEN),
        (Policy::actor("svc"), other(), FORBIDDEN),
        (Policy::actor("svc"), foreign(), FORBIDDEN),
        (Policy::actor("Svc"), svc(), FORBIDDEN),
        (Policy::actor("svc").not(), svc(), FORBIDDEN),
        (Policy::actor("svc").not(), None, Ok(())),
        (Policy::actor("svc").not(), other(), Ok(())),
        (Policy::actor("svc").not(), foreign(), Ok(())),
        (Policy::actor_of(TestIssuer::ISSUER, "svc"), svc(), Ok(())),
        (
            Policy::actor_of("https://else.test", "svc"),
            foreign(),
            Ok(()),
        ),
        (
            Policy::actor_of("https://else.test", "svc"),
            svc(),
            FORBIDDEN,
        ),
        (
            Policy::actor_of("https://else.test", "svc"),
            here(),
            FORBIDDEN,
        ),
        (Policy::direct(), None, Ok(())),
        (Policy::direct(), svc(), FORBIDDEN),
        (Policy::direct().not(), svc(), Ok(())),
        (Policy::direct().not(), None, FORBIDDEN),
        (Policy::direct().or(Policy::actor("svc")), svc(), Ok(())),
        (
            Policy::direct().or(Policy::actor("svc")),
            other(),
            FORBIDDEN,
        ),
    ] {
        assert_eq!(decide(&policy, act.clone()), verdict, "{policy:?} {act:?}");
    }
}

#[test]
fn an_actor_that_nobody_can_read_meets_neither_a_policy_nor_its_opposite() {
    for (bad, good) in twins() {
        for policy in [Policy::actor("svc"), Policy::direct()] {
            assert_eq!(decide(&policy, Some(bad.clone())), INVALID, "{bad}");
            assert_eq!(
                decide(&policy.clone().not(), Some(bad.clone())),
                FORBIDDEN,
                "{bad}"
            );
            let either = policy.clone().or(policy.not());
            assert!(decide(&either, Some(bad.clone())).is_err());
            assert_eq!(decide(&either, Some(good.clone())), Ok(()));
        }
    }
}

#[test]
fn the_subject_of_an_actor_is_not_the_subject_of_the_token() {
    let issuer = TestIssuer::new();
    let token = verify(
        &issuer,
        acting(
            &issuer,
            json!({"sub": "svc", "roles": ["admin"], "scope": "all"}),
        ),
    );
    for policy in [
        Policy::claim("sub", "svc"),
        Policy::role("admin"),
        Policy::scope("all"),
    ] {
        assert!(policy.check(&token).is_err(), "{policy:?}");
    }
    assert!(Policy::claim("sub", "ada").check(&token).is_ok());
}

#[test]
fn any_of_several_roles_is_enough() {
    let issuer = TestIssuer::new();
    let check = |policy: Policy, roles: Value| {
        let token = verify(&issuer, issuer.token().claim("roles", roles));
        policy.check(&token).map_err(|error| error.kind())
    };
    let any = || Policy::any_role(["staff", "auditor"]);
    assert_eq!(check(any(), json!(["auditor"])), Ok(()));
    assert_eq!(check(any(), json!("staff")), Ok(()));
    assert_eq!(check(any(), json!(["guest"])), FORBIDDEN);
    assert_eq!(check(any().not(), json!(["guest"])), Ok(()));
    assert_eq!(check(any().not(), json!(["auditor", "guest"])), FORBIDDEN);
    for policy in [any(), any().not()] {
        assert_eq!(check(policy, json!(7)), FORBIDDEN);
    }
    // None at all is a slip, which lets nobody in.
    let none = || Policy::any_role::<String>([]);
    for policy in [none(), none().not()] {
        assert_eq!(check(policy, json!(["staff"])), FORBIDDEN);
    }
}

#[test]
fn a_policy_describes_itself() {
    let policy = Policy::direct()
        .or(Policy::actor("svc"))
        .or(Policy::actor_of("i", "svc"));
    assert_eq!(
        format!("{policy:?}"),
        r#"any(any(direct, actor("svc")), actor_of("i", "svc"))"#
    );
}
