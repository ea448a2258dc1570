//! Tests with published vectors: Wycheproof, and those of the RFCs.
//!
//! They are not part of this repository. `COUNTERSIGN_VECTORS` names their folder; the default is
//! `../shared/vectors` beside the workspace. If it is absent, the tests report that and pass.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod published;

use countersign::{Algorithm, Key, KeySet};
use serde_json::{Value, json};

use self::published::read;

/// The cases of Wycheproof that are marked in a way no strict verifier can follow, and why. PyJWT,
/// joserfc, jwcrypto and `jsonwebtoken` disagree with the same eight.
const DEFECTIVE: &[(u64, &str)] = &[
    (
        346,
        "marked valid, but the key's alg is PS256 and the header's PS384",
    ),
    (347, "marked valid, but the key's alg is misspelt \"ES521\""),
    (
        350,
        "marked valid, but the key's alg is PS256 and the header's PS384",
    ),
    (351, "marked valid, but the key's alg is misspelt \"ES521\""),
    (
        367,
        "marked invalid, but is the same, byte by byte, as the valid 357",
    ),
    (
        370,
        "marked invalid, but is the same, byte by byte, as the valid 357",
    ),
    (
        372,
        "marked valid, but has a `?` in it (RFC 7515 section 2)",
    ),
    (
        373,
        "marked valid, but has a `?` in it (RFC 7515 section 2)",
    ),
];

#[test]
fn wycheproof_signatures_are_judged_right_but_for_the_defective_ones() {
    let mut disagreements = disagreements("json_web_signature_test");
    if disagreements.is_empty() {
        return; // absent, and reported
    }
    disagreements.sort_unstable();
    let defective: Vec<u64> = DEFECTIVE.iter().map(|(id, _)| *id).collect();
    assert_eq!(disagreements, defective);
}

#[test]
fn wycheproof_keys_are_judged_right() {
    assert_eq!(disagreements("json_web_key_test"), [0_u64; 0]);
}

#[test]
fn wycheproof_mixed_cases_are_judged_right() {
    assert_eq!(disagreements("json_web_crypto_test"), [0_u64; 0]);
}

#[test]
fn signatures_of_the_rfcs_are_judged_right() {
    let mut valid = 0;
    let mut invalid = 0;
    for vector in rfc_vectors() {
        let id = vector["id"].as_str().unwrap();
        let Some(expect) = vector["expect"].as_str().filter(|_| id != "rfc9068-fig2") else {
            continue;
        };
        let token = text(&vector["token"]);
        if vector["kind"] == "dpop-proof" {
            continue; // a proof brings its own key; it has its own tests
        }
        let accepted = vector["key"].as_object().is_some_and(|key| {
            let alg: Algorithm = vector["alg"].as_str().unwrap().parse().unwrap();
            let set = json!({ "keys": [key] }).to_string();
            let set = KeySet::from_json_for(&set, &[alg]).unwrap();
            set.verify_signature_only(&token).is_ok()
        });
        assert_eq!(accepted, expect == "valid", "{id}");
        *(if accepted { &mut valid } else { &mut invalid }) += 1;
    }
    if valid + invalid == 0 {
        return; // absent, and reported
    }
    // RFC 7515 A.1 to A.4, RFC 8037 A.4, RFC 7520 4.1 to 4.4.
    assert_eq!((valid, invalid), (9, 10));
}

#[test]
fn thumbprints_of_the_rfcs_are_right() {
    let mut seen = 0;
    for vector in rfc_vectors() {
        if vector["kind"] == "thumbprint-sha256" {
            let key = Key::from_jwk_with(&vector["key"].to_string(), algorithm_for(&vector["key"]));
            assert_eq!(key.unwrap().thumbprint(), vector["thumbprint"].as_str());
            seen += 1;
        }
    }
    assert!(seen == 2 || rfc_vectors().is_empty(), "{seen}");
}

fn algorithm_for(jwk: &Value) -> Algorithm {
    match jwk["kty"].as_str() {
        Some("RSA") => Algorithm::RS256,
        _ => Algorithm::EdDSA,
    }
}

/// Returns the ids of the cases of a Wycheproof file that we judge differently. Never empty for the
/// first file, which has eight defective ones.
fn disagreements(file: &str) -> Vec<u64> {
    let Some(json) = read(&format!("wycheproof/testvectors_v1/{file}.json")) else {
        return Vec::new();
    };
    let mut cases = 0;
    let mut disagreements = Vec::new();
    for group in json["testGroups"].as_array().unwrap() {
        // A verifier has the public half, if there is one.
        let key = group.get("public").unwrap_or(&group["private"]);
        let set = match key.get("keys") {
            Some(_) => key.clone(),
            None => json!({ "keys": [key] }),
        };
        let set = KeySet::from_json(&set.to_string());
        for test in group["tests"].as_array().unwrap() {
            let Some(token) = test.get("jws") else {
                continue; // a JWE
            };
            cases += 1;
            let accepted = set
                .as_ref()
                .is_ok_and(|set| set.verify_signature_only(&text(token)).is_ok());
            if accepted != (test["result"] == "valid") {
                disagreements.push(test["tcId"].as_u64().unwrap());
            }
        }
    }
    assert!(cases > 20, "{cases}");
    disagreements
}

/// Returns a token: the compact text, or the text of another serialisation.
fn text(token: &Value) -> String {
    token
        .as_str()
        .map_or_else(|| token.to_string(), str::to_owned)
}

fn rfc_vectors() -> Vec<Value> {
    match read("rfc/rfc_vectors.json") {
        Some(Value::Array(vectors)) => vectors,
        _ => Vec::new(),
    }
}
