//! Tests with published keys: those of Wycheproof, and those of the RFCs, read by the constructors.
//!
//! They are not part of this repository. `COUNTERSIGN_VECTORS` names their folder; the default is
//! `../shared/vectors` beside the workspace. If it is absent, the tests report that and pass.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod published;

use countersign::{Algorithm, Key, KeySet, SigningKey};
use serde_json::Value;

use self::published::read;

#[test]
fn wycheproof_keys_that_are_bad_by_themselves_are_refused() {
    let Some(json) = read("wycheproof/testvectors_v1/json_web_key_test.json") else {
        return;
    };
    let mut accepted = Vec::new();
    let mut refused = Vec::new();
    for group in json["testGroups"].as_array().unwrap() {
        let key = group.get("public").unwrap_or(&group["private"]);
        // Most are a set of one key; sets of several have their own tests.
        let key = match key["keys"].as_array().map(Vec::as_slice) {
            Some([only]) => only,
            Some(_) => continue,
            None => key,
        };
        let id = group["tests"][0]["tcId"].as_u64().unwrap();
        match Key::from_jwk(&key.to_string()) {
            Ok(_) => accepted.push(id),
            Err(_) => refused.push(id),
        }
    }
    assert_eq!(accepted, [5, 13, 14, 15]);
    assert_eq!(
        refused,
        [
            6, 7, 8, 9, 10, 11, 12, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26
        ]
    );
}

#[test]
fn wycheproof_keys_that_are_bad_are_refused_in_sets_too() {
    let Some(json) = read("wycheproof/testvectors_v1/json_web_key_test.json") else {
        return;
    };
    let mut accepted = Vec::new();
    for group in json["testGroups"].as_array().unwrap() {
        let Some(set) = group.get("public").or(group.get("private")) else {
            continue;
        };
        let set = match set.get("keys") {
            Some(_) => set.to_string(),
            None => format!(r#"{{"keys":[{set}]}}"#),
        };
        let id = group["tests"][0]["tcId"].as_u64().unwrap();
        if let Ok(set) = KeySet::from_json(&set) {
            assert!(set.notes().is_empty(), "{id}");
            accepted.push(id);
        }
    }
    assert_eq!(accepted, [2, 5, 13, 14, 15]);
}

#[test]
fn private_keys_of_the_rfcs_belong_to_their_public_keys() {
    let Some(Value::Array(vectors)) = read("rfc/rfc_vectors.json") else {
        return;
    };
    let mut seen = 0;
    for vector in vectors.iter().filter(|vector| vector["kind"] == "jws") {
        let Some(private) = vector.get("private_key") else {
            continue;
        };
        let algorithm: Algorithm = vector["alg"].as_str().unwrap().parse().unwrap();
        let signing = SigningKey::from_jwk_with(&private.to_string(), algorithm).unwrap();
        let public = Key::from_jwk_with(&vector["key"].to_string(), algorithm).unwrap();
        assert_eq!(signing.verifying_key().thumbprint(), public.thumbprint());
        seen += 1;
    }
    assert_eq!(seen, 9);
}

#[test]
fn keys_of_rfc_7520_are_read() {
    for (file, algorithm) in [
        ("3_1.ec_public_key", Algorithm::ES512),
        ("3_3.rsa_public_key", Algorithm::PS384),
        ("3_5.symmetric_key_mac_computation", Algorithm::HS256),
    ] {
        if let Some(jwk) = read(&format!("cookbook/jwk/{file}.json")) {
            Key::from_jwk_with(&jwk.to_string(), algorithm).unwrap();
        }
    }
    for (file, algorithm) in [
        ("3_2.ec_private_key", Algorithm::ES512),
        ("3_4.rsa_private_key", Algorithm::RS256),
        ("3_5.symmetric_key_mac_computation", Algorithm::HS256),
    ] {
        if let Some(jwk) = read(&format!("cookbook/jwk/{file}.json")) {
            SigningKey::from_jwk_with(&jwk.to_string(), algorithm).unwrap();
        }
    }
    if let Some(jwk) = read("cookbook/jwk/3_6.symmetric_key_encryption.json") {
        assert!(Key::from_jwk(&jwk.to_string()).is_err());
    }
}
