//! Tests of sets with a bad key: the good keys are used.

use countersign::{
    SigningKey,
    testing::{Fault, sign_raw},
};
use serde_json::json;

use crate::setup::{JWKS, Site};

/// Returns a site with two keys; the fault is about the second.
async fn site_with_two_keys() -> (Site, [String; 2]) {
    let site = Site::start().await;
    let first = site.newest_token();
    site.server.rotate();
    let second = site.newest_token();
    assert_eq!(site.check(&second).await, "accepted");
    (site, [first, second])
}

#[tokio::test]
async fn a_spoiled_key_leaves_and_the_others_stay() {
    for fault in [Fault::DuplicateKid, Fault::PrivateMembers] {
        let (site, [first, second]) = site_with_two_keys().await;
        site.server.fault(JWKS, fault.clone());
        assert_eq!(site.check(&site.invented("a")).await, "unknown_key");
        assert_eq!(site.keys.status().last_error(), None, "{fault:?}");
        assert_eq!(site.keys.status().keys(), 1, "{fault:?}");
        assert_eq!(site.check_now(&first), "accepted", "{fault:?}");
        assert_eq!(site.check_now(&second), "unknown_key", "{fault:?}");
    }
    // The same steps without a fault.
    let (site, [first, second]) = site_with_two_keys().await;
    assert_eq!(site.check(&site.invented("a")).await, "unknown_key");
    assert_eq!(site.keys.status().keys(), 2);
    assert_eq!(site.check_now(&first), "accepted");
    assert_eq!(site.check_now(&second), "accepted");
}

#[tokio::test]
async fn a_spoiled_key_is_used_again_when_it_is_well() {
    for fault in [Fault::DuplicateKid, Fault::PrivateMembers] {
        let site = Site::start().await;
        let first = site.newest_token();
        site.server.rotate();
        let second = site.newest_token();
        site.server.fault(JWKS, fault.clone());
        assert_eq!(site.check(&site.invented("a")).await, "unknown_key");
        assert_eq!(site.check_now(&second), "unknown_key", "{fault:?}");
        site.server.heal(JWKS);
        assert_eq!(site.check(&second).await, "accepted", "{fault:?}");
        assert_eq!(site.check_now(&first), "accepted", "{fault:?}");
        assert_eq!(site.keys.status().keys(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn a_secret_beside_the_keys_signs_nothing() {
    let site = Site::start().await;
    let known = site.newest_token();
    site.server.fault(JWKS, Fault::Oct);
    // The secret that the server publishes.
    let secret = SigningKey::hs256("a secret that is no secret to anybody").unwrap();
    let claims = payload(&known);
    let header = json!({"alg": "HS256", "kid": "oct"}).to_string();
    let forged = sign_raw(&secret, &header, &claims);
    // A source without secrets is never asked for one.
    assert_eq!(site.check(&forged).await, "unknown_key");
    assert_eq!(site.server.requests(JWKS), 1);
    // After a fetch of the set for another key, there still is none.
    assert_eq!(site.check(&site.invented("a")).await, "unknown_key");
    assert_eq!(site.server.requests(JWKS), 2);
    assert_eq!(site.check(&forged).await, "unknown_key");
    assert_eq!(site.keys.status().last_error(), None);
    assert_eq!(site.keys.status().keys(), 1);
    // The same claims, signed by the provider.
    let key = site.server.key();
    let header = json!({"alg": "ES256", "kid": key.id()}).to_string();
    assert_eq!(
        site.check(&sign_raw(&key, &header, &claims)).await,
        "accepted"
    );
}

/// Returns the claims of a token, as they were signed.
fn payload(token: &str) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    let part = token.split('.').nth(1).unwrap();
    URL_SAFE_NO_PAD.decode(part).unwrap()
}
