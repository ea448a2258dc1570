//! Keys in the encodings of other programs.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use serde_json::Value;

/// Returns the secrets that a confused verifier could use: a public key, in several encodings.
pub(super) fn secrets_that_are_none(jwk: &Value, text: &str) -> Vec<Vec<u8>> {
    let members = ["n", "x"].into_iter().filter_map(|name| jwk[name].as_str());
    let as_text = members.clone().map(|member| member.as_bytes().to_vec());
    let as_bytes = members.map(decoded);
    let forms = match jwk["kty"].as_str() {
        Some("EC") => vec![point(jwk), spki(EC_P256, &point(jwk))],
        Some("OKP") => vec![spki(ED, &bytes(jwk, "x"))],
        Some("RSA") => {
            let key = [integer(&bytes(jwk, "n")), integer(&bytes(jwk, "e"))].concat();
            vec![spki(RSA, &der(0x30, &key))]
        }
        _ => return Vec::new(),
    };
    let pem = forms.last().map(|spki| pem(spki));
    let compact: String = text.split_ascii_whitespace().collect();
    as_text
        .chain(as_bytes)
        .chain(forms.clone())
        .chain(pem)
        .chain([compact.into_bytes()])
        .collect()
}

/// Encodes the private key of an RSA key pair (RFC 8017 section A.1.2).
pub(super) fn private_key(jwk: &Value) -> Vec<u8> {
    let numbers = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];
    let numbers = numbers.map(|name| integer(&bytes(jwk, name)));
    der(0x30, &[integer(&[0]), numbers.concat()].concat())
}

/// The algorithm identifiers of keys (RFC 5480, RFC 8410, RFC 8017).
const EC_P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07,
];
const ED: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];
const RSA: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];

fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let key = der(0x03, &[&[0], key].concat());
    der(0x30, &[algorithm, &key].concat())
}

fn pem(spki: &[u8]) -> Vec<u8> {
    let text = BASE64_STANDARD.encode(spki);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n").into_bytes()
}

fn integer(number: &[u8]) -> Vec<u8> {
    let sign: &[u8] = if number.first().is_some_and(|first| *first >= 0x80) {
        &[0]
    } else {
        &[]
    };
    der(0x02, &[sign, number].concat())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let length = match &*length {
        [] => vec![0],
        [short] if *short < 0x80 => vec![*short],
        long => [&[0x80 | u8::try_from(long.len()).expect("at most 8")], long].concat(),
    };
    [&[tag], &*length, content].concat()
}

pub(super) fn point(jwk: &Value) -> Vec<u8> {
    [vec![4], bytes(jwk, "x"), bytes(jwk, "y")].concat()
}

pub(super) fn bytes(jwk: &Value, name: &str) -> Vec<u8> {
    decoded(jwk[name].as_str().unwrap_or_default())
}

fn decoded(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64url")
}
