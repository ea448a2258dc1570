//! Tests of the tokens and the issuer of the real provider.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::{Algorithm, ConfigError, Verifier};
use serde_json::Value;

use crate::{
    ALONE,
    provider::{ALGORITHMS, CLIENT, Provider, audience, resource},
    servers,
};

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_every_algorithm_pass_through_both_frameworks() {
    let _alone = ALONE.lock().await;
    let Some(provider) = Provider::start("tokens of a real OpenID provider") else {
        return;
    };
    let servers = servers::start_all(&provider.issuer()).await;
    for server in &servers {
        for algorithm in ALGORITHMS {
            let what = format!("{}, {algorithm}", server.name);
            let token = provider.token(algorithm).text;
            assert_eq!(named(&token), algorithm, "{what}");

            let answer = server.send(&token);
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (200, CLIENT),
                "{what}"
            );

            let refused = server.send(&forged(&token));
            assert_eq!(
                refused.error(),
                Some("invalid_token"),
                "{what}: {refused:?}"
            );

            let elsewhere = provider.token_for(&resource(algorithm, "shop.example"));
            assert_eq!(named(&elsewhere.text), algorithm, "{what}");
            let refused = server.send(&elsewhere.text);
            assert_eq!(
                refused.error(),
                Some("invalid_token"),
                "{what}: {refused:?}"
            );
        }
        let keys = server.keys.status().keys();
        println!(
            "oidc: {} with {keys} keys accepts {ALGORITHMS:?}",
            server.name
        );
        assert_eq!(keys, ALGORITHMS.len(), "{}", server.name);
    }
    assert_eq!(provider.fetches(), 2, "one for each server");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_must_be_the_issuer_that_was_named() {
    let _alone = ALONE.lock().await;
    let Some(provider) = Provider::start("discovery of a real OpenID provider") else {
        return;
    };
    let issuer = provider.issuer();
    let port = provider.address().port();
    // The same server, and the same metadata, under other names.
    for other in [format!("http://localhost:{port}"), format!("{issuer}/")] {
        let refused = discover(&other).await;
        let Err(ConfigError::InvalidSetting(why)) = refused else {
            panic!("{other}: {refused:?}");
        };
        assert!(why.contains("wrong_issuer"), "{why}");
    }
    let verifier = discover(&issuer).await.unwrap();
    let token = provider.token(Algorithm::ES256).text;
    let verified = verifier.verify(&token).await.unwrap();
    assert_eq!(verified.issuer(), Some(issuer.as_str()));
}

async fn discover(issuer: &str) -> Result<Verifier, ConfigError> {
    Verifier::discover(issuer)
        .audience(audience(Algorithm::ES256))
        .access_token_profile()
        .build()
        .await
}

/// Returns the algorithm that a token names.
fn named(token: &str) -> Algorithm {
    let (header, _) = token.split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let is_named = |algorithm: &Algorithm| header["alg"] == algorithm.name();
    ALGORITHMS.into_iter().find(is_named).unwrap()
}

/// Returns the token with another character in the middle of its signature.
fn forged(token: &str) -> String {
    let signature = token.rfind('.').unwrap() + 1;
    let at = signature + (token.len() - signature) / 2;
    let other = if &token[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}
