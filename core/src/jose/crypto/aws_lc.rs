//! The backend that uses AWS-LC.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement, digest,
    encoding::{AsBigEndian, AsDer, Pkcs8V1Der},
    hmac,
    rand::{self, SystemRandom},
    rsa,
    signature::{
        self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, ParsedPublicKey,
        RsaEncoding, RsaKeyPair, VerificationAlgorithm,
    },
};
use pkcs1::{UintRef, der::Encode};
use zeroize::Zeroizing;

use super::{NoRandomness, SigningFailed};
use crate::jose::{
    Algorithm,
    material::{Curve, Material, PrivateMaterial, RsaNumbers, point},
};

/// A key that verifies one algorithm, prepared.
pub(crate) enum PreparedPublic {
    Hmac(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl PreparedPublic {
    /// `None` when the material does not fit the algorithm or is no valid key.
    pub(crate) fn new(algorithm: Algorithm, material: &Material) -> Option<Self> {
        let encoded = match material {
            Material::Hmac(secret) => return Some(Self::Hmac(hmac_key(algorithm, secret)?)),
            Material::Ec { x, y, .. } => point(x, y),
            Material::Ed25519(public) => public.to_vec(),
            Material::Rsa { n, e } => rsa_public_der(n, e)?,
        };
        let key = ParsedPublicKey::new(verification(algorithm)?, encoded).ok()?;
        Some(Self::Public(key))
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
            Self::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

/// A key that signs one algorithm, prepared.
pub(crate) enum PreparedPrivate {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Hmac(Box<hmac::Key>),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

impl PreparedPrivate {
    /// `None` when the material does not fit the algorithm, is no valid key, or is not the private
    /// half of `public`.
    pub(crate) fn new(
        algorithm: Algorithm,
        private: &PrivateMaterial,
        public: &Material,
    ) -> Option<Self> {
        Some(match (private, public) {
            (PrivateMaterial::Ec { d, .. }, Material::Ec { x, y, .. }) => {
                let signing = ecdsa_signing(algorithm)?;
                let point = point(x, y);
                Self::Ecdsa(EcdsaKeyPair::from_private_key_and_public_key(signing, d, &point).ok()?)
            }
            (PrivateMaterial::Ed25519(seed), Material::Ed25519(public)) => {
                Self::Ed25519(Ed25519KeyPair::from_seed_and_public_key(&seed[..], public).ok()?)
            }
            (PrivateMaterial::Hmac(secret), Material::Hmac(_)) => {
                Self::Hmac(hmac_key(algorithm, secret)?)
            }
            (PrivateMaterial::Rsa(numbers), Material::Rsa { n, e }) => {
                let pair = rsa_key_pair(numbers)?;
                let same = *n == numbers.n && *e == numbers.e;
                same.then_some(Self::Rsa(pair, rsa_encoding(algorithm)?))?
            }
            _ => return None,
        })
    }

    /// Appends the signature of `message` to `out`.
    pub(crate) fn sign(&self, message: &[u8], out: &mut Vec<u8>) -> Result<(), SigningFailed> {
        match self {
            Self::Ecdsa(key) => {
                let signature = key.sign(&SystemRandom::new(), message);
                out.extend_from_slice(signature.map_err(|_| SigningFailed)?.as_ref());
            }
            Self::Ed25519(key) => {
                let signature = key.try_sign(message);
                out.extend_from_slice(signature.map_err(|_| SigningFailed)?.as_ref());
            }
            Self::Hmac(key) => out.extend_from_slice(hmac::sign(key, message).as_ref()),
            Self::Rsa(key, encoding) => {
                let start = out.len();
                out.resize(start + key.public_modulus_len(), 0);
                let signed = key.sign(*encoding, &SystemRandom::new(), message, &mut out[start..]);
                if signed.is_err() {
                    out.truncate(start);
                    return Err(SigningFailed);
                }
            }
        }
        Ok(())
    }

    /// The private key as `PrivateKeyInfo` of RFC 5958; `None` for a secret.
    pub(crate) fn to_pkcs8(&self) -> Option<Zeroizing<Vec<u8>>> {
        let der = match self {
            Self::Ecdsa(key) => key.to_pkcs8v1().ok()?.as_ref().to_vec(),
            Self::Ed25519(key) => key.to_pkcs8v1().ok()?.as_ref().to_vec(),
            Self::Hmac(_) => return None,
            Self::Rsa(key, _) => {
                let der = AsDer::<Pkcs8V1Der<'_>>::as_der(key).ok()?;
                der.as_ref().to_vec()
            }
        };
        Some(Zeroizing::new(der))
    }
}

/// The public point of a private scalar; `None` when the scalar is not in `1..order`.
pub(crate) fn ec_public(curve: Curve, d: &[u8]) -> Option<Material> {
    let algorithm = match curve {
        Curve::P256 => &agreement::ECDH_P256,
        Curve::P384 => &agreement::ECDH_P384,
        Curve::P521 => &agreement::ECDH_P521,
    };
    let private = agreement::PrivateKey::from_private_key(algorithm, d).ok()?;
    Material::from_point(curve, private.compute_public_key().ok()?.as_ref())
}

/// The public key of a seed.
pub(crate) fn ed25519_public(seed: &[u8; 32]) -> Option<Material> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
    Some(Material::Ed25519(
        pair.public_key().as_ref().try_into().ok()?,
    ))
}

/// A new private scalar.
pub(crate) fn generate_ec(curve: Curve) -> Option<Zeroizing<Vec<u8>>> {
    let signing = match curve {
        Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
    };
    let pair = EcdsaKeyPair::generate(signing).ok()?;
    let d = pair.private_key().as_be_bytes().ok()?;
    Some(Zeroizing::new(d.as_ref().to_vec()))
}

/// A new RSA key of 2048, 3072 or 4096 bits as `PrivateKeyInfo` of RFC 5958.
pub(crate) fn generate_rsa(bits: usize) -> Option<Zeroizing<Vec<u8>>> {
    let size = match bits {
        2048 => rsa::KeySize::Rsa2048,
        3072 => rsa::KeySize::Rsa3072,
        4096 => rsa::KeySize::Rsa4096,
        _ => return None,
    };
    let pair = RsaKeyPair::generate(size).ok()?;
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).ok()?;
    Some(Zeroizing::new(der.as_ref().to_vec()))
}

/// Fills `out` with unpredictable bytes.
pub(crate) fn random(out: &mut [u8]) -> Result<(), NoRandomness> {
    rand::fill(out).map_err(|_| NoRandomness)
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

#[cfg(feature = "signer")]
pub(crate) fn sha384(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA384, bytes).as_ref().to_vec()
}

#[cfg(feature = "signer")]
pub(crate) fn sha512(bytes: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA512, bytes).as_ref().to_vec()
}

pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut tag = [0; 32];
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    tag.copy_from_slice(hmac::sign(&key, message).as_ref());
    tag
}

/// Encrypts `data` by AES-256-GCM, and appends the tag. `None` when there is too much of it.
pub(crate) fn seal(key: &[u8; 32], nonce: [u8; 12], ad: &[u8], data: &mut Vec<u8>) -> Option<()> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    key.seal_in_place_append_tag(nonce, Aad::from(ad), data)
        .ok()
}

/// Decrypts what [`seal`] has made, and cuts the tag off. `None` when a bit of it is another one.
pub(crate) fn open(key: &[u8; 32], nonce: [u8; 12], ad: &[u8], data: &mut Vec<u8>) -> Option<()> {
    let nonce = Nonce::assume_unique_for_key(nonce);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?);
    let length = key.open_in_place(nonce, Aad::from(ad), data).ok()?.len();
    data.truncate(length);
    Some(())
}

fn hmac_key(algorithm: Algorithm, secret: &[u8]) -> Option<Box<hmac::Key>> {
    let hash = match algorithm {
        Algorithm::HS256 => hmac::HMAC_SHA256,
        Algorithm::HS384 => hmac::HMAC_SHA384,
        Algorithm::HS512 => hmac::HMAC_SHA512,
        _ => return None,
    };
    Some(Box::new(hmac::Key::new(hash, secret)))
}

fn verification(algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match algorithm {
        Algorithm::Ed25519 | Algorithm::EdDSA => &signature::ED25519,
        Algorithm::ES256 => &signature::ECDSA_P256_SHA256_FIXED,
        Algorithm::ES384 => &signature::ECDSA_P384_SHA384_FIXED,
        Algorithm::ES512 => &signature::ECDSA_P521_SHA512_FIXED,
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => return None,
        Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
        Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
    })
}

fn ecdsa_signing(algorithm: Algorithm) -> Option<&'static EcdsaSigningAlgorithm> {
    match algorithm {
        Algorithm::ES256 => Some(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::ES384 => Some(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::ES512 => Some(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
        _ => None,
    }
}

fn rsa_encoding(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        Algorithm::PS256 => &signature::RSA_PSS_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_SHA512,
        Algorithm::RS256 => &signature::RSA_PKCS1_SHA256,
        Algorithm::RS384 => &signature::RSA_PKCS1_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_SHA512,
        _ => return None,
    })
}

/// `RSAPublicKey` of RFC 8017 appendix A.1.1.
fn rsa_public_der(n: &[u8], e: &[u8]) -> Option<Vec<u8>> {
    let key = pkcs1::RsaPublicKey {
        modulus: UintRef::new(n).ok()?,
        public_exponent: UintRef::new(e).ok()?,
    };
    key.to_der().ok()
}

/// All numbers must agree: AWS-LC checks n, d, and the CRT numbers against p, q and e.
fn rsa_key_pair(numbers: &RsaNumbers) -> Option<RsaKeyPair> {
    let components = rsa::KeyPairComponents {
        public_key: rsa::PublicKeyComponents {
            n: &numbers.n,
            e: &numbers.e,
        },
        d: &*numbers.d,
        p: &*numbers.p,
        q: &*numbers.q,
        dP: &*numbers.dp,
        dQ: &*numbers.dq,
        qInv: &*numbers.qi,
    };
    RsaKeyPair::from_components(&components).ok()
}
