//! Tests of rings with keys of both kinds.

use std::collections::BTreeSet;

use countersign::{
    Algorithm, ConfigError, Issuer, MemoryStore, SigningKey, SigningKeys,
    issue::{KeyFolder, RingDocument, RingTimes, SealedRing, SealingKeys},
    testing::FixedClock,
};
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

const NOW: i64 = 1_800_000_000;

/// The member `keys` of a document: the public half of each key, and the second from which it signs.
fn document(keys: &[(&SigningKey, i64)]) -> String {
    let keys: Vec<Value> = keys
        .iter()
        .enumerate()
        .map(|(index, (key, sign_from))| {
            let jwk = key.verifying_key().to_jwk().unwrap();
            let mut jwk: Value = serde_json::from_str(&jwk).unwrap();
            jwk["publish_from"] = (sign_from - 3_600).into();
            jwk["sign_from"] = (*sign_from).into();
            if let Some((_, next)) = keys.get(index + 1) {
                jwk["until"] = (next + 86_700).into();
            }
            jwk
        })
        .collect();
    json!({ "keys": keys, "reload": 15, "lead": 3_600, "token_lifetime": 86_700 }).to_string()
}

#[tokio::test]
async fn keys_elsewhere_take_turns_by_a_document_and_the_clock() {
    let service = Service::start();
    let one = service.key(Algorithm::ES256, "kms-1").signing_key().await;
    let two = service.key(Algorithm::PS256, "kms-2").signing_key().await;
    let three = SigningKey::generate_es256().unwrap().with_id("local");
    let keys = [three.clone(), two.clone(), one.clone()];
    let text = document(&[(&one, NOW - 4_000), (&two, NOW + 100), (&three, NOW + 200)]);

    let clock = FixedClock::at(NOW);
    let read = RingDocument::from_json_with_keys(&text, NOW, &keys).unwrap();
    let ring = SigningKeys::from_document(read.clone(), clock.clone()).unwrap();
    let issuer = Issuer::builder("https://id.example", ring)
        .audience("orders")
        .clock(clock.clone())
        .build()
        .unwrap();
    for (at, kid) in [(0, "kms-1"), (99, "kms-1"), (100, "kms-2"), (200, "local")] {
        clock.set(NOW + at);
        assert_eq!(issue(&issuer).await.0, kid);
    }
    // It shows no private half, not even that of the key of this process.
    let written = read.to_json().unwrap();
    assert!(!written.contains("\"d\""), "{written}");
    assert!(read.keys(NOW).all(|key| !key.is_private));
    let again = RingDocument::from_json_with_keys(&written, NOW, &keys).unwrap();
    assert_eq!(again.to_json().unwrap(), written);
}

#[tokio::test]
async fn a_document_needs_each_key_that_signs_and_no_other() {
    let service = Service::start();
    let one = service.key(Algorithm::ES256, "kms-1").signing_key().await;
    let two = service.key(Algorithm::ES256, "kms-2").signing_key().await;
    let other = SigningKey::generate_es256().unwrap();
    let text = document(&[(&one, NOW - 4_000), (&two, NOW + 100)]);
    let read = |now, keys: &[&SigningKey]| {
        let keys: Vec<SigningKey> = keys.iter().copied().cloned().collect();
        RingDocument::from_json_with_keys(&text, now, &keys)
    };
    assert!(read(NOW, &[&one, &two, &other]).is_ok());
    let refused = read(NOW, &[&one]).unwrap_err();
    assert!(
        refused.to_string().contains("has no private part"),
        "{refused}"
    );
    assert!(read(NOW, &[&two]).is_err());
    // The first one has retired.
    assert!(read(NOW + 100, &[&two]).is_ok());
    let liar = other.with_id("kms-2");
    let refused = read(NOW, &[&one, &liar]).unwrap_err();
    assert!(matches!(refused, ConfigError::Conflict(_)), "{refused}");
}

/// A tool that plans turns of keys elsewhere writes their public halves; folders and stores have private ones.
#[tokio::test]
async fn a_document_is_planned_with_keys_elsewhere() {
    let service = Service::start();
    let one = service.key(Algorithm::ES256, "kms-1").signing_key().await;
    let two = service.key(Algorithm::ES256, "kms-2").signing_key().await;
    let mut document = RingDocument::new(&one, RingTimes::new(), NOW).unwrap();
    document.rotate(&two, NOW).unwrap();
    let written = document.to_json().unwrap();
    assert!(RingDocument::from_json(&written, NOW).is_err());
    let keys = [one.clone(), two];
    assert!(RingDocument::from_json_with_keys(&written, NOW, &keys).is_ok());

    let folder = tempfile::tempdir().unwrap();
    let folder = KeyFolder::new(folder.path().join("keys")).clock(FixedClock::at(NOW));
    let refused = folder.create(|_| Ok(document.clone())).unwrap_err();
    assert!(matches!(&refused, ConfigError::InvalidKey(text) if text.contains("kept elsewhere")));
    assert!(matches!(folder.load(), Err(ConfigError::Missing(_))));
    let seal = SealingKeys::from_base64("14YaDzf4RNGRsSWef680Mi2WzuUF4CGMTmm5SjXr1uQ=");
    let sealed = SealedRing::new(MemoryStore::new(), "https://id.example", seal.unwrap());
    let sealed = sealed.unwrap().clock(FixedClock::at(NOW));
    assert!(sealed.create(|_| Ok(document)).await.is_err());
}
