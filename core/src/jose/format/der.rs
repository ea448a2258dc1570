//! Keys in DER: SPKI and X.509 (RFC 5280), PKCS#8 (RFC 5958), PKCS#1 (RFC 8017), SEC 1 (RFC 5915).

use pkcs1::{RsaPrivateKeyRef, RsaPssParamsOwned, RsaPublicKeyRef};
use pkcs8::{
    ObjectIdentifier, PrivateKeyInfoRef, SubjectPublicKeyInfoRef,
    der::{
        self, Decode, Reader, SliceReader, Tag, TagNumber,
        asn1::{AnyRef, OctetStringRef, UintRef},
    },
    spki::AlgorithmIdentifierRef,
};
use sec1::{EcParameters, EcPrivateKey};
use zeroize::Zeroizing;

use crate::{
    error::ConfigError,
    jose::{
        Algorithm,
        material::{Curve, Material, PrivateMaterial, RsaNumbers},
    },
};

/// A private key, and the public one if it came along.
pub(crate) struct PrivateKey {
    pub(crate) private: PrivateMaterial,
    pub(crate) public: Option<Material>,
}

/// Returns whether the bytes are one `SEQUENCE`, as a certificate is, and nothing after it. What is in it is not looked at.
#[cfg(feature = "proof")]
pub(crate) fn is_sequence(bytes: &[u8]) -> bool {
    AnyRef::from_der(bytes).is_ok_and(|any| sequence(any).is_ok())
}

/// The key of an X.509 certificate. Nothing else of it is looked at.
pub(crate) fn certificate(bytes: &[u8], algorithm: Algorithm) -> Result<Material, ConfigError> {
    let info = subject_public_key_info(bytes).map_err(|_| malformed("X.509 certificate"))?;
    public_key_info(info, algorithm)
}

/// `SubjectPublicKeyInfo`, the content of `PUBLIC KEY`.
pub(crate) fn public_key_info(bytes: &[u8], algorithm: Algorithm) -> Result<Material, ConfigError> {
    let unreadable = || malformed("SubjectPublicKeyInfo");
    let info = SubjectPublicKeyInfoRef::from_der(bytes).map_err(|_| unreadable())?;
    let key = info.subject_public_key.as_bytes().ok_or_else(unreadable)?;
    match kind(&info.algorithm, algorithm)? {
        Kind::Ec(curve) => ec_point(curve, key),
        Kind::Ed25519 => Ok(Material::Ed25519(key.try_into().map_err(|_| unreadable())?)),
        Kind::Rsa => rsa_public_key(key),
    }
}

/// `RSAPublicKey`, the content of `RSA PUBLIC KEY`.
pub(crate) fn rsa_public_key(bytes: &[u8]) -> Result<Material, ConfigError> {
    let key = RsaPublicKeyRef::from_der(bytes).map_err(|_| malformed("RSAPublicKey"))?;
    Ok(Material::Rsa {
        n: key.modulus.as_bytes().to_vec(),
        e: key.public_exponent.as_bytes().to_vec(),
    })
}

/// `PrivateKeyInfo`, the content of `PRIVATE KEY`.
pub(crate) fn private_key_info(
    bytes: &[u8],
    algorithm: Algorithm,
) -> Result<PrivateKey, ConfigError> {
    let unreadable = || malformed("PrivateKeyInfo");
    let info = PrivateKeyInfoRef::try_from(bytes).map_err(|_| unreadable())?;
    let private = info.private_key.as_bytes();
    match kind(&info.algorithm, algorithm)? {
        Kind::Ec(curve) => ec_private_key(private, Some(curve)),
        Kind::Ed25519 => {
            // RFC 8410 section 7: the seed is an octet string inside the octet string.
            let seed = <&OctetStringRef>::from_der(private).map_err(|_| unreadable())?;
            let seed = seed.as_bytes().try_into().map_err(|_| unreadable())?;
            let public = info.public_key.map(|key| {
                let key = key.as_bytes().and_then(|key| key.try_into().ok());
                key.map(Material::Ed25519).ok_or_else(unreadable)
            });
            Ok(PrivateKey {
                private: PrivateMaterial::Ed25519(Zeroizing::new(seed)),
                public: public.transpose()?,
            })
        }
        Kind::Rsa => rsa_private_key(private),
    }
}

/// `RSAPrivateKey`, the content of `RSA PRIVATE KEY`.
pub(crate) fn rsa_private_key(bytes: &[u8]) -> Result<PrivateKey, ConfigError> {
    let key = RsaPrivateKeyRef::from_der(bytes).map_err(|_| malformed("RSAPrivateKey"))?;
    if key.other_prime_infos.is_some() {
        return Err(ConfigError::InvalidKey(
            "RSA keys of more than two primes are not supported".into(),
        ));
    }
    let secret = |number: UintRef<'_>| Zeroizing::new(number.as_bytes().to_vec());
    Ok(PrivateKey {
        private: PrivateMaterial::Rsa(Box::new(RsaNumbers {
            n: key.modulus.as_bytes().to_vec(),
            e: key.public_exponent.as_bytes().to_vec(),
            d: secret(key.private_exponent),
            p: secret(key.prime1),
            q: secret(key.prime2),
            dp: secret(key.exponent1),
            dq: secret(key.exponent2),
            qi: secret(key.coefficient),
        })),
        public: None,
    })
}

/// `ECPrivateKey`, the content of `EC PRIVATE KEY`; in PKCS#8 the curve stands outside of it.
pub(crate) fn ec_private_key(
    bytes: &[u8],
    outer: Option<Curve>,
) -> Result<PrivateKey, ConfigError> {
    let key = EcPrivateKey::try_from(bytes).map_err(|_| malformed("ECPrivateKey"))?;
    let inner = key.parameters.and_then(EcParameters::named_curve);
    let curve = match (inner.map(curve).transpose()?, outer) {
        (Some(inner), Some(outer)) if inner != outer => return Err(malformed("ECPrivateKey")),
        (inner, outer) => inner.or(outer).ok_or_else(|| malformed("ECPrivateKey"))?,
    };
    let d = padded(key.private_key, curve.field_len()).ok_or_else(|| malformed("ECPrivateKey"))?;
    Ok(PrivateKey {
        private: PrivateMaterial::Ec { curve, d },
        public: key.public_key.map(|key| ec_point(curve, key)).transpose()?,
    })
}

/// `ECDSA-Sig-Value` (RFC 3279 section 2.2.3) as the two numbers of a JWS (RFC 7518 section 3.4), each as long as the field.
///
/// `None` unless it is DER to the letter: two positive numbers without superfluous zeros, and nothing after them.
#[cfg(feature = "signer")]
pub(crate) fn ecdsa_signature(bytes: &[u8], curve: Curve) -> Option<Vec<u8>> {
    let mut numbers = SliceReader::new(sequence(AnyRef::from_der(bytes).ok()?).ok()?).ok()?;
    let [r, s]: [UintRef<'_>; 2] = [numbers.decode().ok()?, numbers.decode().ok()?];
    numbers.finish().ok()?;
    let length = curve.field_len();
    let mut signature = Vec::with_capacity(2 * length);
    for number in [r.as_bytes(), s.as_bytes()] {
        if number == [0] {
            return None;
        }
        signature.resize(signature.len() + length.checked_sub(number.len())?, 0);
        signature.extend_from_slice(number);
    }
    Some(signature)
}

/// The kind of a key by its algorithm identifier (RFC 5280 section 4.1.1.2).
enum Kind {
    Ec(Curve),
    Ed25519,
    Rsa,
}

/// Returns the kind of a key that shall be used for `algorithm`.
fn kind(
    identifier: &AlgorithmIdentifierRef<'_>,
    algorithm: Algorithm,
) -> Result<Kind, ConfigError> {
    match identifier.oid {
        EC_PUBLIC_KEY => {
            let oid = identifier.parameters_oid();
            curve(oid.map_err(|_| malformed("curve name"))?).map(Kind::Ec)
        }
        ED25519 => Ok(Kind::Ed25519),
        RSA_ENCRYPTION => Ok(Kind::Rsa),
        RSASSA_PSS => check_pss(identifier.parameters, algorithm).map(|()| Kind::Rsa),
        oid => Err(ConfigError::InvalidKey(format!(
            "keys of type {oid} are not supported"
        ))),
    }
}

/// Checks an RSA key limited to RSASSA-PSS (RFC 4055 section 3.1), and usually to one hash.
fn check_pss(parameters: Option<AnyRef<'_>>, algorithm: Algorithm) -> Result<(), ConfigError> {
    if !algorithm.is_pss() {
        return Err(ConfigError::InvalidKey(format!(
            "the key is limited to RSASSA-PSS, and {algorithm} is not"
        )));
    }
    let Some(parameters) = parameters else {
        return Ok(());
    };
    let limits: RsaPssParamsOwned = parameters
        .decode_as()
        .map_err(|_| malformed("RSASSA-PSS parameters"))?;
    let hash = match algorithm.hash_len() {
        32 => SHA_256,
        48 => SHA_384,
        _ => SHA_512,
    };
    let mask_hash = limits.mask_gen.parameters.map(|identifier| identifier.oid);
    if limits.hash.oid != hash
        || limits.mask_gen.oid != MGF_1
        || mask_hash != Some(hash)
        || usize::from(limits.salt_len) > algorithm.hash_len()
    {
        return Err(ConfigError::InvalidKey(format!(
            "the key is limited to a hash or salt that is not that of {algorithm}"
        )));
    }
    Ok(())
}

fn curve(oid: ObjectIdentifier) -> Result<Curve, ConfigError> {
    match oid {
        SECP256R1 => Ok(Curve::P256),
        SECP384R1 => Ok(Curve::P384),
        SECP521R1 => Ok(Curve::P521),
        _ => Err(ConfigError::InvalidKey(format!(
            "the curve {oid} is not supported"
        ))),
    }
}

fn ec_point(curve: Curve, encoded: &[u8]) -> Result<Material, ConfigError> {
    Material::from_point(curve, encoded).ok_or_else(|| {
        ConfigError::InvalidKey(format!(
            "the point is no uncompressed point on {}",
            curve.name()
        ))
    })
}

/// Pads a scalar: some writers leave out its leading zeros, though RFC 5915 section 3 asks for them.
fn padded(scalar: &[u8], length: usize) -> Option<Zeroizing<Vec<u8>>> {
    let zeros = length.checked_sub(scalar.len())?;
    let mut padded = Zeroizing::new(vec![0; length]);
    padded[zeros..].copy_from_slice(scalar);
    Some(padded)
}

/// The seventh field of `TBSCertificate`, or the sixth where the version is left out.
fn subject_public_key_info(bytes: &[u8]) -> der::Result<&[u8]> {
    let mut certificate = SliceReader::new(sequence(AnyRef::from_der(bytes)?)?)?;
    let mut fields = SliceReader::new(sequence(certificate.decode()?)?)?;
    let version = Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(0),
    };
    if Tag::peek(&fields)? == version {
        fields.tlv_bytes()?;
    }
    for _serial_signature_issuer_validity_subject in 0..5 {
        fields.tlv_bytes()?;
    }
    fields.tlv_bytes()
}

fn sequence(any: AnyRef<'_>) -> der::Result<&[u8]> {
    der::Tagged::tag(&any).assert_eq(Tag::Sequence)?;
    Ok(any.value())
}

fn malformed(what: &str) -> ConfigError {
    ConfigError::InvalidKey(format!("the {what} in the PEM is malformed"))
}

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const MGF_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSASSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const SECP521R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
