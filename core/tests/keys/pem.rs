//! Tests of keys in PEM.

use countersign::{Algorithm, Key, SigningKey};

use super::{file, refusal, thumbprint};

const KEYS: [(Algorithm, &str); 11] = [
    (Algorithm::Ed25519, "ed25519"),
    (Algorithm::EdDSA, "ed25519"),
    (Algorithm::ES256, "p256"),
    (Algorithm::ES384, "p384"),
    (Algorithm::ES512, "p521"),
    (Algorithm::PS256, "rsa2048"),
    (Algorithm::PS384, "rsa2048"),
    (Algorithm::PS512, "rsa2048"),
    (Algorithm::RS256, "rsa2048"),
    (Algorithm::RS384, "rsa2048"),
    (Algorithm::RS512, "rsa2048"),
];

#[test]
fn each_algorithm_takes_its_type_of_key_and_no_other() {
    for (algorithm, own) in KEYS {
        for name in ["rsa2048", "p256", "p384", "p521", "ed25519"] {
            let public = Key::from_pem(algorithm, file(&format!("{name}.spki.pem")));
            let private = SigningKey::from_pem(algorithm, file(&format!("{name}.pkcs8.pem")));
            if name == own {
                assert_eq!(public.unwrap().algorithm(), algorithm);
                assert_eq!(private.unwrap().algorithm(), algorithm);
            } else {
                let expected = format!("invalid key: {algorithm} needs ");
                assert!(refusal(public).starts_with(&expected), "{name}");
                assert!(refusal(private).starts_with(&expected), "{name}");
            }
        }
    }
}

#[test]
fn the_named_constructors_choose_their_algorithm() {
    for (public, private, algorithm) in [
        (
            Key::rs256_pem(file("rsa2048.spki.pem")),
            SigningKey::rs256_pem(file("rsa2048.pkcs8.pem")),
            Algorithm::RS256,
        ),
        (
            Key::es256_pem(file("p256.spki.pem")),
            SigningKey::es256_pem(file("p256.pkcs8.pem")),
            Algorithm::ES256,
        ),
        (
            Key::ed25519_pem(file("ed25519.spki.pem")),
            SigningKey::ed25519_pem(file("ed25519.pkcs8.pem")),
            Algorithm::EdDSA,
        ),
    ] {
        assert_eq!(public.unwrap().algorithm(), algorithm);
        assert_eq!(private.unwrap().algorithm(), algorithm);
    }
}

#[test]
fn an_algorithm_with_a_secret_takes_no_pem() {
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        let expected =
            format!("invalid key: {algorithm} needs a symmetric key, this is an RSA key");
        let public = Key::from_pem(algorithm, file("rsa2048.spki.pem"));
        assert_eq!(refusal(public), expected);
        let private = SigningKey::from_pem(algorithm, file("rsa2048.pkcs8.pem"));
        assert_eq!(refusal(private), expected);
    }
}

#[test]
fn every_public_form_comes_to_the_same_key() {
    let rsa = thumbprint("rsa2048", Algorithm::RS256);
    for form in ["spki", "pkcs1-public", "certificate"] {
        let key = Key::rs256_pem(file(&format!("rsa2048.{form}.pem"))).unwrap();
        assert_eq!(key.thumbprint(), Some(rsa.as_str()), "{form}");
    }
    let p256 = thumbprint("p256", Algorithm::ES256);
    for form in ["spki", "certificate"] {
        let key = Key::es256_pem(file(&format!("p256.{form}.pem"))).unwrap();
        assert_eq!(key.thumbprint(), Some(p256.as_str()), "{form}");
    }
    let ed25519 = thumbprint("ed25519", Algorithm::EdDSA);
    for form in ["spki", "certificate"] {
        let key = Key::ed25519_pem(file(&format!("ed25519.{form}.pem"))).unwrap();
        assert_eq!(key.thumbprint(), Some(ed25519.as_str()), "{form}");
    }
}

#[test]
fn every_private_form_comes_to_the_same_key() {
    for form in ["pkcs8", "pkcs1"] {
        let key = SigningKey::rs256_pem(file(&format!("rsa2048.{form}.pem"))).unwrap();
        assert_eq!(key.id(), thumbprint("rsa2048", Algorithm::RS256), "{form}");
    }
    for form in ["pkcs8", "sec1", "sec1-bare"] {
        let key = SigningKey::es256_pem(file(&format!("p256.{form}.pem"))).unwrap();
        assert_eq!(key.id(), thumbprint("p256", Algorithm::ES256), "{form}");
    }
    for (form, algorithm) in [("p384", Algorithm::ES384), ("p521", Algorithm::ES512)] {
        let read = |encoding| file(&format!("{form}.{encoding}.pem"));
        let from = |encoding| SigningKey::from_pem(algorithm, read(encoding)).unwrap();
        assert_eq!(from("sec1").id(), from("pkcs8").id());
    }
    for form in ["pkcs8", "pkcs8-v2"] {
        let key = SigningKey::ed25519_pem(file(&format!("ed25519.{form}.pem"))).unwrap();
        assert_eq!(key.id(), thumbprint("ed25519", Algorithm::EdDSA), "{form}");
    }
}

#[test]
fn the_halves_of_a_key_must_belong_together() {
    for refused in [
        SigningKey::es256_pem(file("p256.sec1-foreign.pem")),
        SigningKey::ed25519_pem(file("ed25519.pkcs8-v2-foreign.pem")),
    ] {
        assert_eq!(
            refusal(refused),
            "invalid key: the private key does not belong to the public one"
        );
    }
}

#[test]
fn a_verifying_key_is_not_made_of_a_private_one() {
    for (algorithm, name) in KEYS {
        assert_eq!(
            refusal(Key::from_pem(algorithm, file(&format!("{name}.pkcs8.pem")))),
            "invalid key: this PEM holds a private key; a verifying key is made of the public one"
        );
    }
    let both = file("p256.certificate.pem") + &file("p256.sec1.pem");
    assert!(Key::es256_pem(both).is_err());
}

#[test]
fn a_signing_key_is_not_made_of_a_public_one() {
    for (algorithm, name) in KEYS {
        let public = file(&format!("{name}.spki.pem"));
        assert_eq!(
            refusal(SigningKey::from_pem(algorithm, public)),
            "invalid key: this PEM holds no private key; a signing key needs one"
        );
    }
}

#[test]
fn an_encrypted_key_is_named_as_such() {
    for form in ["encrypted-pkcs1", "encrypted-pkcs8"] {
        assert_eq!(
            refusal(SigningKey::rs256_pem(file(&format!("rsa2048.{form}.pem")))),
            "invalid key: the private key is encrypted; decrypt it first, for example with \
             openssl pkey"
        );
    }
}

#[test]
fn an_rsa_key_of_1024_bits_is_too_weak() {
    let expected = "weak key: an RSA modulus must have 2048 to 8192 bits, this one has 1024";
    assert_eq!(refusal(Key::rs256_pem(file("rsa1024.spki.pem"))), expected);
    assert_eq!(
        refusal(SigningKey::rs256_pem(file("rsa1024.pkcs1.pem"))),
        expected
    );
}

#[test]
fn an_rsa_key_with_exponent_3_is_too_weak() {
    let expected = "weak key: an RSA exponent must be odd, at least 65537 and below 2^32";
    assert_eq!(
        refusal(Key::from_pem(Algorithm::PS256, file("rsa-e3.spki.pem"))),
        expected
    );
    assert_eq!(
        refusal(SigningKey::from_pem(
            Algorithm::PS256,
            file("rsa-e3.pkcs1.pem")
        )),
        expected
    );
}

#[test]
fn an_rsa_key_limited_to_pss_does_not_verify_pkcs1() {
    for (algorithm, sha256) in [
        (Algorithm::PS256, true),
        (Algorithm::PS384, false),
        (Algorithm::PS512, false),
    ] {
        let any_hash = Key::from_pem(algorithm, file("rsa-pss.spki.pem"));
        assert!(any_hash.is_ok(), "{algorithm}");
        let limited = Key::from_pem(algorithm, file("rsa-pss-sha256.spki.pem"));
        assert_eq!(limited.is_ok(), sha256, "{algorithm}");
    }
    assert!(SigningKey::from_pem(Algorithm::PS256, file("rsa-pss-sha256.pkcs8.pem")).is_ok());
    assert!(SigningKey::from_pem(Algorithm::PS512, file("rsa-pss.pkcs8.pem")).is_ok());
    for refused in [
        Key::rs256_pem(file("rsa-pss.spki.pem")),
        Key::rs256_pem(file("rsa-pss-sha256.spki.pem")),
    ] {
        assert_eq!(
            refusal(refused),
            "invalid key: the key is limited to RSASSA-PSS, and RS256 is not"
        );
    }
}

#[test]
fn other_curves_are_refused() {
    for (pem, expected) in [
        ("k256.spki.pem", "the curve 1.3.132.0.10 is not supported"),
        (
            "x25519.spki.pem",
            "keys of type 1.3.101.110 are not supported",
        ),
        (
            "ed448.spki.pem",
            "keys of type 1.3.101.113 are not supported",
        ),
        (
            "p256.compressed-spki.pem",
            "the point is no uncompressed point on P-256",
        ),
    ] {
        let expected = format!("invalid key: {expected}");
        assert_eq!(refusal(Key::es256_pem(file(pem))), expected);
    }
}

#[test]
fn a_pem_may_be_untidy() {
    let pem = file("p256.spki.pem");
    let one_line = {
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----")
    };
    for untidy in [
        pem.replace('\n', "\r\n"),
        format!("our key, see the wiki\n\n{pem}\n\n"),
        one_line,
    ] {
        assert!(Key::es256_pem(&untidy).is_ok(), "{untidy}");
    }
}

#[test]
fn one_file_holds_one_key() {
    let (one, other) = (file("p256.spki.pem"), file("p384.spki.pem"));
    assert_eq!(
        refusal(Key::es256_pem(one.clone() + &other)),
        "invalid key: this PEM holds more than one key"
    );
    let (one, other) = (file("p256.pkcs8.pem"), file("p384.pkcs8.pem"));
    assert_eq!(
        refusal(SigningKey::es256_pem(one + &other)),
        "invalid key: this PEM holds more than one private key"
    );
}

#[test]
fn a_chain_of_certificates_gives_its_first_key() {
    let chain = file("p256.certificate.pem") + &file("rsa2048.certificate.pem");
    assert!(Key::es256_pem(&chain).is_ok());
    assert!(Key::rs256_pem(&chain).is_err());
    let with_key = file("p256.certificate.pem") + &file("p256.sec1.pem");
    assert!(SigningKey::es256_pem(with_key).is_ok());
}

#[test]
fn what_is_no_pem_is_said_to_be_none() {
    for text in [
        "",
        "secret",
        "-----BEGIN PUBLIC KEY-----\nAAAA",
        "{\"kty\":\"EC\"}",
    ] {
        let refused = refusal(Key::es256_pem(text));
        assert!(
            refused.starts_with("invalid key: this is no PEM: "),
            "{refused}"
        );
        let refused = refusal(SigningKey::es256_pem(text));
        assert!(
            refused.starts_with("invalid key: this is no PEM: "),
            "{refused}"
        );
    }
    for name in ["p256.spki.pem", "p256.pkcs8.pem"] {
        let escaped = file(name).replace('\n', "\\n");
        // As it is, in the quotes of an .env file, and indented by YAML.
        for text in [
            escaped.clone(),
            format!("\"{escaped}\""),
            format!("  {escaped}\n"),
        ] {
            for refused in [
                refusal(Key::es256_pem(&text)),
                refusal(SigningKey::es256_pem(&text)),
            ] {
                assert!(refused.contains("a backslash and an `n`"), "{refused}");
            }
        }
    }
    let foreign = file("p256.spki.pem").replace("PUBLIC KEY", "SSH2 PUBLIC THING");
    assert_eq!(
        refusal(Key::es256_pem(foreign)),
        "invalid key: a PEM block \"SSH2 PUBLIC THING\" is not supported"
    );
}

#[test]
fn a_damaged_public_key_never_makes_a_panic() {
    for name in [
        "rsa2048.spki.pem",
        "rsa2048.pkcs1-public.pem",
        "rsa-pss-sha256.spki.pem",
        "p256.certificate.pem",
        "p521.spki.pem",
        "ed25519.spki.pem",
    ] {
        for damaged in damaged(&file(name), 1) {
            let _ = Key::from_pem(Algorithm::PS256, &damaged);
            let _ = Key::from_pem(Algorithm::ES512, &damaged);
            let _ = Key::ed25519_pem(&damaged);
        }
    }
}

#[test]
fn a_damaged_private_key_is_refused_or_another_key() {
    let good = SigningKey::es256_pem(file("p256.sec1-bare.pem")).unwrap();
    for damaged in damaged(&file("p256.sec1-bare.pem"), 1) {
        if let Ok(key) = SigningKey::es256_pem(&damaged) {
            let is_same = key.id() == good.id();
            assert_eq!(key.to_pkcs8_pem() == good.to_pkcs8_pem(), is_same);
        }
    }
    for damaged in damaged(&file("rsa2048.pkcs1.pem"), 31) {
        let _ = SigningKey::rs256_pem(&damaged);
    }
    for damaged in damaged(&file("ed25519.pkcs8-v2.pem"), 1) {
        let _ = SigningKey::ed25519_pem(&damaged);
    }
}

/// Returns `text` with one character changed or left out, at every `step`th position.
fn damaged(text: &str, step: usize) -> impl Iterator<Item = String> {
    (0..text.len()).step_by(step).flat_map(move |at| {
        ["A", "/", ""].map(|damage| {
            let mut damaged = text.to_owned();
            damaged.replace_range(at..=at, damage);
            damaged
        })
    })
}
