//! Tests of the choice of the key that verifies a token.

use std::sync::{Arc, OnceLock};

use countersign::{
    Algorithm, AuthErrorKind, ConfigError, Key, KeySet, Keys, SigningKey, SigningKeys, Verifier,
    keys::{KeySource, KeysUnavailable},
    testing::{TestIssuer, sign_raw},
};
use serde_json::{Value, json};

use super::now;

#[test]
fn the_signature_must_be_by_the_issuers_key() {
    let issuer = TestIssuer::new();
    let error = issuer
        .verifier()
        .verify_now(&issuer.token().by_a_stranger())
        .unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::BadSignature);
    issuer
        .verifier()
        .verify_now(&issuer.token().sign())
        .unwrap();
}

#[test]
fn the_header_never_chooses_the_algorithm() {
    let secret = b"an example secret of 32 bytes or more, and more and more and more";
    let hs256 = SigningKey::hs256(secret).unwrap().with_id("k");
    let hs512 = SigningKey::from_secret(Algorithm::HS512, secret)
        .unwrap()
        .with_id("k");
    let issuer = TestIssuer::new();
    let verifier = Verifier::builder(&hs256)
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    verifier
        .verify_now(&issuer.token().signed_by(&hs256))
        .unwrap();
    let error = verifier
        .verify_now(&issuer.token().signed_by(&hs512))
        .unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::WrongAlgorithm);
}

#[test]
fn accepted_algorithms_narrow_the_keys() {
    let issuer = TestIssuer::new();
    let only = |algorithm| issuer.verifier_builder().algorithms([algorithm]).build();
    only(Algorithm::ES256)
        .unwrap()
        .verify_now(&issuer.token().sign())
        .unwrap();
    assert!(matches!(
        only(Algorithm::RS256),
        Err(ConfigError::Conflict(_))
    ));
}

#[test]
fn a_ring_may_come_to_an_accepted_algorithm_later() {
    let issuer = TestIssuer::new();
    let keys = SigningKeys::new(issuer.key().clone());
    let verifier = Verifier::builder(keys.clone())
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .algorithms([Algorithm::EdDSA])
        .build()
        .unwrap();
    let next = SigningKey::generate_ed25519().unwrap();
    let token = issuer.token().header("kid", next.id()).signed_by(&next);
    let error = verifier.verify_now(&token).unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::UnknownKey);
    keys.publish(&next).unwrap();
    verifier.verify_now(&token).unwrap();
}

#[test]
fn accepted_algorithms_narrow_a_mixed_set() {
    let issuer = TestIssuer::new();
    let other = SigningKey::generate_ed25519().unwrap();
    let set = || KeySet::new([issuer.key().verifying_key(), other.verifying_key()]);
    let build = |algorithms: &[Algorithm]| {
        Verifier::builder(set())
            .issuer(TestIssuer::ISSUER)
            .audience(TestIssuer::AUDIENCE)
            .clock(issuer.clock().clone())
            .algorithms(algorithms.iter().copied())
            .build()
    };
    let only = build(&[Algorithm::ES256]).unwrap();
    only.verify_now(&issuer.token().sign()).unwrap();
    let error = only
        .verify_now(&issuer.token().signed_by(&other))
        .unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::WrongAlgorithm);
    let both = build(&[Algorithm::ES256, Algorithm::Ed25519]).unwrap();
    both.verify_now(&issuer.token().signed_by(&other)).unwrap();
    assert!(matches!(build(&[]), Err(ConfigError::InvalidSetting(_))));
}

#[test]
fn both_names_of_ed25519_are_one_algorithm() {
    let issuer = TestIssuer::with_algorithm(Algorithm::EdDSA);
    for name in ["EdDSA", "Ed25519"] {
        issuer
            .verifier()
            .verify_now(&issuer.token().header("alg", name).sign())
            .unwrap();
    }
    let error = issuer
        .verifier()
        .verify_now(&issuer.token().header("alg", "Ed448").sign())
        .unwrap_err();
    assert_eq!(error.kind(), AuthErrorKind::WrongAlgorithm);
}

#[test]
fn a_key_is_found_by_its_id() {
    let issuer = TestIssuer::new();
    let keys = || (0..6).map(|_| SigningKey::generate_es256().unwrap().verifying_key());
    let build = |keys: Vec<Key>| {
        Verifier::builder(keys)
            .issuer(TestIssuer::ISSUER)
            .audience(TestIssuer::AUDIENCE)
            .clock(issuer.clock().clone())
            .build()
            .unwrap()
    };
    let own = issuer.key().verifying_key();
    let many = build(keys().chain([own.clone()]).collect());
    many.verify_now(&issuer.token().sign()).unwrap();

    let unknown = issuer.token().header("kid", "other").sign();
    assert_eq!(
        many.verify_now(&unknown).unwrap_err().kind(),
        AuthErrorKind::UnknownKey
    );

    // Without an id, at most four keys are tried.
    let nameless = sign_raw(
        issuer.key(),
        r#"{"alg":"ES256"}"#,
        issuer_claims(&issuer).as_bytes(),
    );
    assert_eq!(
        many.verify_now(&nameless).unwrap_err().kind(),
        AuthErrorKind::AmbiguousKey
    );
    let few = build(keys().take(3).chain([own.clone()]).collect());
    few.verify_now(&nameless).unwrap();
    // The order of the keys makes no difference.
    let first = build([own].into_iter().chain(keys().take(4)).collect());
    assert_eq!(
        first.verify_now(&nameless).unwrap_err().kind(),
        AuthErrorKind::AmbiguousKey
    );
}

#[test]
fn a_key_without_id_verifies_whatever_the_token_names() {
    let secret = b"an example secret of 32 bytes or more";
    let issuer = TestIssuer::new();
    let verifier = Verifier::builder(Key::hs256(secret).unwrap())
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let key = SigningKey::hs256(secret).unwrap();
    verifier
        .verify_now(&issuer.token().header("kid", "any").signed_by(&key))
        .unwrap();
}

#[test]
fn a_key_that_is_named_goes_before_those_without_a_name() {
    let issuer = TestIssuer::new();
    let nameless = {
        let pem = SigningKey::generate_es256().unwrap();
        let jwk = pem.verifying_key().to_jwk().unwrap();
        let mut jwk: Value = serde_json::from_str(&jwk).unwrap();
        jwk.as_object_mut().unwrap().remove("kid");
        (pem, Key::from_jwk(&jwk.to_string()).unwrap())
    };
    assert_eq!(nameless.1.id(), None);
    let mixed = Verifier::builder([issuer.key().verifying_key(), nameless.1])
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let by_nameless = |kid: &str| issuer.token().header("kid", kid).signed_by(&nameless.0);
    let kind = |token: String| mixed.verify_now(&token).unwrap_err().kind();
    mixed.verify_now(&issuer.token().sign()).unwrap();
    mixed.verify_now(&by_nameless("other")).unwrap();
    assert_eq!(
        kind(by_nameless(issuer.key().id())),
        AuthErrorKind::BadSignature
    );
    // An unknown name can be that of a newer key, so the source is asked for it.
    assert_eq!(
        kind(issuer.token().header("kid", "new").by_a_stranger()),
        AuthErrorKind::UnknownKey
    );
}

#[test]
fn a_secret_that_nobody_filled_verifies_no_claims() {
    let set = |k: &str| {
        let jwk = format!(r#"{{"keys":[{{"kty":"oct","alg":"HS256","k":"{k}"}}]}}"#);
        let set = KeySet::from_json(&jwk).unwrap();
        Verifier::builder(set).issuer("i").audience("a").build()
    };
    let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert!(matches!(set(zeros), Err(ConfigError::WeakKey(_))));
    set(&zeros.replacen('A', "B", 1)).unwrap();
    assert!(matches!(Key::hs256([0; 32]), Err(ConfigError::WeakKey(_))));
}

/// Keys that arrive after the verifier was built.
struct Late(Arc<OnceLock<Arc<KeySet>>>);

impl KeySource for Late {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        self.0.get().cloned().ok_or_else(KeysUnavailable::default)
    }
}

#[test]
fn a_source_cannot_bring_a_secret_that_nobody_filled() {
    // Our own keys refuse to sign with it, so another library does.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    let issuer = TestIssuer::new();
    let claims: Value = serde_json::from_str(&issuer_claims(&issuer)).unwrap();
    for (k, first, accepted) in [
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0, false),
        ("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 1, true),
    ] {
        let late = Arc::new(OnceLock::new());
        let verifier = Verifier::builder(Keys::from_source(Late(Arc::clone(&late))))
            .issuer(TestIssuer::ISSUER)
            .audience(TestIssuer::AUDIENCE)
            .clock(issuer.clock().clone())
            .build()
            .unwrap();
        let jwk = format!(r#"{{"keys":[{{"kty":"oct","alg":"HS256","k":"{k}"}}]}}"#);
        late.set(Arc::new(KeySet::from_json(&jwk).unwrap()))
            .unwrap();
        let mut secret = [0; 32];
        secret[0] = first;
        let key = jsonwebtoken::EncodingKey::from_secret(&secret).unwrap();
        let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
        assert_eq!(verifier.verify_now(&token).is_ok(), accepted);
    }
}

#[test]
fn a_public_key_is_no_secret() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----";
    for text in [
        pem,
        &format!("\n {pem}"),
        r#"{"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAAAAAA"}"#,
    ] {
        assert!(
            matches!(Key::hs256(text), Err(ConfigError::InvalidKey(_))),
            "{text}"
        );
        assert!(
            matches!(SigningKey::hs256(text), Err(ConfigError::InvalidKey(_))),
            "{text}"
        );
    }
    Key::hs256(r#"{"a secret may look":"like JSON, if it is none of a key"}"#).unwrap();
}

fn issuer_claims(issuer: &TestIssuer) -> String {
    json!({
        "iss": TestIssuer::ISSUER,
        "aud": TestIssuer::AUDIENCE,
        "exp": now(issuer) + 300,
    })
    .to_string()
}
