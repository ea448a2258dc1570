//! What must be true of every key that could be read.

use countersign::testing::sign_raw;
use countersign::{
    Algorithm, ConfigError, Key, SigningKey, Verifier, fuzzing, testing::FixedClock,
};
use sha2::{Digest, Sha256};

use crate::{
    json::{self, Json},
    tokens::{AUDIENCE, GOOD, ISSUER, NOW},
};

/// A public key, written as a JWK, reads as the key that it is; and its thumbprint is that of RFC 7638.
pub fn check_public(key: &Key) {
    let Some(jwk) = key.to_jwk() else {
        assert!(key.algorithm().is_symmetric());
        assert_eq!(key.thumbprint(), None, "a hash of a secret");
        return;
    };
    let parsed = json::parse(&jwk).expect("it is written as JSON");
    assert_eq!(parsed.get("use").and_then(Json::text), Some("sig"));
    assert_eq!(parsed.get("kid").and_then(Json::text), key.id());
    assert_eq!(key.thumbprint(), Some(&*thumbprint(&parsed)));
    for read in [
        Key::from_jwk(&jwk),
        Key::from_jwk_with(&jwk, key.algorithm()),
    ] {
        let read = read.expect("what was written can be read");
        assert_eq!(read.algorithm(), key.algorithm());
        assert_eq!(read.id(), key.id());
        assert_eq!(read.thumbprint(), key.thumbprint());
        assert_eq!(read.to_jwk().as_ref(), Some(&jwk));
    }
    assert!(SigningKey::from_jwk(&jwk).is_err(), "a public key signs");
}

/// A private key signs what its public half verifies, and reads as itself from what it writes.
pub fn check_private(key: &SigningKey) {
    let public = key.verifying_key();
    assert_eq!(public.algorithm(), key.algorithm());
    assert_eq!(public.id(), Some(key.id()));
    check_public(&public);

    let header = format!(r#"{{"alg":"{}"}}"#, key.algorithm().name());
    let token = sign_raw(key, &header, format!("{GOOD}}}").as_bytes());
    let verifier = Verifier::builder(public.clone())
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .clock(FixedClock::at(NOW))
        .build();
    match verifier {
        Ok(verifier) => drop(verifier.verify_now(&token).expect("its own signature")),
        Err(error) => panic!("{error}"),
    }

    let Some(pem) = key.to_pkcs8_pem() else {
        assert!(key.algorithm().is_symmetric());
        return;
    };
    let again = SigningKey::from_pem(key.algorithm(), &pem).expect("what was written can be read");
    assert_eq!(again.verifying_key().thumbprint(), public.thumbprint());
    assert!(
        Key::from_pem(key.algorithm(), &pem).is_err(),
        "a private key verifies"
    );
}

/// An error of a key does not show the private part of it.
pub fn check_error(text: &str, error: &ConfigError) {
    let shown = format!("{error} {error:?}");
    for secret in ["d", "p", "q", "dp", "dq", "qi", "k"] {
        let json = json::parse(text);
        let Some(secret) = json.as_ref().and_then(|json| json.get(secret)?.text()) else {
            continue;
        };
        // One that stands elsewhere, too, may be shown from there.
        if secret.len() >= 8 && text.matches(secret).count() == 1 {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

/// RFC 7638 section 3, by hand.
fn thumbprint(jwk: &Json) -> String {
    let member = |name: &str| {
        let value = jwk.get(name).and_then(Json::text).expect("a member");
        format!(r#""{name}":"{value}""#)
    };
    let names: &[&str] = match jwk.get("kty").and_then(Json::text) {
        Some("EC") => &["crv", "kty", "x", "y"],
        Some("OKP") => &["crv", "kty", "x"],
        _ => &["e", "kty", "n"],
    };
    let members: Vec<_> = names.iter().map(|name| member(name)).collect();
    let canonical = format!("{{{}}}", members.join(","));
    fuzzing::base64url_encode(&Sha256::digest(canonical))
}

/// An algorithm for each type of key that comes as PEM. RSA takes long, so which of its algorithms it is
/// depends on `n`.
pub fn of_each_type(n: usize) -> [Algorithm; 5] {
    const RSA: [Algorithm; 6] = [
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
    ];
    [
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::EdDSA,
        RSA[n % RSA.len()],
    ]
}
