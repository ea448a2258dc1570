//! Tests of tokens that a key elsewhere signs.

use countersign::{Algorithm, ConfigError, SigningKey};
use futures_executor::block_on;
use serde_json::json;

use crate::{
    issuer,
    service::{Mode, Service, algorithms},
};

#[tokio::test]
async fn every_algorithm_signs_tokens_that_verify() {
    let service = Service::start();
    for algorithm in algorithms() {
        let key = service.key(algorithm, "kms-7").signing_key().await;
        assert_eq!((key.algorithm(), key.id()), (algorithm, "kms-7"));
        let issuer = issuer(key);
        for sub in ["ada", "grace"] {
            let token = issuer.issue_async(&json!({ "sub": sub })).await.unwrap();
            let verified = issuer.verifier().verify_now(token.as_str()).unwrap();
            assert_eq!(verified.subject(), Some(sub), "{algorithm}");
            assert_eq!(verified.id(), Some(token.id()));
        }
    }
}

#[tokio::test]
async fn a_key_without_an_id_has_its_thumbprint() {
    let service = Service::start();
    let mut remote = service.key(Algorithm::ES256, "1");
    let jwk: serde_json::Value = serde_json::from_str(&remote.public.to_jwk().unwrap()).unwrap();
    let bare = json!({ "kty": "EC", "crv": "P-256", "x": jwk["x"], "y": jwk["y"] });
    remote.public = countersign::Key::from_jwk(&bare.to_string()).unwrap();
    let key = remote.signing_key().await;
    assert_eq!(Some(key.id()), key.verifying_key().thumbprint());
}

#[tokio::test]
async fn the_way_without_waiting_says_which_one_to_take() {
    let service = Service::start();
    let issuer = issuer(service.key(Algorithm::ES256, "1").signing_key().await);
    service.take_asked();
    let refused = issuer.issue(&json!({ "sub": "ada" })).unwrap_err();
    assert!(refused.to_string().contains("issue_async"), "{refused}");
    assert!(!refused.is_unavailable());
    assert_eq!(service.take_asked(), 0);
}

#[test]
fn a_local_key_needs_no_runtime() {
    let issuer = issuer(SigningKey::generate_es256().unwrap());
    let token = block_on(issuer.issue_async(&json!({ "sub": "ada" }))).unwrap();
    assert!(issuer.verifier().verify_now(token.as_str()).is_ok());
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let service = Service::start();
    let remote = service.key(Algorithm::ES256, "1");
    let refused = block_on(remote.external().into_future()).unwrap_err();
    assert!(matches!(&refused, ConfigError::Missing(text) if text.contains("tokio")));

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let issuer = issuer(runtime.unwrap().block_on(remote.signing_key()));
    let refused = block_on(issuer.issue_async(&json!({ "sub": "ada" }))).unwrap_err();
    assert!(refused.is_unavailable());
}

#[tokio::test]
async fn claims_that_are_refused_are_not_signed() {
    let service = Service::start();
    let issuer = issuer(service.key(Algorithm::ES256, "1").signing_key().await);
    service.take_asked();
    for claims in [
        json!({ "exp": 1 }),
        json!([]),
        json!({ "sub": "a".repeat(9_000) }),
    ] {
        let refused = issuer.issue_async(&claims).await.unwrap_err();
        assert!(!refused.is_unavailable());
    }
    assert_eq!(service.take_asked(), 0);
}

/// The claims may be of a type that no other thread can look at.
#[tokio::test]
async fn a_future_of_a_token_can_be_sent_whatever_the_claims_are() {
    let service = Service::start();
    let issuer = issuer(service.key(Algorithm::ES256, "1").signing_key().await);
    let claims = std::cell::RefCell::new(json!({ "sub": "ada" }));
    let token = tokio::spawn(issuer.issue_async(&claims)).await.unwrap();
    assert!(token.is_ok());
}

#[tokio::test]
async fn a_key_elsewhere_gives_no_private_part_away() {
    let service = Service::start();
    let remote = service.key(Algorithm::ES256, "1");
    let key = remote.signing_key().await;
    assert!(key.to_pkcs8_pem().is_none());
    let shown = format!("{key:?} {:?}", remote.external());
    assert!(!shown.contains("127.0.0.1"), "{shown}");
}

#[tokio::test]
async fn a_shared_secret_is_no_key_of_a_signer() {
    let service = Service::start();
    let mut remote = service.key(Algorithm::ES256, "1");
    remote.public = SigningKey::generate_hs256().unwrap().verifying_key();
    let refused = remote.external().await.unwrap_err();
    assert!(matches!(refused, ConfigError::InvalidKey(_)), "{refused}");
    assert_eq!(service.take_asked(), 0);
}

#[tokio::test]
async fn a_setting_out_of_bounds_is_refused_by_name() {
    use std::time::Duration;
    let remote = Service::start().key(Algorithm::ES256, "1");
    let (zero, long) = (Duration::ZERO, Duration::from_secs(61));
    for (name, key) in [
        (
            "signatures_at_once",
            remote.external().signatures_at_once(0),
        ),
        (
            "signatures_at_once",
            remote.external().signatures_at_once(1_025),
        ),
        ("longest_wait", remote.external().longest_wait(zero)),
        ("longest_wait", remote.external().longest_wait(long)),
        ("time_limit", remote.external().time_limit(zero)),
        ("time_limit", remote.external().time_limit(long)),
    ] {
        let refused = key.await.unwrap_err();
        assert!(
            refused.to_string().contains(&format!("`{name}`")),
            "{refused}"
        );
    }
    let minute = Duration::from_secs(60);
    let most = remote.external().signatures_at_once(1_024);
    assert!(most.longest_wait(minute).time_limit(minute).await.is_ok());
}

/// A service that cannot sign at start is found out at start.
#[tokio::test]
async fn a_probe_that_is_not_signed_makes_no_key() {
    let service = Service::start();
    let remote = service.key(Algorithm::ES256, "1");
    service.key(Algorithm::ES256, "2");
    for (mode, is_away, text) in [
        (Mode::Closes, true, "EOF"),
        (Mode::Denies, false, "the role may not use the key"),
        (Mode::Garbage, true, "expected value"),
        (
            Mode::OtherVersion("2".into()),
            false,
            "another key or version",
        ),
        (Mode::TrailingByte, true, "no ECDSA signature in DER"),
        (Mode::Truncates, true, "no ECDSA signature in DER"),
    ] {
        service.set(mode.clone());
        let refused = remote.external().await.unwrap_err();
        assert!(refused.to_string().contains(text), "{mode:?}: {refused}");
        assert_eq!(
            matches!(refused, ConfigError::Missing(_)),
            is_away,
            "{mode:?}"
        );
    }
    service.set(Mode::Good);
    assert!(remote.external().await.is_ok());
}
