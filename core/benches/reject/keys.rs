//! The keys of the verifiers, and tokens that are refused before any key is used.

#![allow(dead_code)] // each benchmark uses a part of it

use std::sync::Arc;

use countersign::{
    AuthErrorKind, Key, KeySet, Keys, SigningKey, Verifier,
    keys::{KeySource, KeysUnavailable},
    testing::{TestIssuer, sign_raw},
};

use crate::case::{Case, SECRET};

/// Returns a set with the key under an id, in the middle of 99 others.
pub(crate) fn full_set(key: &SigningKey, id: &str) -> KeySet {
    let other = |n| {
        let key = if key.algorithm().is_symmetric() {
            SigningKey::generate_hs256()
        } else {
            SigningKey::generate_es256()
        };
        key.expect("a good key")
            .verifying_key()
            .with_id(format!("key-{n}"))
    };
    let key: Key = key.verifying_key().with_id(id);
    KeySet::new((0..50).map(other).chain([key]).chain((51..100).map(other)))
}

/// A source of keys that never has newer ones.
struct Renewed(Arc<KeySet>);

impl KeySource for Renewed {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        Ok(Arc::clone(&self.0))
    }
}

pub(crate) fn renewed(keys: KeySet) -> Keys {
    Keys::from_source(Renewed(Arc::new(keys)))
}

/// Returns a verifier with a full set of keys, and tokens that it refuses before any cryptography.
pub(crate) fn cheap(case: &Case) -> (Verifier, [(&'static str, String); 3]) {
    let id = case.key.id();
    let verifier = Verifier::builder(full_set(&case.key, id))
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .build()
        .expect("complete settings");
    verifier.verify_now(&case.token).expect("a good token");

    let (_, rest) = case.token.split_once('.').expect("three parts");
    let alg = case.algorithm.name();
    let unknown = TestIssuer::new();
    let unknown = unknown.key().id();
    let with_header = |alg: &str, id: &str| {
        let header = format!(r#"{{"alg":"{alg}","typ":"at+jwt","kid":"{id}"}}"#);
        format!("{}.{rest}", encode(header.as_bytes()))
    };
    let tokens = [
        ("junk", "A".repeat(case.token.len())),
        ("wrong alg", with_header("HS512", id)),
        ("unknown kid", with_header(alg, unknown)),
    ];
    let expected = [
        AuthErrorKind::MalformedToken,
        AuthErrorKind::WrongAlgorithm,
        AuthErrorKind::UnknownKey,
    ];
    for ((name, token), expected) in tokens.iter().zip(expected) {
        let refused = verifier.verify_now(token).expect_err(name);
        assert_eq!(refused.kind(), expected, "{name}");
    }
    (verifier, tokens)
}

/// Encodes bytes as base64url, by way of the header of a token: only an issuer exposes the encoder.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let key = SigningKey::hs256(SECRET).expect("a good key");
    let header = std::str::from_utf8(bytes).expect("a text");
    let token = sign_raw(&key, header, b"");
    token.split('.').next().unwrap_or_default().to_owned()
}
