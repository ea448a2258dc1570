//! Tests that no key shows itself, with any backend. All public types are in `public_types.rs`.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use countersign::{
    Authenticator, Issuer, Key, KeySet, Keys, SigningKey, SigningKeys, Verifier,
    testing::TestIssuer,
};

const SECRET: &str = "an example secret of 32 bytes or more";
/// Returns the secret in the forms that a derived `Debug` would show.
fn forms() -> Vec<String> {
    let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    let list = SECRET
        .bytes()
        .map(|byte| byte.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    vec![SECRET.into(), hex, list, "YW4gZXhhbXBsZSBzZWNyZXQ".into()]
}

#[track_caller]
fn hides(what: &dyn std::fmt::Debug, secrets: &[String]) {
    for text in [format!("{what:?}"), format!("{what:#?}")] {
        for secret in secrets {
            assert!(!text.contains(secret.as_str()), "{text}");
        }
    }
}

#[test]
fn keys_hide_their_secret() {
    let key = Key::hs256(SECRET).unwrap();
    let signing = SigningKey::hs256(SECRET).unwrap();
    let ring = SigningKeys::new(signing.clone());
    let set = KeySet::new([key.clone()]);
    let verifier = Verifier::builder(key.clone()).issuer("i").audience("a");
    hides(&verifier, &forms());
    let verifier = verifier.build().unwrap();
    let issuer = Issuer::builder("i", ring.clone()).audience("a");
    hides(&issuer, &forms());
    let issuer = issuer.build().unwrap();
    for what in [
        &key as &dyn std::fmt::Debug,
        &signing,
        &ring,
        &set,
        &Keys::from(key.clone()),
        &verifier,
        &Authenticator::new(verifier.clone()),
        &issuer,
    ] {
        hides(what, &forms());
    }
    assert!(!key.to_jwk().is_some_and(|jwk| jwk.contains("\"k\"")));
}

#[test]
fn private_keys_hide_themselves() {
    for key in [
        SigningKey::generate_es256().unwrap(),
        SigningKey::generate_ed25519().unwrap(),
    ] {
        let pem = key.to_pkcs8_pem().unwrap();
        let body: String = pem
            .lines()
            .filter(|line| !line.starts_with("---"))
            .collect();
        hides(&key, &[body[40..60].to_owned()]);
    }
}

#[test]
fn views_show_their_own_texts_and_no_more() {
    let issuer = TestIssuer::new();
    let token = issuer.token().subject("private-name").scope("read write");
    let token = issuer.verifier().verify_now(&token.sign()).unwrap();
    let (audience, scopes) = (token.audience(), token.scopes());
    hides(&audience, &["private-name".to_owned()]);
    hides(&scopes, &["private-name".to_owned()]);
    assert_eq!(format!("{audience:?}"), r#"Audience(["https://api.test"])"#);
    assert_eq!(format!("{scopes:?}"), r#"Scopes(["read", "write"])"#);
}
