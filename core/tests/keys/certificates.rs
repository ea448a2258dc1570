//! Tests of maps of certificates.

use countersign::{Algorithm, ConfigError, Key, KeySet};
use serde_json::{Value, json};

use super::{file, refusal, thumbprint};

fn set(map: &Value) -> Result<KeySet, ConfigError> {
    KeySet::from_certificates(&map.to_string())
}

#[test]
fn each_certificate_is_a_key_by_its_name() {
    let set = set(&json!({
        "r": file("rsa2048.certificate.pem"),
        "p": file("p256.certificate.pem"),
        "e": file("ed25519.certificate.pem"),
        "s": file("p384.spki.pem"),
    }))
    .unwrap();
    let found = |id: &str| {
        let key = set.keys().iter().find(|key| key.id() == Some(id)).unwrap();
        (key.algorithm(), key.thumbprint().unwrap().to_owned())
    };
    for (id, name, algorithm) in [
        ("r", "rsa2048", Algorithm::RS256),
        ("p", "p256", Algorithm::ES256),
        ("e", "ed25519", Algorithm::EdDSA),
        ("s", "p384", Algorithm::ES384),
    ] {
        assert_eq!(found(id), (algorithm, thumbprint(name, algorithm)));
    }
    assert_eq!((set.keys().len(), set.skipped().len()), (4, 0));
}

#[test]
fn a_bad_certificate_does_not_take_the_good_ones_with_it() {
    let good = file("p256.certificate.pem");
    let damaged = good.replacen("MII", "MIJ", 1);
    assert_ne!(damaged, good);
    for (bad, reason) in [
        (json!(""), "this is no PEM"),
        (json!("error"), "this is no PEM"),
        (json!(null), "not a string"),
        (json!([good]), "not a string"),
        (json!(damaged), "malformed"),
        (json!(file("p256.pkcs8.pem")), "private key"),
        (json!(file("rsa1024.spki.pem")), "weak key"),
        (json!(file("k256.spki.pem")), "not supported"),
    ] {
        let both = set(&json!({"a": good, "b": bad})).unwrap();
        assert_eq!(both.keys().len(), 1, "{bad}");
        assert_eq!(both.keys()[0].id(), Some("a"));
        let skipped = &both.skipped()[0];
        assert_eq!((skipped.index(), skipped.id()), (1, Some("b")));
        assert!(
            skipped.reason().to_string().contains(reason),
            "{}",
            skipped.reason()
        );
        assert!(refusal(set(&json!({"b": bad}))).contains("no usable key"));
    }
    let long = "k".repeat(257);
    assert_eq!(
        set(&json!({"a": good, long: good}))
            .unwrap()
            .skipped()
            .len(),
        1
    );
}

#[test]
fn what_is_no_map_of_certificates_is_refused() {
    let pem = json!(file("p256.certificate.pem"));
    let jwk = Key::es256_pem(file("p256.certificate.pem"))
        .unwrap()
        .to_jwk()
        .unwrap();
    assert!(KeySet::from_certificates(&format!(r#"{{"a":{pem}}}"#)).is_ok());
    for bad in [
        String::new(),
        "{}".into(),
        "[]".into(),
        pem.to_string(),
        format!(r#"{{"keys":[{jwk}]}}"#),
        format!(r#"{{"a":{pem},"a":{pem}}}"#),
        format!(r#"{{"a":{pem}}}x"#),
        format!(r#"{{"a":{pem}}}{}"#, " ".repeat(256 * 1024)),
    ] {
        assert!(KeySet::from_certificates(&bad).is_err(), "{bad:.80}");
    }
    // A JWK set is not read as such a map, and such a map not as a JWK set.
    assert!(KeySet::from_remote_json(&format!(r#"{{"a":{pem}}}"#)).is_err());
    let map = |count: usize| -> Value {
        (0..count)
            .map(|n| (n.to_string(), pem.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    assert_eq!(set(&map(100)).unwrap().keys().len(), 100);
    assert!(set(&map(101)).is_err());
}
