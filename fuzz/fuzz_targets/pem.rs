//! Keys in PEM and DER.

#![no_main]

use base64::{Engine, prelude::BASE64_STANDARD};
use countersign::{Key, SigningKey};
use countersign_fuzz::keys::{check_private, check_public, of_each_type};
use libfuzzer_sys::fuzz_target;
use p256::pkcs8::DecodePublicKey;

const LABELS: [&str; 6] = [
    "CERTIFICATE",
    "PUBLIC KEY",
    "RSA PUBLIC KEY",
    "EC PRIVATE KEY",
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
];

// Text that begins like a PEM is one. Otherwise the first byte selects a label, and DER follows.
fuzz_target!(|data: &[u8]| {
    let block = match data {
        [b'-', ..] | [] => None,
        [label, der @ ..] => Some((LABELS[usize::from(*label) % LABELS.len()], der)),
    };
    let pem = match block {
        Some((label, der)) => written(label, der),
        None => data.to_vec(),
    };
    for algorithm in of_each_type(data.len()) {
        if let Ok(key) = Key::from_pem(algorithm, &pem) {
            assert_eq!(key.algorithm(), algorithm);
            check_public(&key);
            assert!(
                SigningKey::from_pem(algorithm, &pem).is_err(),
                "both halves"
            );
            if let (Some(("PUBLIC KEY", der)), "ES256") = (block, algorithm.name()) {
                let point = p256::PublicKey::from_public_key_der(der).expect("a point");
                let point = p256::Sec1Point::from(point);
                let jwk = key.to_jwk().expect("a public key");
                for coordinate in [point.x(), point.y()] {
                    let text =
                        countersign::fuzzing::base64url_encode(coordinate.expect("a number"));
                    assert!(jwk.contains(&text), "another point");
                }
            }
        }
        if let Ok(key) = SigningKey::from_pem(algorithm, &pem) {
            assert_eq!(key.algorithm(), algorithm);
            check_private(&key);
        }
    }
});

fn written(label: &str, der: &[u8]) -> Vec<u8> {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
    .into_bytes()
}
