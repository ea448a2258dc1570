//! One JWK, public or private.

#![no_main]

use countersign::{Algorithm, ConfigError, Key, KeySet, SigningKey};
use countersign_fuzz::{
    json::{self, Json},
    keys::{check_error, check_private, check_public},
};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(text) = str::from_utf8(data) else {
        return Corpus::Reject;
    };
    let public = Key::from_jwk(text);
    let private = SigningKey::from_jwk(text);
    match &public {
        Ok(key) => {
            check_text(text, key.id(), key.algorithm(), "verify");
            check_public(key);
        }
        Err(error) => check_error(text, error),
    }
    match &private {
        Ok(key) => {
            check_text(text, None, key.algorithm(), "sign");
            check_private(key);
        }
        Err(error) => check_error(text, error),
    }
    if let (Ok(public), Ok(_)) = (&public, &private) {
        assert!(
            public.algorithm().is_symmetric(),
            "private numbers in a public key"
        );
    }
    in_a_set(text, &public);
    with_an_algorithm(text, &public);
    Corpus::Keep
});

/// Checks a key against its text, by our own reading.
fn check_text(text: &str, id: Option<&str>, algorithm: Algorithm, operation: &str) {
    let json = json::parse(text).expect("one JSON value without duplicates");
    let member = |name| json.get(name).map(|value| value.text().expect("a text"));
    if id.is_some() {
        assert_eq!(member("kid"), id);
    }
    assert!(member("kid").is_none_or(|id| id.len() <= 256));
    assert!(member("use").is_none_or(|purpose| purpose == "sig"));
    let operations = json
        .get("key_ops")
        .map(|all| all.array().expect("an array"));
    let allows = |all: &[Json]| all.iter().any(|one| one.text() == Some(operation));
    assert!(operations.is_none_or(allows));
    let name = algorithm.name();
    let is_it = |own: &str| own == name || own == "Ed25519" && name == "EdDSA";
    assert!(member("alg").is_none_or(is_it));

    let (kty, numbers): (_, &[_]) = match name {
        "ES256" | "ES384" | "ES512" => ("EC", &["x", "y"]),
        "EdDSA" | "Ed25519" => ("OKP", &["x"]),
        "HS256" | "HS384" | "HS512" => ("oct", &["k"]),
        _ => ("RSA", &["n", "e"]),
    };
    assert_eq!(member("kty"), Some(kty));
    for number in numbers {
        let bytes = json::base64url(member(number).expect("a number").as_bytes());
        let bytes = bytes.expect("canonical base64url");
        match (name, *number) {
            ("ES256" | "EdDSA" | "Ed25519", _) => assert_eq!(bytes.len(), 32),
            ("ES384", _) => assert_eq!(bytes.len(), 48),
            ("ES512", _) => assert_eq!(bytes.len(), 66),
            ("HS256", _) => assert!(bytes.len() >= 32),
            ("HS384", _) => assert!(bytes.len() >= 48),
            ("HS512", _) => assert!(bytes.len() >= 64),
            (_, "n") => assert!((256..=1024).contains(&bytes.len()) && bytes[0] != 0),
            _ => assert!((3..=4).contains(&bytes.len()) && bytes[0] != 0),
        }
    }
}

/// Checks that a set of one key has that key.
fn in_a_set(text: &str, public: &Result<Key, ConfigError>) {
    let Ok(key) = public else { return };
    let set = format!(r#"{{"keys":[{text}]}}"#);
    let set = KeySet::from_json(&set).expect("a set of it");
    assert_eq!(set.keys().len(), 1);
    assert_eq!(set.keys()[0].id(), key.id());
    assert_eq!(set.keys()[0].thumbprint(), key.thumbprint());
    let remote = KeySet::from_remote_json(&format!(r#"{{"keys":[{text}]}}"#));
    assert_eq!(remote.is_ok(), !key.algorithm().is_symmetric());
}

/// Checks that an algorithm from outside changes only a key that names none.
fn with_an_algorithm(text: &str, public: &Result<Key, ConfigError>) {
    let all = [
        Algorithm::HS256,
        Algorithm::ES256,
        Algorithm::EdDSA,
        Algorithm::RS256,
    ];
    for algorithm in all {
        match (Key::from_jwk_with(text, algorithm), public) {
            (Ok(key), Ok(public)) if algorithm.name() == public.algorithm().name() => {
                assert_eq!(key.thumbprint(), public.thumbprint());
            }
            (Ok(key), _) => {
                assert_eq!(key.algorithm(), algorithm);
                check_public(&key);
            }
            (Err(_), Ok(public)) => assert_ne!(algorithm, public.algorithm()),
            (Err(error), Err(_)) => check_error(text, &error),
        }
    }
}
