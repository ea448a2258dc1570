//! Tests of tokens of other languages' libraries with our verifier, and of ours with theirs.
//!
//! `tests/run` installs PyJWT, joserfc and npm `jose`, and names their folder in
//! `COUNTERSIGN_PEERS`. Without it, these tests report that they are skipped.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use countersign::{Algorithm, Clock, Issuer, Key, SigningKey, SystemClock, Verifier};
use countersign_tests::hostile::TestKeys;
use serde_json::{Value, json};

const ISSUER: &str = "https://issuer.example";
const AUDIENCE: &str = "https://api.example";

/// The peers, and the algorithms that each shares with us.
const PEERS: [(&str, &[Algorithm]); 3] = [
    ("pyjwt", &PYJWT),
    ("joserfc", Algorithm::ALL),
    ("jose", Algorithm::ALL),
];

/// PyJWT does not know the new name `Ed25519` yet.
const PYJWT: [Algorithm; 13] = [
    Algorithm::EdDSA,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::HS256,
    Algorithm::HS384,
    Algorithm::HS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
];

#[test]
fn tokens_of_other_libraries_verify_here() {
    let Some(peers) = peers() else { return };
    let now = SystemClock.now();
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 300, "jti": "1",
    });
    for (peer, shared) in PEERS {
        let keys: Vec<_> = jwks(shared)
            .into_iter()
            .map(|(algorithm, jwk)| json!({ "alg": algorithm.name(), "jwk": jwk }))
            .collect();
        let answer = ask(
            &peers,
            peer,
            "mint",
            &json!({ "keys": keys, "claims": claims }),
        );
        assert_eq!(answer["unsupported"], json!([]), "{peer}");
        let tokens = answer["tokens"].as_array().unwrap();
        assert_eq!(tokens.len(), shared.len(), "{peer}");
        for ((algorithm, jwk), token) in jwks(shared).into_iter().zip(tokens) {
            let verifier = Verifier::builder(verifying(&jwk, algorithm))
                .issuer(ISSUER)
                .audience(AUDIENCE)
                .build()
                .unwrap();
            let text = token["token"].as_str().unwrap();
            let verified = verifier.verify_now(text).unwrap_or_else(|error| {
                panic!("{peer} {algorithm}: {error}\n{}", verifier.explain(text))
            });
            assert_eq!(verified.subject(), Some("ada"), "{peer} {algorithm}");
            assert_eq!(verified.header().algorithm(), algorithm, "{peer}");
        }
    }
}

#[test]
fn our_tokens_verify_in_other_libraries() {
    let Some(peers) = peers() else { return };
    for (peer, shared) in PEERS {
        let tokens: Vec<_> = jwks(shared)
            .into_iter()
            .map(|(algorithm, jwk)| {
                let key = SigningKey::from_jwk_with(&jwk.to_string(), algorithm).unwrap();
                let public = key.verifying_key().to_jwk();
                let public = public.map_or(jwk, |jwk| serde_json::from_str(&jwk).unwrap());
                let issuer = Issuer::builder(ISSUER, key)
                    .audience(AUDIENCE)
                    .build()
                    .unwrap();
                let token = issuer.issue(&json!({ "sub": "ada" })).unwrap();
                json!({ "alg": algorithm.name(), "jwk": public, "token": token.as_str() })
            })
            .collect();
        let request = json!({ "tokens": tokens, "issuer": ISSUER, "audience": AUDIENCE });
        let answer = ask(&peers, peer, "verify", &request);
        assert_eq!(answer["unsupported"], json!([]), "{peer}");
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results.len(), shared.len(), "{peer}");
        for result in results {
            assert_eq!(result["ok"], true, "{peer}: {result}");
            assert_eq!(result["claims"]["sub"], "ada", "{peer}");
        }
    }
}

fn verifying(jwk: &Value, algorithm: Algorithm) -> Key {
    let key = SigningKey::from_jwk_with(&jwk.to_string(), algorithm);
    key.unwrap().verifying_key()
}

/// Returns a private (or secret) JWK for each algorithm, with the algorithm's name in it.
fn jwks(algorithms: &[Algorithm]) -> Vec<(Algorithm, Value)> {
    let keys = TestKeys::load();
    algorithms
        .iter()
        .map(|algorithm| {
            let name = match algorithm {
                Algorithm::EdDSA | Algorithm::Ed25519 => "ed25519",
                Algorithm::ES256 => "es256",
                Algorithm::ES384 => "es384",
                Algorithm::ES512 => "es512",
                Algorithm::HS256 => "hs256",
                Algorithm::HS384 => "hs384",
                Algorithm::HS512 => "hs512",
                _ => "rs256",
            };
            let mut jwk = keys.private(name);
            jwk["alg"] = algorithm.name().into();
            (*algorithm, jwk)
        })
        .collect()
}

fn ask(peers: &PathBuf, peer: &str, what: &str, request: &Value) -> Value {
    let mut child = Command::new(PathBuf::from(peers).join(peer))
        .arg(what)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{peer}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(request.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{peer} {what}: {}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn peers() -> Option<PathBuf> {
    let peers = std::env::var_os("COUNTERSIGN_PEERS").map(PathBuf::from);
    if peers.is_none() {
        // Bypasses the capture of the test harness, which would hide it from a test that passes.
        let _ = writeln!(
            std::io::stderr(),
            "left out: tokens of other libraries: COUNTERSIGN_PEERS is not set; `tests/run` sets it"
        );
    }
    peers
}
