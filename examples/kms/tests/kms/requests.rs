//! Tests of what the services are asked, and of tokens that they sign.

use countersign::{
    Algorithm, Issuer, SigningKey,
    issue::{Signer, SigningInput},
};
use kms::{Client, Credentials, VaultTransit};
use serde_json::{Value, json};

use crate::service::{Kind, SECRET, Service};

#[tokio::test]
async fn each_service_signs_tokens_that_its_public_key_verifies() {
    for kind in Kind::ALL {
        for algorithm in [Algorithm::ES256, Algorithm::PS256, Algorithm::RS256] {
            let service = Service::start(kind, algorithm).await;
            let key = SigningKey::external(service.open().await.unwrap()).await;
            let key = key.unwrap_or_else(|error| panic!("{kind:?} {algorithm}: {error}"));
            let issuer = Issuer::builder("https://id.example", key).audience("app");
            let issuer = issuer.build().unwrap();
            // More than the 4,096 bytes that a message may have in some services.
            let claims = json!({ "sub": "ada", "text": "x".repeat(5_000) });
            let token = issuer.issue_async(&claims).await.unwrap();
            let verified = issuer.verifier().verify_now(token.as_str()).unwrap();
            assert_eq!(verified.subject(), Some("ada"));
            let set: Value = serde_json::from_str(&issuer.jwks()).unwrap();
            assert_eq!(set["keys"][0]["kid"], kind.kid(), "{kind:?}");
            assert_eq!(set["keys"][0]["alg"], algorithm.name());
        }
    }
}

#[tokio::test]
async fn wrong_credentials_are_a_refusal_and_not_in_its_text() {
    for kind in Kind::ALL {
        let service = Service::start(kind, Algorithm::ES256).await;
        let error = service
            .open_as("s.wrong-secret", Algorithm::ES256)
            .await
            .unwrap_err();
        assert!(!error.is_unavailable(), "{kind:?}: {error:?}");
        assert!(error.cause().to_string().contains("403"), "{error:?}");
        let key = service.open().await.unwrap();
        for text in [format!("{error:?}"), format!("{key:?}")] {
            assert!(
                !text.contains("s.wrong-secret") && !text.contains(SECRET),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn a_key_of_another_algorithm_is_refused() {
    for kind in Kind::ALL {
        let service = Service::start(kind, Algorithm::ES256).await;
        for algorithm in [
            Algorithm::RS256,
            Algorithm::ES384,
            Algorithm::HS256,
            Algorithm::EdDSA,
        ] {
            let error = service.open_as(SECRET, algorithm).await.unwrap_err();
            assert!(!error.is_unavailable(), "{kind:?} {algorithm}: {error:?}");
        }
    }
}

/// Credentials would go over the network in the clear.
#[tokio::test]
async fn http_is_for_this_machine_only() {
    for mount in [
        "http://vault.example/v1/transit",
        "http://127.0.0.1.example/v1/transit",
        "ftp://a.example",
        "vault",
        "",
    ] {
        let token = Credentials::fixed(SECRET.to_owned());
        let key = VaultTransit::open(
            Client::new().unwrap(),
            mount,
            ("login", 1),
            Algorithm::ES256,
            token,
        );
        let error = key.await.unwrap_err();
        assert!(!error.is_unavailable(), "{mount}: {error:?}");
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_had_are_as_their_function_says() {
    let service = Service::start(Kind::Vault, Algorithm::ES256).await;
    let key = service.open().await.unwrap();
    assert!(
        key.sign(SigningInput::new(Algorithm::ES256, b"message"))
            .await
            .is_ok()
    );
    let none = Credentials::new(async || Err(std::io::Error::other("no agent").into()));
    let mount = "http://127.0.0.1:1/v1/transit";
    let key = VaultTransit::open(
        Client::new().unwrap(),
        mount,
        ("login", 2),
        Algorithm::ES256,
        none,
    );
    assert!(
        key.await
            .unwrap_err()
            .cause()
            .to_string()
            .contains("no agent")
    );
}
