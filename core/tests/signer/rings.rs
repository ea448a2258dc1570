//! Tests of rings with keys of both kinds.

use std::collections::BTreeSet;

use countersign::{Algorithm, Issuer, SigningKey, SigningKeys};
use serde_json::{Value, json};

use crate::{
    issuer,
    service::{Mode, Service},
};

fn ids(issuer: &Issuer) -> BTreeSet<String> {
    let jwks: Value = serde_json::from_str(&issuer.jwks()).unwrap();
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

/// Issues a token, and returns it with the key that its header names.
async fn issue(issuer: &Issuer) -> (String, String) {
    let token = issuer.issue_async(&json!({ "sub": "ada" })).await.unwrap();
    let header = issuer.verifier().verify_now(token.as_str()).unwrap();
    let kid = header.header().key_id().unwrap().to_owned();
    (kid, token.into_string())
}

#[tokio::test]
async fn keys_of_both_kinds_take_turns_in_both_directions() {
    let service = Service::start();
    let local = |id: &str| SigningKey::generate_es256().unwrap().with_id(id);
    let ring = SigningKeys::new(local("local-1"));
    let issuer = issuer(ring.clone());
    let mut tokens = Vec::new();
    let (kid, token) = issue(&issuer).await;
    assert_eq!(kid, "local-1");
    tokens.push(token);

    ring.publish(&service.key(Algorithm::PS256, "kms-1").signing_key().await)
        .unwrap();
    for (kid, next) in [
        (
            "kms-1",
            service.key(Algorithm::ES384, "kms-2").signing_key().await,
        ),
        ("kms-2", local("local-2")),
        ("local-2", local("local-3")),
    ] {
        assert!(ids(&issuer).contains(kid), "published ahead");
        issuer.rotate().unwrap();
        ring.publish(&next).unwrap();
        let (signs, token) = issue(&issuer).await;
        assert_eq!(signs, kid);
        tokens.push(token);
    }
    assert_eq!(ids(&issuer).len(), 5);
    for token in &tokens {
        assert!(issuer.verifier().verify_now(token).is_ok());
    }
    // A local key signs without waiting, whatever else is in the ring.
    assert!(issuer.issue(&json!({ "sub": "ada" })).is_ok());
}

#[tokio::test]
async fn a_leaked_local_key_is_replaced_by_one_elsewhere_and_back() {
    let service = Service::start();
    let leaked = SigningKey::generate_es256().unwrap();
    let ring = SigningKeys::new(leaked.clone());
    let issuer = issuer(ring.clone());
    let (_, old) = issue(&issuer).await;
    let key = service.key(Algorithm::EdDSA, "kms-1").signing_key().await;
    ring.replace_active(&key).unwrap();
    assert!(issuer.verifier().verify_now(&old).is_err());
    let (kid, old) = issue(&issuer).await;
    assert_eq!(kid, "kms-1");
    ring.replace_active(&SigningKey::generate_es256().unwrap())
        .unwrap();
    assert!(issuer.verifier().verify_now(&old).is_err());
    issue(&issuer).await;
}

#[tokio::test]
async fn two_keys_of_one_id_do_not_stand_in_one_ring() {
    let service = Service::start();
    let ring = SigningKeys::new(service.key(Algorithm::ES256, "1").signing_key().await);
    let again = service.key(Algorithm::ES256, "1").signing_key().await;
    assert!(ring.publish(&again).is_err());
}

/// The ring goes on while a signature is under way: the token names the key that signs it.
#[tokio::test]
async fn a_rotation_in_between_changes_no_token() {
    let service = Service::start();
    let ring = SigningKeys::new(service.key(Algorithm::ES256, "kms-1").signing_key().await);
    ring.publish(&service.key(Algorithm::ES256, "kms-2").signing_key().await)
        .unwrap();
    let issuer = issuer(ring.clone());
    // Two are answered together.
    service.set(Mode::InBatches(2));
    let first = tokio::spawn(issuer.issue_async(&json!({ "sub": "ada" })));
    while service.present() < 1 {
        tokio::task::yield_now().await;
    }
    issuer.rotate().unwrap();
    let second = tokio::spawn(issuer.issue_async(&json!({ "sub": "ada" })));
    for (token, kid) in [(first, "kms-1"), (second, "kms-2")] {
        let token = token.await.unwrap().unwrap();
        let verified = issuer.verifier().verify_now(token.as_str()).unwrap();
        assert_eq!(verified.header().key_id(), Some(kid));
    }
}
