//! Keys of the crate `jsonwebtoken`.

use jsonwebtoken::{AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};

use super::{key::Key, signing_key::SigningKey};
use crate::{
    error::ConfigError,
    jose::{
        Algorithm,
        format::der,
        material::{KeyType, Material},
    },
};

impl Key {
    /// A key from a `DecodingKey` of the crate [`jsonwebtoken`](https://docs.rs/jsonwebtoken) 12, for one
    /// algorithm. Feature `jsonwebtoken`.
    ///
    /// A `DecodingKey` is for a family of algorithms, and a key here is for exactly one.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidKey`] when it is no key of the algorithm's type and curve,
    /// [`ConfigError::WeakKey`] when it is too weak: `jsonwebtoken` takes any secret.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Algorithm, Key};
    /// use jsonwebtoken::DecodingKey;
    ///
    /// # fn secret() -> Vec<u8> { [7, 1].repeat(16) }
    /// let old = DecodingKey::from_secret(&secret())?;
    /// let key = Key::from_decoding_key(Algorithm::HS256, &old)?;
    /// assert!(Key::from_decoding_key(Algorithm::RS256, &old).is_err());
    ///
    /// let weak = DecodingKey::from_secret(b"secret")?;
    /// assert!(Key::from_decoding_key(Algorithm::HS256, &weak).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_decoding_key(algorithm: Algorithm, key: &DecodingKey) -> Result<Self, ConfigError> {
        check_family(algorithm, key.family())?;
        let material = match key.kind() {
            DecodingKeyKind::RsaModulusExponent { n, e } => Material::Rsa {
                n: number(n),
                e: number(e),
            },
            DecodingKeyKind::SecretOrDer(bytes) => match algorithm.key_type() {
                KeyType::Hmac => return Self::from_secret(algorithm, bytes),
                KeyType::Rsa => der::rsa_public_key(bytes)
                    .or_else(|_| der::public_key_info(bytes, algorithm))?,
                KeyType::Ec(curve) => Material::from_point(curve, bytes)
                    .map_or_else(|| der::public_key_info(bytes, algorithm), Ok)?,
                KeyType::Ed25519 => match <[u8; 32]>::try_from(bytes.as_slice()) {
                    Ok(point) => Material::Ed25519(point),
                    Err(_) => der::public_key_info(bytes, algorithm)?,
                },
            },
        };
        Self::new(algorithm, material, None)
    }
}

impl SigningKey {
    /// A key from an `EncodingKey` of the crate [`jsonwebtoken`](https://docs.rs/jsonwebtoken) 12, for one
    /// algorithm. Feature `jsonwebtoken`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidKey`] when it is no private key of the algorithm's type and curve, or one whose
    /// numbers do not agree; [`ConfigError::WeakKey`] when it is too weak.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Algorithm, SigningKey};
    /// use jsonwebtoken::EncodingKey;
    ///
    /// # fn secret() -> Vec<u8> { [7, 1].repeat(16) }
    /// let old = EncodingKey::from_secret(&secret())?;
    /// let key = SigningKey::from_encoding_key(Algorithm::HS256, &old)?.with_id("2026");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_encoding_key(algorithm: Algorithm, key: &EncodingKey) -> Result<Self, ConfigError> {
        check_family(algorithm, key.family())?;
        let bytes = key.as_bytes();
        let private = match algorithm.key_type() {
            KeyType::Hmac => return Self::from_secret(algorithm, bytes),
            KeyType::Rsa => {
                der::rsa_private_key(bytes).or_else(|_| der::private_key_info(bytes, algorithm))?
            }
            KeyType::Ec(_) | KeyType::Ed25519 => der::private_key_info(bytes, algorithm)?,
        };
        Self::new(algorithm, &private.private, private.public, None)
    }
}

/// Checks the type of a key: without a curve, which its bytes do not name.
fn check_family(algorithm: Algorithm, family: AlgorithmFamily) -> Result<(), ConfigError> {
    let own = match algorithm.key_type() {
        KeyType::Hmac => AlgorithmFamily::Hmac,
        KeyType::Rsa => AlgorithmFamily::Rsa,
        KeyType::Ec(_) => AlgorithmFamily::Ec,
        KeyType::Ed25519 => AlgorithmFamily::Ed,
    };
    if own == family {
        return Ok(());
    }
    Err(ConfigError::InvalidKey(format!(
        "{algorithm} needs {}, this is one of the family {family:?}",
        algorithm.key_type().described()
    )))
}

/// Removes leading zero octets.
fn number(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes[zeros..].to_vec()
}
