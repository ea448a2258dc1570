//! Tests of issuing: `act` is written by a method of its own.

use countersign::{Issuer, SigningKey, claims::Actor};
use serde_json::{Value, json};

use crate::TestIssuer;

fn issuer(name: &str) -> Issuer {
    let builder = Issuer::builder(name, SigningKey::generate_es256().unwrap());
    builder.audience("orders").build().unwrap()
}

fn act(issuer: &Issuer, actor: &Actor) -> Value {
    let text = issuer
        .issue_on_behalf(&json!({"sub": "ada"}), actor)
        .unwrap();
    let token = issuer.verifier().verify_now(text.as_str()).unwrap();
    assert_eq!(token.subject(), Some("ada"));
    token.claim("act").unwrap().unwrap()
}

#[test]
fn claims_that_set_an_actor_are_refused() {
    #[derive(serde::Serialize)]
    struct Claims<'a> {
        sub: &'a str,
        act: Option<Value>,
    }
    let issuer = issuer("https://id.test");
    for act in [json!({"sub": "svc"}), json!("svc"), json!({}), json!(null)] {
        let claims = json!({"sub": "ada", "act": act});
        for refused in [
            issuer.issue(&claims),
            issuer.issue_on_behalf(&claims, &Actor::new("svc")),
            issuer.issue(&Claims {
                sub: "ada",
                act: Some(act),
            }),
        ] {
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains("the claims set `act`"), "{refused}");
        }
    }
    // The nearest that is issued.
    for claims in [
        json!({"sub": "ada", "acts": {"sub": "svc"}}),
        json!({"sub": "ada", "x": {"act": {"sub": "svc"}}}),
    ] {
        let token = issuer.issue(&claims).unwrap();
        let token = issuer.verifier().verify_now(token.as_str()).unwrap();
        assert_eq!(token.actor().unwrap(), None);
    }
}

#[test]
fn an_actor_is_written_with_its_history_and_no_issuer_twice() {
    let issuer = issuer("https://id.test");
    assert_eq!(act(&issuer, &Actor::new("svc")), json!({"sub": "svc"}));
    let page = Actor::new("page").with_client_id("web");
    let agent = Actor::new("agent")
        .with_issuer("https://agents.test")
        .after(page);
    let tool = Actor::new("tool")
        .with_issuer("https://id.test")
        .after(agent);
    assert_eq!(
        act(&issuer, &tool),
        json!({"sub": "tool", "act": {
            "sub": "agent", "iss": "https://agents.test",
            "act": {"sub": "page", "client_id": "web"},
        }})
    );
}

#[test]
fn an_actor_of_another_issuer_stays_one() {
    let theirs = TestIssuer::new();
    let token = crate::verify(&theirs, crate::acting(&theirs, json!({"sub": "svc"})));
    let issuer = issuer("https://id.test");
    let incoming = token.actor().unwrap().unwrap();
    let expected = json!({"sub": "svc", "iss": TestIssuer::ISSUER});
    assert_eq!(act(&issuer, &incoming), expected);
    assert_eq!(
        act(&issuer, &Actor::new("next").after(incoming)),
        json!({"sub": "next", "act": expected})
    );
}

#[test]
fn what_no_verifier_could_read_is_not_issued() {
    let issuer = issuer("https://id.test");
    let chain = |length: usize| {
        (1..length).fold(Actor::new("a"), |earlier, _| Actor::new("a").after(earlier))
    };
    let ada = json!({"sub": "ada"});
    for (bad, good) in [
        (chain(Actor::MAX_CHAIN + 1), chain(Actor::MAX_CHAIN)),
        (Actor::new(""), Actor::new("a")),
        (
            Actor::new("a").with_issuer(""),
            Actor::new("a").with_issuer("b"),
        ),
        (
            Actor::new("a").with_client_id(""),
            Actor::new("a").with_client_id("b"),
        ),
        (
            Actor::new("a").after(Actor::new("")),
            Actor::new("a").after(Actor::new("b")),
        ),
    ] {
        let refused = issuer.issue_on_behalf(&ada, &bad).unwrap_err().to_string();
        assert!(refused.starts_with("the actor"), "{refused}");
        let issued = issuer.issue_on_behalf(&ada, &good).unwrap();
        let token = issuer.verifier().verify_now(issued.as_str()).unwrap();
        assert!(token.actor().unwrap().is_some());
    }
    let nobody = issuer
        .issue_on_behalf(&json!({}), &Actor::new("a"))
        .unwrap_err();
    assert!(nobody.to_string().contains("no `sub`"), "{nobody}");
    let bound = issuer.issue_on_behalf(&json!({"sub": "ada", "cnf": {}}), &Actor::new("a"));
    assert!(bound.is_err());
}

#[test]
fn an_issuer_of_numbers_can_be_acted_for() {
    let key = SigningKey::generate_es256().unwrap();
    let builder = Issuer::builder("https://id.test", key)
        .audience("orders")
        .numeric_subjects();
    let issuer = builder.build().unwrap();
    let text = issuer
        .issue_on_behalf(&json!({"sub": "42"}), &Actor::new("svc"))
        .unwrap();
    let token = issuer.verifier().verify_now(text.as_str()).unwrap();
    assert_eq!(token.subject(), Some("42"));
    assert_eq!(token.actor().unwrap().unwrap().subject(), "svc");
}

#[cfg(feature = "sessions")]
#[test]
fn the_claims_of_a_session_may_not_set_an_actor() {
    use countersign::{
        MemoryStore, Sessions,
        session::{ClientInfo, Identity},
    };
    use futures_executor::block_on;

    let sessions = Sessions::builder(issuer("https://id.test"), MemoryStore::new());
    let sessions = sessions.build().unwrap();
    let start = |claims| {
        let ada = Identity::new("ada", claims);
        block_on(sessions.start(&ada, ClientInfo::new())).map(drop)
    };
    assert!(start(json!({"act": {"sub": "staff"}})).is_err());
    assert!(start(json!({"acts": {"sub": "staff"}})).is_ok());
}
