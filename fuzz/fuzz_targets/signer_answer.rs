//! The answers of the services that the examples ask: public keys and signatures, of four KMS and of PKCS#11.

#![no_main]

use countersign::{Algorithm, Key, issue::SigningInput};
use countersign_fuzz::keys::check_public;
use hsm::{ec_key, rsa_key};
use kms::answers;
use libfuzzer_sys::fuzz_target;

const GOOGLE: &str = "projects/p/locations/l/keyRings/r/cryptoKeys/login/cryptoKeyVersions/2";
const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::PS256,
    Algorithm::RS256,
];

fuzz_target!(|data: &[u8]| {
    for algorithm in ALGORITHMS {
        keys(algorithm, data);
        signatures(algorithm, data);
    }
});

/// Checks that a key that is read is one of the algorithm, with the id of the version that was asked for.
fn keys(algorithm: Algorithm, data: &[u8]) {
    let check = |key: Option<Key>, id: Option<&str>| {
        let Some(key) = key else { return };
        assert_eq!(key.algorithm(), algorithm);
        if id.is_some() {
            assert_eq!(key.id(), id);
        }
        check_public(&key);
    };
    check(
        answers::aws_key(data, algorithm).ok().map(|(_, key)| key),
        None,
    );
    check(
        answers::azure_key(data, "/keys/login/98", algorithm).ok(),
        Some("98"),
    );
    check(
        answers::google_key(data, GOOGLE, algorithm).ok(),
        Some("login/2"),
    );
    check(
        answers::vault_key(data, ("login", 2), algorithm).ok(),
        Some("login/2"),
    );
    // A byte says where the first of two attributes ends.
    let [length, attributes @ ..] = data else {
        return;
    };
    if let Some((first, second)) = attributes.split_at_checked((*length).into()) {
        check(ec_key(algorithm, first, second).ok(), None);
    }
    let middle = attributes.len().saturating_sub((*length).into());
    let (modulus, exponent) = attributes.split_at(middle);
    check(rsa_key(algorithm, modulus, exponent).ok(), None);
}

/// Checks that ECDSA signatures in DER come out in the length of a JWS, and that no other version's is taken.
fn signatures(algorithm: Algorithm, data: &[u8]) {
    let length = match algorithm {
        Algorithm::ES256 => Some(64),
        Algorithm::ES384 => Some(96),
        _ => None,
    };
    let input = SigningInput::new(algorithm, b"message");
    for signature in [
        answers::aws_signature(data, "arn:aws:kms:r:1:key/login", input).ok(),
        answers::google_signature(data, GOOGLE, input).ok(),
    ] {
        if let (Some(signature), Some(length)) = (signature, length) {
            assert_eq!(signature.len(), length);
        }
    }
    if answers::vault_signature(data, 2).is_ok() {
        assert!(answers::vault_signature(data, 1).is_err());
        assert!(answers::vault_signature(data, 22).is_err());
    }
    if answers::azure_signature(data, "/keys/login/98").is_ok() {
        assert!(answers::azure_signature(data, "/keys/login/99").is_err());
    }
}
