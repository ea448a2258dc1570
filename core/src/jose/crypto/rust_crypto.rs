//! The backend in pure Rust, by the RustCrypto and dalek projects.
//!
//! Signatures take randomness from the operating system: RSA blinds its base, exponents and primes
//! with it, PSS draws a salt, and ECDSA adds it to the nonce of RFC 6979. Without randomness there
//! is no signature. SECURITY.md tells what is known about the timing of RSA.

use aes_gcm::{Aes256Gcm, aead::AeadInOut};
use getrandom::SysRng;
use hmac::{Hmac, KeyInit, Mac};
use p256::{
    ecdsa::signature::{self, RandomizedSigner, SignatureEncoding, Signer as _},
    elliptic_curve::{Generate, sec1::ToSec1Point},
};
use pkcs8::{EncodePrivateKey, SecretDocument};
use rsa::{BoxedUint, pkcs1v15, pss, traits::PrivateKeyParts};
use sha2::{Digest, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::{NoRandomness, SigningFailed};
use crate::jose::{
    Algorithm,
    material::{Curve, Material, PrivateMaterial, RsaNumbers, point},
};

/// Does the same with the crate of each curve.
macro_rules! on_curve {
    ($curve:expr, $ec:ident => $step:block) => {
        match $curve {
            Curve::P256 => {
                use p256 as $ec;
                $step
            }
            Curve::P384 => {
                use p384 as $ec;
                $step
            }
            Curve::P521 => {
                use p521 as $ec;
                $step
            }
        }
    };
}

/// A key that verifies one algorithm, prepared.
#[allow(clippy::type_complexity)] // a closure, and only here does its type have a name
pub(crate) struct PreparedPublic(Box<dyn Fn(&[u8], &[u8]) -> bool + Send + Sync>);

impl PreparedPublic {
    /// `None` when the material does not fit the algorithm or is no valid key.
    pub(crate) fn new(algorithm: Algorithm, material: &Material) -> Option<Self> {
        match material {
            Material::Ec { curve, x, y } => Self::ecdsa(*curve, &point(x, y)),
            // Not `verify_strict`: the key has no small order, and R is compared by its bytes.
            Material::Ed25519(public) => Some(Self::by::<ed25519_dalek::Signature>(
                ed25519_dalek::VerifyingKey::from_bytes(public).ok()?,
            )),
            Material::Hmac(secret) => Self::hmac(algorithm, secret),
            Material::Rsa { n, e } => Self::rsa(algorithm, n, e),
        }
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        (self.0)(message, signature)
    }

    fn ecdsa(curve: Curve, point: &[u8]) -> Option<Self> {
        on_curve!(curve, ec => {
            let key = ec::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
            Some(Self::by::<ec::ecdsa::Signature>(key))
        })
    }

    fn rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Option<Self> {
        let number = BoxedUint::from_be_slice_vartime;
        // Takes moduli of 1024 to 8192 bits.
        let key = rsa::PublicKey::new(number(n), number(e)).ok()?;
        Some(match algorithm {
            Algorithm::PS256 => Self::by::<pss::Signature>(pss::VerifyingKey::<Sha256>::new(key)),
            Algorithm::PS384 => Self::by::<pss::Signature>(pss::VerifyingKey::<Sha384>::new(key)),
            Algorithm::PS512 => Self::by::<pss::Signature>(pss::VerifyingKey::<Sha512>::new(key)),
            Algorithm::RS256 => {
                Self::by::<pkcs1v15::Signature>(pkcs1v15::VerifyingKey::<Sha256>::new(key))
            }
            Algorithm::RS384 => {
                Self::by::<pkcs1v15::Signature>(pkcs1v15::VerifyingKey::<Sha384>::new(key))
            }
            Algorithm::RS512 => {
                Self::by::<pkcs1v15::Signature>(pkcs1v15::VerifyingKey::<Sha512>::new(key))
            }
            _ => return None,
        })
    }

    fn hmac(algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        fn by<M: Mac + Clone + Send + Sync + 'static>(keyed: M) -> PreparedPublic {
            PreparedPublic(Box::new(move |message, tag| {
                keyed
                    .clone()
                    .chain_update(message)
                    .verify_slice(tag)
                    .is_ok()
            }))
        }
        Some(match algorithm {
            Algorithm::HS256 => by(keyed::<Hmac<Sha256>>(secret)?),
            Algorithm::HS384 => by(keyed::<Hmac<Sha384>>(secret)?),
            Algorithm::HS512 => by(keyed::<Hmac<Sha512>>(secret)?),
            _ => return None,
        })
    }

    fn by<S>(key: impl signature::Verifier<S> + Send + Sync + 'static) -> Self
    where
        S: SignatureEncoding,
    {
        Self(Box::new(move |message, bytes| {
            S::try_from(bytes).is_ok_and(|signature| key.verify(message, &signature).is_ok())
        }))
    }
}

/// A key that signs one algorithm, prepared.
pub(crate) struct PreparedPrivate {
    #[allow(clippy::type_complexity)] // as above
    sign: Box<dyn Fn(&[u8], &mut Vec<u8>) -> Result<(), SigningFailed> + Send + Sync>,
    pkcs8: Option<Zeroizing<Vec<u8>>>,
}

impl PreparedPrivate {
    /// `None` when the material does not fit the algorithm, is no valid key, or is not the private
    /// half of `public`.
    pub(crate) fn new(
        algorithm: Algorithm,
        private: &PrivateMaterial,
        public: &Material,
    ) -> Option<Self> {
        match (private, public) {
            (PrivateMaterial::Ec { curve, d }, public) => {
                let belongs = ec_public(*curve, d)? == *public;
                belongs.then(|| Self::ecdsa(*curve, d))?
            }
            (PrivateMaterial::Ed25519(seed), public) => {
                let belongs = ed25519_public(seed)? == *public;
                belongs.then(|| Self::ed25519(seed))?
            }
            (PrivateMaterial::Hmac(secret), Material::Hmac(_)) => Self::hmac(algorithm, secret),
            (PrivateMaterial::Rsa(numbers), Material::Rsa { n, e }) => {
                let belongs = *n == numbers.n && *e == numbers.e;
                belongs.then(|| Self::rsa(algorithm, numbers))?
            }
            _ => None,
        }
    }

    /// Appends the signature of `message` to `out`.
    pub(crate) fn sign(&self, message: &[u8], out: &mut Vec<u8>) -> Result<(), SigningFailed> {
        (self.sign)(message, out)
    }

    /// The private key as `PrivateKeyInfo` of RFC 5958; `None` for a secret.
    pub(crate) fn to_pkcs8(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.pkcs8.clone()
    }

    fn ecdsa(curve: Curve, d: &[u8]) -> Option<Self> {
        on_curve!(curve, ec => {
            let pkcs8 = ec::SecretKey::from_slice(d).ok()?.to_pkcs8_der();
            let key = ec::ecdsa::SigningKey::from_slice(d).ok()?;
            Self::by::<ec::ecdsa::Signature>(key, pkcs8)
        })
    }

    fn ed25519(seed: &[u8; 32]) -> Option<Self> {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        // Without the public key: the version with it is not read everywhere.
        let pair = ed25519_dalek::pkcs8::KeypairBytes {
            secret_key: *seed,
            public_key: None,
        };
        let pkcs8 = pair.to_pkcs8_der().ok()?.to_bytes();
        Some(Self {
            sign: Box::new(move |message, out| {
                let signature = key.try_sign(message).map_err(|_| SigningFailed)?;
                out.extend_from_slice(&signature.to_bytes());
                Ok(())
            }),
            pkcs8: Some(pkcs8),
        })
    }

    fn rsa(algorithm: Algorithm, numbers: &RsaNumbers) -> Option<Self> {
        let key = rsa_private(numbers)?;
        let pkcs8 = key.to_pkcs8_der();
        match algorithm {
            Algorithm::PS256 => {
                Self::by::<pss::Signature>(pss::SigningKey::<Sha256>::new(key), pkcs8)
            }
            Algorithm::PS384 => {
                Self::by::<pss::Signature>(pss::SigningKey::<Sha384>::new(key), pkcs8)
            }
            Algorithm::PS512 => {
                Self::by::<pss::Signature>(pss::SigningKey::<Sha512>::new(key), pkcs8)
            }
            Algorithm::RS256 => {
                Self::by::<pkcs1v15::Signature>(pkcs1v15::SigningKey::<Sha256>::new(key), pkcs8)
            }
            Algorithm::RS384 => {
                Self::by::<pkcs1v15::Signature>(pkcs1v15::SigningKey::<Sha384>::new(key), pkcs8)
            }
            Algorithm::RS512 => {
                Self::by::<pkcs1v15::Signature>(pkcs1v15::SigningKey::<Sha512>::new(key), pkcs8)
            }
            _ => None,
        }
    }

    fn hmac(algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        fn by<M: Mac + Clone + Send + Sync + 'static>(keyed: M) -> PreparedPrivate {
            PreparedPrivate {
                sign: Box::new(move |message, out| {
                    let tag = keyed.clone().chain_update(message).finalize();
                    out.extend_from_slice(&tag.into_bytes());
                    Ok(())
                }),
                pkcs8: None,
            }
        }
        Some(match algorithm {
            Algorithm::HS256 => by(keyed::<Hmac<Sha256>>(secret)?),
            Algorithm::HS384 => by(keyed::<Hmac<Sha384>>(secret)?),
            Algorithm::HS512 => by(keyed::<Hmac<Sha512>>(secret)?),
            _ => return None,
        })
    }

    fn by<S>(
        key: impl RandomizedSigner<S> + Send + Sync + 'static,
        pkcs8: pkcs8::Result<SecretDocument>,
    ) -> Option<Self>
    where
        S: SignatureEncoding,
    {
        Some(Self {
            sign: Box::new(move |message, out| {
                let signature = key.try_sign_with_rng(&mut SysRng, message);
                let signature = signature.map_err(|_| SigningFailed)?;
                out.extend_from_slice(signature.to_bytes().as_ref());
                Ok(())
            }),
            pkcs8: Some(pkcs8.ok()?.to_bytes()),
        })
    }
}

/// The public point of a private scalar; `None` when the scalar is not in `1..order`.
pub(crate) fn ec_public(curve: Curve, d: &[u8]) -> Option<Material> {
    let point = on_curve!(curve, ec => {
        let key = ec::SecretKey::from_slice(d).ok()?.public_key();
        key.to_sec1_point(false).to_bytes()
    });
    Material::from_point(curve, &point)
}

/// The public key of a seed.
pub(crate) fn ed25519_public(seed: &[u8; 32]) -> Option<Material> {
    let key = ed25519_dalek::SigningKey::from_bytes(seed);
    Some(Material::Ed25519(key.verifying_key().to_bytes()))
}

/// A new private scalar.
pub(crate) fn generate_ec(curve: Curve) -> Option<Zeroizing<Vec<u8>>> {
    let d = on_curve!(curve, ec => {
        let key = ec::SecretKey::try_generate_from_rng(&mut SysRng).ok()?;
        key.to_bytes().to_vec()
    });
    Some(Zeroizing::new(d))
}

/// A new RSA key of 2048, 3072 or 4096 bits as `PrivateKeyInfo` of RFC 5958.
pub(crate) fn generate_rsa(bits: usize) -> Option<Zeroizing<Vec<u8>>> {
    let key = rsa::PrivateKey::new(&mut SysRng, bits).ok()?;
    Some(key.to_pkcs8_der().ok()?.to_bytes())
}

/// Fills `out` with unpredictable bytes.
pub(crate) fn random(out: &mut [u8]) -> Result<(), NoRandomness> {
    getrandom::fill(out).map_err(|_| NoRandomness)
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(feature = "signer")]
pub(crate) fn sha384(bytes: &[u8]) -> Vec<u8> {
    Sha384::digest(bytes).to_vec()
}

#[cfg(feature = "signer")]
pub(crate) fn sha512(bytes: &[u8]) -> Vec<u8> {
    Sha512::digest(bytes).to_vec()
}

pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    // HMAC takes a key of any length (RFC 2104 section 2), so there is nothing to refuse.
    let keyed = keyed::<Hmac<Sha256>>(key).expect("any length is a key");
    keyed.chain_update(message).finalize().into_bytes().into()
}

/// Encrypts `data` by AES-256-GCM, and appends the tag. `None` when there is too much of it.
pub(crate) fn seal(key: &[u8; 32], nonce: [u8; 12], ad: &[u8], data: &mut Vec<u8>) -> Option<()> {
    let key = Aes256Gcm::new(key.into());
    key.encrypt_in_place(&nonce.into(), ad, data).ok()
}

/// Decrypts what [`seal`] has made, and cuts the tag off. `None` when a bit of it is another one.
pub(crate) fn open(key: &[u8; 32], nonce: [u8; 12], ad: &[u8], data: &mut Vec<u8>) -> Option<()> {
    let key = Aes256Gcm::new(key.into());
    key.decrypt_in_place(&nonce.into(), ad, data).ok()
}

fn keyed<M: Mac + KeyInit>(secret: &[u8]) -> Option<M> {
    <M as KeyInit>::new_from_slice(secret).ok()
}

/// All numbers must agree; the crate checks n and d, and computes the others anew.
fn rsa_private(numbers: &RsaNumbers) -> Option<rsa::PrivateKey> {
    // As wide as the public modulus: the width of a number shows in the time it takes.
    let width = u32::try_from(numbers.n.len()).ok()?.checked_mul(8)?;
    let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, width).ok();
    let (n, e) = (number(&numbers.n)?, number(&numbers.e)?);
    let primes = vec![number(&numbers.p)?, number(&numbers.q)?];
    let key = rsa::PrivateKey::from_components(n, e, number(&numbers.d)?, primes).ok()?;
    let agrees = key.dp() == Some(&number(&numbers.dp)?)
        && key.dq() == Some(&number(&numbers.dq)?)
        && key.crt_coefficient() == Some(number(&numbers.qi)?);
    agrees.then_some(key)
}
