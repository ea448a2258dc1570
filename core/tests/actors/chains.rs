//! A property: a chain is read exactly when each of its links is good, and reads as what was written.

use countersign::{AuthErrorKind, Issuer, Policy, claims::Actor, testing::TestIssuer};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{acting, verify};

/// One link of a chain: its members, and whether they are good.
fn link() -> impl Strategy<Value = (Value, bool)> {
    let name = || {
        prop_oneof![
            8 => "[a-c]{1,2}".prop_map(|text| (Some(json!(text)), true)),
            1 => any::<String>().prop_map(|text| { let good = !text.is_empty(); (Some(json!(text)), good) }),
            1 => prop::sample::select(vec![json!(""), json!(1), json!(null), json!(["a"]), json!({"sub": "a"})])
                .prop_map(|bad| (Some(bad), false)),
        ]
    };
    let optional = || prop_oneof![3 => Just((None, true)), 1 => name()];
    (name(), optional(), optional(), any::<bool>()).prop_map(|(sub, iss, client, extra)| {
        let mut members = json!({});
        let all = [("sub", &sub), ("iss", &iss), ("client_id", &client)];
        for (name, (value, _)) in all {
            if let Some(value) = value {
                members[name] = value.clone();
            }
        }
        if extra {
            members["exp"] = json!({"act": [1.5]});
        }
        (members, all.iter().all(|(_, (_, good))| *good))
    })
}

proptest! {
    #[test]
    fn a_chain_is_read_exactly_when_each_link_is_good(links in prop::collection::vec(link(), 1..11)) {
        let act = links.iter().rev().fold(None, |inner: Option<Value>, (members, _)| {
            let mut members = members.clone();
            if let Some(inner) = inner {
                members["act"] = inner;
            }
            Some(members)
        });
        let is_good = links.len() <= Actor::MAX_CHAIN && links.iter().all(|(_, good)| *good);
        let issuer = TestIssuer::new();
        let token = verify(&issuer, acting(&issuer, act.unwrap()));
        let [direct, delegated] = [Policy::direct(), Policy::direct().not()].map(|policy| policy.check(&token).is_ok());
        prop_assert!(!direct);
        prop_assert_eq!(delegated, is_good);
        match token.actor() {
            Err(error) => {
                prop_assert!(!is_good);
                prop_assert_eq!(error.kind(), AuthErrorKind::InvalidClaim);
            }
            Ok(actor) => {
                prop_assert!(is_good);
                let actor = actor.unwrap();
                prop_assert_eq!(Some(actor.subject()), links[0].0["sub"].as_str());
                // Only the outermost one lets anybody in.
                for (members, _) in &links {
                    let name = members["sub"].as_str().unwrap();
                    let own_issuer = members["iss"].as_str().or(token.issuer()).unwrap();
                    let is_outermost = (name, Some(own_issuer)) == (actor.subject(), actor.issuer());
                    prop_assert_eq!(Policy::actor_of(own_issuer, name).check(&token).is_ok(), is_outermost);
                }
                // Another issuer writes what it has read.
                let other = Issuer::builder("https://other.test", issuer.key().clone()).audience("a").build().unwrap();
                let text = other.issue_on_behalf(&json!({"sub": "ada"}), &actor).unwrap();
                let copy = other.verifier().verify_now(text.as_str()).unwrap();
                prop_assert!(copy.actor().unwrap().unwrap() == actor);
            }
        }
    }
}
