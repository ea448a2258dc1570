//! The public half of a key, from the attributes of its object.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use countersign::{Algorithm, Key};
use cryptoki::{
    object::{Attribute, AttributeType, ObjectHandle},
    session::Session,
};
use serde_json::json;

use crate::HsmError;

/// Reads the public key of an object.
pub(crate) fn public_key(
    session: &Session,
    object: ObjectHandle,
    algorithm: Algorithm,
) -> Result<Key, HsmError> {
    let mut parts = Parts::default();
    let wanted = [
        AttributeType::EcParams,
        AttributeType::EcPoint,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
    ];
    // A token leaves out those that the object has not.
    for attribute in session.get_attributes(object, &wanted)? {
        match attribute {
            Attribute::EcParams(bytes) => parts.curve = bytes,
            Attribute::EcPoint(bytes) => parts.point = bytes,
            Attribute::Modulus(bytes) => parts.modulus = bytes,
            Attribute::PublicExponent(bytes) => parts.exponent = bytes,
            _ => {}
        }
    }
    match algorithm {
        Algorithm::ES256 | Algorithm::ES384 => ec_key(algorithm, &parts.curve, &parts.point),
        _ => rsa_key(algorithm, &parts.modulus, &parts.exponent),
    }
}

#[derive(Default)]
struct Parts {
    curve: Vec<u8>,
    point: Vec<u8>,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// Makes a key of `CKA_EC_PARAMS` and `CKA_EC_POINT`: the name of the curve in DER, and an uncompressed point, in an OCTET STRING
/// as PKCS#11 has it, or bare, as some modules give it.
///
/// # Errors
///
/// The curve is not that of the algorithm (ES256, ES384), or the point is not on it.
pub fn ec_key(algorithm: Algorithm, curve: &[u8], point: &[u8]) -> Result<Key, HsmError> {
    let (own, name, length): (_, _, usize) = match algorithm {
        Algorithm::ES256 => (P256, "P-256", 32),
        Algorithm::ES384 => (P384, "P-384", 48),
        _ => return Err(HsmError::Algorithm(algorithm)),
    };
    let bare = match point {
        [OCTET_STRING, _, rest @ ..] if rest.len() == 1 + 2 * length => {
            (usize::from(point[1]) == rest.len()).then_some(rest)
        }
        _ => Some(point),
    };
    let numbers = match bare {
        Some([UNCOMPRESSED, numbers @ ..]) if curve == own && numbers.len() == 2 * length => {
            numbers
        }
        _ => return Err(HsmError::PublicKey(algorithm)),
    };
    let (x, y) = numbers.split_at(length);
    let [x, y] = [x, y].map(|number| BASE64_URL_SAFE_NO_PAD.encode(number));
    let jwk = json!({ "kty": "EC", "crv": name, "x": x, "y": y });
    Ok(Key::from_jwk_with(&jwk.to_string(), algorithm)?)
}

/// Makes a key of `CKA_MODULUS` and `CKA_PUBLIC_EXPONENT`: numbers, the first byte first.
///
/// # Errors
///
/// The numbers are none of an RSA key of 2,048 bits or more.
pub fn rsa_key(algorithm: Algorithm, modulus: &[u8], exponent: &[u8]) -> Result<Key, HsmError> {
    if !matches!(algorithm, Algorithm::PS256 | Algorithm::RS256) {
        return Err(HsmError::Algorithm(algorithm));
    }
    let [n, e] = [modulus, exponent].map(|number| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        BASE64_URL_SAFE_NO_PAD.encode(&number[zeros..])
    });
    let jwk = json!({ "kty": "RSA", "n": n, "e": e });
    Ok(Key::from_jwk_with(&jwk.to_string(), algorithm)?)
}

/// `secp256r1` (RFC 5480 section 2.1.1.1).
pub(crate) const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// `secp384r1`.
pub(crate) const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
const OCTET_STRING: u8 = 4;
const UNCOMPRESSED: u8 = 4;
