//! The examples of RFC 9449 and RFC 8705. See `published`: where their folder is absent, that is reported.

#[path = "../published/mod.rs"]
mod published;

use std::convert::Infallible;

use base64::{Engine, engine::general_purpose::STANDARD};
use countersign::{
    Authenticator, Issuer, KeySet, MemoryStore, SessionRoutes, Sessions, SigningKey,
    proof::{ClientCertificate, Confirmation, Dpop, MemoryReplayStore, Thumbprint},
    session::{Identity, SignIn},
    testing::FixedClock,
};
use futures_executor::block_on;
use serde_json::{Value, json};

use self::published::read;
use crate::{Head, cause, check};

fn vectors(kind: &str) -> Vec<Value> {
    let Some(Value::Array(vectors)) = read("rfc/rfc_vectors.json") else {
        return Vec::new(); // absent, and reported
    };
    let own = vectors.into_iter().filter(|vector| vector["kind"] == kind);
    own.collect()
}

fn text<'v>(vector: &'v Value, name: &str) -> &'v str {
    vector[name].as_str().unwrap()
}

fn settings(url: &str) -> Dpop {
    let dpop = Dpop::builder()
        .external_url(url)
        .replay(MemoryReplayStore::new());
    dpop.build().unwrap()
}

/// Sections 4.1 and 8: proofs for a token endpoint, as which the routes of sessions answer here.
#[test]
fn proofs_of_the_rfc_for_its_token_endpoint_bind_a_session_at_their_own_time() {
    let proofs = vectors("dpop-proof");
    let proofs: Vec<_> = proofs
        .iter()
        .filter(|vector| vector["access_token"].is_null())
        .collect();
    for vector in &proofs {
        let now = vector["now"].as_i64().unwrap();
        for (off, status) in [(0, 200), (60, 200), (61, 400), (-30, 200), (-31, 400)] {
            let (answer, body) = log_in(vector, now + off);
            assert_eq!(answer, status, "{off}: {body}");
            if status != 200 {
                assert_eq!(body["error"], "invalid_dpop_proof");
                continue;
            }
            assert_eq!(body["token_type"], "DPoP");
            let payload = text(&body, "access_token").split('.').nth(1).unwrap();
            let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload);
            let claims: Value = serde_json::from_slice(&payload.unwrap()).unwrap();
            assert_eq!(claims["cnf"], json!({ "jkt": vector["jkt"] }));
        }
    }
    assert!(proofs.len() == 2 || vectors("dpop-proof").is_empty());
}

/// Logs in at `/token` with this proof.
fn log_in(vector: &Value, now: i64) -> (u16, Value) {
    let clock = FixedClock::at(now);
    let key = SigningKey::generate_es256().unwrap();
    let issuer = Issuer::builder("https://server.example.com", key)
        .audience("api")
        .clock(clock)
        .build()
        .unwrap();
    let sessions = Sessions::builder(issuer, MemoryStore::new())
        .build()
        .unwrap();
    let routes = SessionRoutes::json(sessions, async |_: SignIn<Value>| {
        Ok::<_, Infallible>(Some(Identity::new("someone@example.com", json!({}))))
    })
    .dpop(settings("https://server.example.com"));
    let head = Head {
        method: "POST",
        path: "/token",
        ..Head::new()
    }
    .with("content-type", "application/json")
    .with("dpop", text(vector, "token"));
    let reply = block_on(routes.answer("/login", &head, b"{}"));
    (reply.status(), serde_json::from_str(reply.body()).unwrap())
}

/// Section 7.1: the token there is no JWT, so that nothing binds it. All else of the proof is right.
#[test]
fn the_proof_of_the_rfc_for_a_resource_is_one_of_its_key_and_its_token_alone() {
    for vector in vectors("dpop-proof") {
        let Some(token) = vector["access_token"].as_str() else {
            continue;
        };
        // The signature, and `ath`.
        let set = json!({ "keys": [vector["header"]["jwk"]] }).to_string();
        let set = KeySet::from_json_for(&set, &[countersign::Algorithm::ES256]).unwrap();
        assert!(set.verify_signature_only(text(&vector, "token")).is_ok());
        let hash = ClientCertificate::from_der(token.as_bytes()).thumbprint();
        assert_eq!(hash.to_string(), text(&vector["claims"], "ath"));

        // Of a JWT that is bound to its key, the other token is the first fault.
        let clock = FixedClock::at(vector["now"].as_i64().unwrap());
        let issuer = Issuer::builder(
            "https://server.example.com",
            SigningKey::generate_es256().unwrap(),
        )
        .audience("api")
        .clock(clock)
        .build()
        .unwrap();
        let authenticator =
            Authenticator::new(issuer.verifier()).dpop(settings("https://resource.example.org"));
        let key = Thumbprint::parse(text(&vector, "jkt")).unwrap();
        let claims = json!({ "sub": "someone@example.com" });
        let bound = issuer.issue_bound(&claims, Confirmation::key(key)).unwrap();
        let head = Head {
            path: "/protectedresource",
            ..Head::dpop(bound.as_str(), text(&vector, "token"))
        };
        let error = check(&authenticator, &head).unwrap_err();
        assert!(cause(&error).starts_with("DPoP ath: "), "{}", cause(&error));
    }
}

/// RFC 8705 appendix A.
#[test]
fn the_thumbprint_of_the_certificate_of_the_rfc_is_its_own() {
    for vector in vectors("mtls-thumbprint") {
        let pem = text(&vector, "certificate_pem").lines();
        let base64: String = pem.filter(|line| !line.starts_with('-')).collect();
        let certificate = ClientCertificate::from_der(&STANDARD.decode(base64).unwrap());
        let expected = text(&vector["cnf"], "x5t#S256");
        assert_eq!(certificate.thumbprint().to_string(), expected);
    }
}
