//! Apps that issue their own tokens, on their way through the deployments of the guide `migrating`.

use countersign::{AuthErrorKind, Issuers, Key, SigningKey, SigningKeys};
use countersign_migrations::{
    deployments::{both, new_issuer, old_issuer, old_verifier, strict},
    new,
};
use jsonwebtoken::{EncodingKey, Header, encode, get_current_timestamp as now};
use serde_json::{Value, json};

use crate::{
    nodes::Node,
    wire::{Answer, claims},
};

/// The secret of the app on axum, as short as that of the example.
const WEAK: &[u8] = b"secret";
/// The secret of the app on actix-web.
const LONG: &[u8] = b"the secret of the old app, of 32";

/// The nodes of an app in one deployment after the other, and what its user sees.
struct Way {
    before: Node,
    first: Node,
    second: Node,
    third: Node,
    page: &'static str,
}

/// The app on axum: its secret is weak, so the first deployment keeps the old login.
fn axum() -> Way {
    let new = new::axum::issuer(new_keys()).unwrap();
    let both = both(&new, Key::weak_hs256_secret(WEAK).unwrap()).unwrap();
    Way {
        before: Node::old_axum(),
        first: Node::new_axum_with_the_old_login(both.clone()),
        second: Node::new_axum(both, new.clone()),
        third: Node::new_axum(strict(&new), new),
        page: "b@b.com of ACME",
    }
}

/// The app on actix-web: its users are numbers.
fn actix() -> Way {
    let new = new::actix::issuer(new_keys()).unwrap();
    let both = both(&new, Key::hs256(LONG).unwrap()).unwrap();
    Way {
        before: Node::old_actix(LONG),
        first: Node::new_actix(both.clone(), old_issuer(LONG).unwrap()),
        second: Node::new_actix(both, new.clone()),
        third: Node::new_actix(strict(&new), new),
        page: "user 42",
    }
}

fn new_keys() -> SigningKeys {
    SigningKeys::new(SigningKey::generate_es256().unwrap())
}

impl Way {
    /// Runs the nodes of two deployments side by side: the user logs in at each, and every node accepts these tokens and
    /// all from before.
    async fn side_by_side(&self, nodes: [&Node; 2], live: &mut Vec<String>) {
        for node in nodes {
            live.push(node.log_in().await);
        }
        for token in &*live {
            for node in nodes {
                assert_eq!(
                    node.visit(Some(token)).await,
                    Answer::ok(self.page),
                    "{token}"
                );
            }
        }
    }

    async fn walk(&self) {
        let Self {
            before,
            first,
            second,
            third,
            ..
        } = self;
        let mut live = vec![before.log_in().await];
        self.side_by_side([before, first], &mut live).await;
        self.side_by_side([first, second], &mut live).await;

        // The counter of tolerated tokens stands still: none in the old form is left.
        let (old, mut live): (Vec<_>, Vec<_>) = live
            .into_iter()
            .partition(|token| claims(token)["aud"].is_null());
        assert_eq!((old.len(), live.len()), (4, 1));
        self.side_by_side([second, third], &mut live).await;

        // Why the third deployment waits for that, and why there is no way from the second to the old app.
        for token in &old {
            assert_eq!(third.visit(Some(token)).await.status, 401);
        }
        for token in &live {
            assert_ne!(before.visit(Some(token)).await.status, 200);
        }
    }
}

#[actix_web::test]
async fn nobody_is_logged_out_on_axum_in_three_deployments() {
    axum().walk().await;
}

#[actix_web::test]
async fn nobody_is_logged_out_on_actix_in_three_deployments() {
    actix().walk().await;
}

#[actix_web::test]
async fn an_old_token_runs_out_everywhere_at_the_same_time() {
    for (way, secret, sub) in [(axum(), WEAK, json!("b@b.com")), (actix(), LONG, json!(42))] {
        let token = |age: u64| {
            let claims = json!({ "sub": sub, "company": "ACME", "exp": now() - age });
            by_secret(secret, &claims)
        };
        for node in [&way.before, &way.first, &way.second] {
            // `jsonwebtoken` has a leeway of a minute.
            assert_eq!(node.visit(Some(&token(45))).await, Answer::ok(way.page));
            assert_ne!(node.visit(Some(&token(90))).await.status, 200);
        }
    }
}

#[actix_web::test]
async fn a_request_without_a_good_token_is_401_where_the_example_has_400() {
    for (way, old) in [(axum(), 400), (actix(), 401)] {
        let by_another = by_secret(
            b"not the secret of the old app, by far",
            &json!({
                "sub": "b@b.com", "company": "ACME", "exp": now() + 600,
            }),
        );
        for token in [None, Some("junk"), Some(by_another.as_str())] {
            assert_eq!(way.before.visit(token).await.status, old, "{token:?}");
            for node in [&way.first, &way.second, &way.third] {
                assert_eq!(node.visit(token).await.status, 401, "{token:?}");
            }
        }
    }
}

#[test]
fn a_token_for_ten_years_needs_any_lifetime() {
    let token = by_secret(
        LONG,
        &json!({ "sub": 42, "exp": now() + 10 * 365 * 86_400 }),
    );
    let old = || Key::hs256(LONG).unwrap();
    let refused = old_verifier(old()).unwrap().verify_now(&token).unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::LifetimeTooLong);
    let lax = countersign::Verifier::builder(old())
        .any_issuer()
        .any_audience()
        .accept_numeric_subject()
        .any_lifetime()
        .build()
        .unwrap();
    assert_eq!(lax.verify_now(&token).unwrap().subject(), Some("42"));
}

#[test]
fn a_weak_secret_issues_nothing() {
    assert!(old_issuer(WEAK).is_err());
    assert!(old_issuer(LONG).is_ok());
}

#[actix_web::test]
async fn claims_of_the_old_struct_can_be_issued_as_they_are() {
    let new = new_issuer(new_keys()).unwrap();
    let node = Node::new_actix(Issuers::from(new.verifier()), new.clone());
    let claims = |exp: u64| json!({ "sub": "42", "exp": exp });
    let token = new.issue(&claims(now() + 3_600)).unwrap();
    assert_eq!(
        node.visit(Some(token.as_str())).await,
        Answer::ok("user 42")
    );
    let too_long = new.issue(&claims(now() + 10 * 365 * 86_400)).unwrap_err();
    assert!(too_long.to_string().contains("exp"), "{too_long}");
    // What the struct has as a number must become a text first.
    assert!(new.issue(&json!({ "sub": 42 })).is_err());
}

fn by_secret(secret: &[u8], claims: &Value) -> String {
    let key = EncodingKey::from_secret(secret).unwrap();
    encode(&Header::default(), claims, &key).unwrap()
}
