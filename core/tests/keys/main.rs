//! Tests of the keys that the public constructors accept and refuse.
//!
//! Every refusal is next to the nearest key that is accepted. The keys in `data/keys` were made for
//! these tests with openssl and pyca/cryptography; they are not used anywhere else.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod certificates;
mod jwk;
mod jwk_set;
mod large;
mod pem;
mod secret;
mod spelling;

use countersign::{Algorithm, ConfigError, Key, SigningKey};
use serde_json::{Map, Value};

/// Reads a file of `data/keys`.
fn file(name: &str) -> String {
    let path = format!("{}/tests/data/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns a private JWK of `data/keys`, without `alg`.
fn private_jwk(name: &str) -> Map<String, Value> {
    serde_json::from_str(&file(&format!("{name}.jwk.json"))).unwrap()
}

/// Returns the public half of a JWK of `data/keys`.
fn public_jwk(name: &str) -> Map<String, Value> {
    let mut jwk = private_jwk(name);
    for member in ["d", "p", "q", "dp", "dq", "qi"] {
        jwk.remove(member);
    }
    jwk
}

/// Returns `jwk` with one more member, or with another value for one.
fn with(jwk: &Map<String, Value>, name: &str, value: impl Into<Value>) -> Map<String, Value> {
    let mut jwk = jwk.clone();
    jwk.insert(name.to_owned(), value.into());
    jwk
}

fn without(jwk: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let mut jwk = jwk.clone();
    jwk.remove(name).unwrap();
    jwk
}

fn json(jwk: &Map<String, Value>) -> String {
    serde_json::to_string(jwk).unwrap()
}

/// Returns the text of the refusal.
#[track_caller]
fn refusal<T: std::fmt::Debug>(result: Result<T, ConfigError>) -> String {
    result.unwrap_err().to_string()
}

/// Returns the thumbprint that all texts of a key must lead to.
fn thumbprint(name: &str, algorithm: Algorithm) -> String {
    let key = Key::from_jwk_with(&json(&public_jwk(name)), algorithm).unwrap();
    key.thumbprint().unwrap().to_owned()
}

#[test]
fn debug_output_shows_neither_secret_nor_key() {
    let secret = "correct horse battery staple, and then some";
    let key = Key::hs256(secret).unwrap().with_id("k1");
    assert_eq!(
        format!("{key:?}"),
        r#"Key { algorithm: HS256, id: Some("k1"), .. }"#
    );
    let key = SigningKey::hs256(secret).unwrap().with_id("k1");
    assert_eq!(
        format!("{key:?}"),
        r#"SigningKey { algorithm: HS256, id: "k1", .. }"#
    );
}

#[test]
fn an_id_is_what_was_given() {
    let secret = [b'x', b'y'].repeat(16);
    assert_eq!(Key::hs256(&secret).unwrap().id(), None);
    assert_eq!(Key::hs256(&secret).unwrap().with_id("a").id(), Some("a"));
    let jwk = with(&public_jwk("p256"), "kid", "from the jwk");
    assert_eq!(
        Key::from_jwk(&json(&jwk)).unwrap().id(),
        Some("from the jwk")
    );
}

#[test]
fn a_signing_key_without_an_id_has_one_that_depends_on_the_key_only() {
    let pem = SigningKey::es256_pem(file("p256.pkcs8.pem")).unwrap();
    assert_eq!(pem.id(), thumbprint("p256", Algorithm::ES256));
    assert_eq!(pem.verifying_key().id(), Some(pem.id()));

    let secret = [b'x', b'y'].repeat(16);
    let (one, other) = (
        SigningKey::hs256(&secret).unwrap(),
        SigningKey::hs256(&secret).unwrap(),
    );
    assert_eq!(one.id(), other.id());
    assert_eq!(one.id().len(), 16);
    let another = SigningKey::hs256([b'x', b'z'].repeat(16)).unwrap();
    assert_ne!(one.id(), another.id());
}

#[test]
fn the_verifying_half_follows_the_id() {
    let key = SigningKey::es256_pem(file("p256.pkcs8.pem"))
        .unwrap()
        .with_id("now");
    assert_eq!(key.id(), "now");
    assert_eq!(key.verifying_key().id(), Some("now"));
}

#[test]
fn a_public_jwk_reads_back_as_the_same_key() {
    let key = SigningKey::from_pem(Algorithm::ES384, file("p384.pkcs8.pem"))
        .unwrap()
        .with_id("k\"1");
    let jwk = key.verifying_key().to_jwk().unwrap();
    let read = Key::from_jwk(&jwk).unwrap();
    assert_eq!(read.thumbprint(), key.verifying_key().thumbprint());
    assert_eq!(read.id(), Some("k\"1"));
    assert_eq!(read.to_jwk().unwrap(), jwk);
}

#[test]
fn a_public_jwk_has_no_private_member() {
    let key = SigningKey::from_jwk_with(&file("rsa2048.jwk.json"), Algorithm::PS256).unwrap();
    let jwk: Map<String, Value> =
        serde_json::from_str(&key.verifying_key().to_jwk().unwrap()).unwrap();
    let names: Vec<&str> = jwk.keys().map(String::as_str).collect();
    assert_eq!(names, ["alg", "e", "kid", "kty", "n", "use"]);
}

#[test]
fn a_secret_is_never_given_out() {
    let key = SigningKey::generate_hs256().unwrap();
    assert_eq!(key.verifying_key().to_jwk(), None);
    assert_eq!(key.verifying_key().thumbprint(), None);
    assert_eq!(key.to_pkcs8_pem(), None);
}

#[test]
fn new_keys_differ_and_read_back_from_their_pem() {
    for algorithm in [
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::EdDSA,
    ] {
        let key = SigningKey::generate(algorithm).unwrap();
        assert_ne!(key.id(), SigningKey::generate(algorithm).unwrap().id());
        let read = SigningKey::from_pem(algorithm, key.to_pkcs8_pem().unwrap()).unwrap();
        assert_eq!((read.id(), read.algorithm()), (key.id(), algorithm));
    }
}

#[test]
fn an_rsa_key_reads_back_from_its_pem() {
    let key = SigningKey::rs256_pem(file("rsa2048.pkcs1.pem")).unwrap();
    let read = SigningKey::from_pem(Algorithm::PS512, key.to_pkcs8_pem().unwrap()).unwrap();
    assert_eq!(read.id(), key.id());
}

#[test]
fn a_new_key_has_the_algorithm_asked_for() {
    for algorithm in Algorithm::ALL {
        let is_rsa = algorithm.name().starts_with(['P', 'R']);
        if !is_rsa {
            assert_eq!(
                SigningKey::generate(*algorithm).unwrap().algorithm(),
                *algorithm
            );
        }
    }
    let key = SigningKey::generate_rsa(Algorithm::PS384, 2048).unwrap();
    assert_eq!(key.algorithm(), Algorithm::PS384);
}

#[test]
fn a_new_rsa_key_has_a_usual_size_and_an_rsa_algorithm() {
    assert_eq!(
        refusal(SigningKey::generate_rsa(Algorithm::RS256, 1024)),
        "invalid setting: a new RSA key has 2048, 3072 or 4096 bits, not 1024"
    );
    assert_eq!(
        refusal(SigningKey::generate_rsa(Algorithm::ES256, 2048)),
        "invalid key: ES256 needs an elliptic curve key on P-256, this is an RSA key"
    );
}
