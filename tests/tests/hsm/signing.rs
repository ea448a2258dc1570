//! Tests of signatures from a token.

use countersign::{Algorithm, Issuer, Key, SigningKey, SigningKeys, issue::Signer};
use cryptoki::object::Attribute;
use hsm::KeyName;
use serde_json::{Value, json};

use crate::lab::run;

pub(crate) const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::PS256,
    Algorithm::RS256,
];

#[test]
fn each_algorithm_signs_tokens_that_its_public_key_verifies() {
    run(
        "signing::each_algorithm_signs_tokens_that_its_public_key_verifies",
        |lab| {
            let token = lab.token();
            for algorithm in ALGORITHMS {
                let key = lab.generate(&token, algorithm);
                let public = key.public_key();
                let key = lab
                    .runtime
                    .block_on(SigningKey::external(key).into_future());
                let issuer = Issuer::builder("https://id.example", key.unwrap()).audience("app");
                let issuer = issuer.build().unwrap();
                let token = issuer.issue_async(&json!({ "sub": "ada" }));
                let token = lab.runtime.block_on(token).unwrap();
                let verified = issuer.verifier().verify_now(token.as_str()).unwrap();
                assert_eq!(verified.subject(), Some("ada"));
                let set: Value = serde_json::from_str(&issuer.jwks()).unwrap();
                assert_eq!(set["keys"][0]["alg"], algorithm.name());
                assert_eq!(set["keys"][0]["kid"], public.thumbprint().unwrap());
            }
        },
    );
}

/// Versions are keys of their own in the token, and stand beside each other in the ring.
#[test]
fn a_new_version_takes_over_and_the_old_one_verifies() {
    run(
        "signing::a_new_version_takes_over_and_the_old_one_verifies",
        |lab| {
            let token = lab.token();
            let key = async |name: &str| {
                let name = KeyName::Label(name.into());
                let key = token.generate(name, Algorithm::ES256).await.unwrap();
                SigningKey::external(key).await.unwrap()
            };
            lab.runtime.block_on(async {
                let keys = SigningKeys::new(key("login-1").await);
                let issuer = Issuer::builder("https://id.example", keys.clone()).audience("app");
                let issuer = issuer.build().unwrap();
                let old = issuer.issue_async(&json!({ "sub": "ada" })).await.unwrap();
                keys.publish(&key("login-2").await).unwrap();
                keys.rotate(4_000_000_000).unwrap();
                let new = issuer.issue_async(&json!({ "sub": "ada" })).await.unwrap();
                for token in [&old, &new] {
                    issuer.verifier().verify_now(token.as_str()).unwrap();
                }
                let header = |token: &str| token.split('.').next().unwrap().to_owned();
                assert_ne!(header(old.as_str()), header(new.as_str()));
            });
        },
    );
}

#[test]
fn a_key_is_found_by_its_id() {
    run("signing::a_key_is_found_by_its_id", |lab| {
        let token = lab.token();
        let name = KeyName::Id(vec![0x0a, 0xf0]);
        let made = token.generate(name.clone(), Algorithm::ES256);
        let made: Key = lab.runtime.block_on(made).unwrap().public_key();
        let found = lab.runtime.block_on(token.key(name, Algorithm::ES256));
        assert_eq!(found.unwrap().public_key().thumbprint(), made.thumbprint());
        let other = token.key(KeyName::Id(vec![0x0a]), Algorithm::ES256);
        let error = lab.runtime.block_on(other).unwrap_err().to_string();
        assert_eq!(error, "there is no private key with the id 0a");
    });
}

/// Another part of the process logs out: all sessions are of no use from then on.
#[test]
fn a_login_that_was_lost_is_made_again() {
    run("signing::a_login_that_was_lost_is_made_again", |lab| {
        let key = lab.generate(&lab.token(), Algorithm::ES256);
        let key = lab
            .runtime
            .block_on(SigningKey::external(key).into_future());
        let issuer = Issuer::builder("https://id.example", key.unwrap()).audience("app");
        let issuer = issuer.build().unwrap();
        let issue = || {
            lab.runtime
                .block_on(issuer.issue_async(&json!({ "sub": "ada" })))
        };
        for _ in 0..3 {
            issue().unwrap();
            lab.beside(|session| {
                session.logout().unwrap();
                let private = [Attribute::Private(true)];
                assert!(session.find_objects(&private).unwrap().is_empty());
            });
            issue().unwrap();
        }
    });
}
