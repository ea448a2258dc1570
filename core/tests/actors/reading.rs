//! Tests of reading `act`: strictly where something looks at it.

use std::error::Error;

use countersign::{AuthErrorKind, claims::Actor, testing::sign_raw};
use serde_json::{Value, json};

use crate::{TestIssuer, acting, nested, twins, verify};

#[test]
fn a_token_names_its_actor_and_the_ones_before() {
    let issuer = TestIssuer::new();
    assert_eq!(verify(&issuer, issuer.token()).actor().unwrap(), None);
    let act = json!({
        "sub": "tool", "client_id": "c1", "exp": 1, "roles": ["admin"],
        "act": {"sub": "agent", "iss": "https://agents.test", "act": {"sub": "page"}},
    });
    let token = verify(&issuer, acting(&issuer, act));
    let actor = token.actor().unwrap().unwrap();
    assert_eq!(token.subject(), Some("ada"));
    let parts = |actor: &Actor| {
        let texts = [Some(actor.subject()), actor.issuer(), actor.client_id()];
        texts.map(|text| text.map(str::to_owned))
    };
    let own = |subject, issuer, client: Option<&str>| {
        [Some(subject), issuer, client].map(|text: Option<&str>| text.map(str::to_owned))
    };
    let here = token.issuer();
    assert_eq!(parts(&actor), own("tool", here, Some("c1")));
    let history: Vec<_> = actor.history().map(parts).collect();
    assert_eq!(
        history,
        [
            own("agent", Some("https://agents.test"), None),
            own("page", here, None)
        ]
    );
    assert!(actor.history().all(|one| one.history().next().is_none()));
    let shown = format!("{actor:?}");
    assert!(
        !shown.contains("tool") && !shown.contains("agent"),
        "{shown}"
    );
}

#[test]
fn an_actor_that_nobody_can_read_is_never_no_actor() {
    let issuer = TestIssuer::new();
    for (bad, good) in twins() {
        let token = verify(&issuer, acting(&issuer, bad.clone()));
        let refused = token.actor().unwrap_err();
        assert_eq!(refused.kind(), AuthErrorKind::InvalidClaim, "{bad}");
        assert_eq!(refused.challenge().status(), 401);
        assert!(refused.source().unwrap().to_string().contains("`act`"));
        let token = verify(&issuer, acting(&issuer, good.clone()));
        assert!(token.actor().unwrap().is_some(), "{good}");
    }
}

#[test]
fn a_verifier_that_names_the_claim_refuses_what_nobody_can_read() {
    let issuer = TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .require_claim("act")
        .build()
        .unwrap();
    let kind = |act: Option<&Value>| {
        let token = match act {
            Some(act) => acting(&issuer, act.clone()).sign(),
            None => issuer.token().sign(),
        };
        let verdict = verifier.verify_now(&token).map(drop);
        let verdict = verdict.map_err(|error| error.kind());
        let typed = verifier.verify_now_as::<Value>(&token).map(drop);
        assert_eq!(typed.map_err(|error| error.kind()), verdict);
        assert_eq!(verifier.explain(&token).refusal(), verdict.err());
        verdict
    };
    assert_eq!(kind(None), Err(AuthErrorKind::MissingClaim));
    for (bad, good) in twins() {
        assert_eq!(kind(Some(&bad)), Err(AuthErrorKind::InvalidClaim), "{bad}");
        assert_eq!(kind(Some(&good)), Ok(()), "{good}");
    }
}

#[test]
fn a_verifier_can_refuse_tokens_with_any_actor() {
    let issuer = TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .refuse_claim("act")
        .build()
        .unwrap();
    for (bad, good) in twins() {
        for act in [bad, good] {
            let token = acting(&issuer, act).sign();
            let refused = verifier.verify_now(&token).unwrap_err();
            assert_eq!(refused.kind(), AuthErrorKind::InvalidClaim);
            assert_eq!(verifier.explain(&token).refusal(), Some(refused.kind()));
        }
    }
    let refused = verifier.verify_now(&acting(&issuer, nested(1)).sign());
    let cause = refused.unwrap_err().source().unwrap().to_string();
    assert!(
        cause.contains("act absent") && cause.contains("act present"),
        "{cause}"
    );
    assert!(verifier.verify_now(&issuer.token().sign()).is_ok());
    let both = issuer
        .verifier_builder()
        .refuse_claim("act")
        .require_claim("act");
    assert!(both.build().is_err());
    let value = issuer.verifier_builder().require_value("act", "svc");
    assert!(value.build().is_err());
}

#[test]
fn null_is_no_absent_actor_even_where_null_stands_for_an_absent_claim() {
    let issuer = TestIssuer::new();
    let verifier = issuer
        .verifier_builder()
        .accept_null_claims()
        .build()
        .unwrap();
    let token = |name| issuer.token().claim(name, Value::Null).sign();
    let unclear = verifier.verify_now(&token("act")).unwrap();
    assert_eq!(
        unclear.actor().unwrap_err().kind(),
        AuthErrorKind::InvalidClaim
    );
    assert!(
        verifier
            .verify_now(&token("acr"))
            .unwrap()
            .actor()
            .unwrap()
            .is_none()
    );
}

#[test]
fn an_actor_that_comes_twice_is_a_malformed_token() {
    let issuer = TestIssuer::new();
    let payload = |members: &str| {
        let rest = format!(
            r#"{{"iss":"{}","aud":"{}","exp":4000000000,{members}}}"#,
            TestIssuer::ISSUER,
            TestIssuer::AUDIENCE
        );
        let key = issuer.key();
        let header = format!(r#"{{"alg":"{}"}}"#, key.algorithm());
        let token = sign_raw(key, &header, rest.as_bytes());
        let verifier = issuer.verifier_builder().any_lifetime().build().unwrap();
        verifier
            .verify_now(&token)
            .map(|token| token.actor().unwrap())
    };
    for twice in [
        r#""act":{"sub":"a"},"act":{"sub":"b"}"#,
        r#""act":null,"act":{"sub":"b"}"#,
        r#""act":{"sub":"a"},"\u0061ct":{"sub":"b"}"#,
        r#""act":{"sub":"a","sub":"b"}"#,
        r#""act":{"sub":"a","x":{"y":1,"y":2}}"#,
        r#""act":{"sub":"a","act":{"sub":"b","sub":"c"}}"#,
    ] {
        let refused = payload(twice).unwrap_err().kind();
        let kinds = [AuthErrorKind::MalformedToken, AuthErrorKind::InvalidClaim];
        assert!(kinds.contains(&refused), "{twice}: {refused:?}");
    }
    // With escapes, it is the same name.
    let once = payload(r#""\u0061ct":{"s\u0075b":"a"}"#).unwrap().unwrap();
    assert_eq!(once.subject(), "a");
    // It names who may become an actor, and is none.
    assert_eq!(payload(r#""may_act":{"sub":"a"}"#).unwrap(), None);
}
