//! The generation of new keys.

use zeroize::Zeroizing;

use super::{signing_key::SigningKey, strength};
use crate::{
    error::ConfigError,
    jose::{
        Algorithm, crypto,
        format::der,
        material::{KeyType, PrivateMaterial},
    },
};

impl SigningKey {
    /// A new key; an RSA one has 2048 bits, a secret is as long as the hash.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidKey`] when the system gives no random bytes.
    pub fn generate(algorithm: Algorithm) -> Result<Self, ConfigError> {
        let private = match algorithm.key_type() {
            KeyType::Ec(curve) => PrivateMaterial::Ec {
                curve,
                d: crypto::generate_ec(curve).ok_or_else(not_generated)?,
            },
            KeyType::Ed25519 => {
                let mut seed = Zeroizing::new([0; 32]);
                crypto::random(&mut seed[..]).map_err(|_| not_generated())?;
                PrivateMaterial::Ed25519(seed)
            }
            KeyType::Hmac => {
                let mut secret = Zeroizing::new(vec![0; algorithm.hash_len()]);
                crypto::random(&mut secret).map_err(|_| not_generated())?;
                PrivateMaterial::Hmac(secret)
            }
            KeyType::Rsa => return Self::generate_rsa(algorithm, 2048),
        };
        Self::new(algorithm, &private, None, None)
    }

    /// A new RSA key of 2048, 3072 or 4096 bits for one of RS256 .. RS512, PS256 .. PS512.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] for another size, [`ConfigError::InvalidKey`] for another
    /// algorithm or when the system gives no random bytes.
    pub fn generate_rsa(algorithm: Algorithm, bits: usize) -> Result<Self, ConfigError> {
        strength::check_type(algorithm, KeyType::Rsa)?;
        if ![2048, 3072, 4096].contains(&bits) {
            return Err(ConfigError::InvalidSetting(format!(
                "a new RSA key has 2048, 3072 or 4096 bits, not {bits}"
            )));
        }
        let der = crypto::generate_rsa(bits).ok_or_else(not_generated)?;
        let key = der::private_key_info(&der, algorithm)?;
        Self::new(algorithm, &key.private, None, None)
    }

    /// A new HS256 key of 32 bytes.
    ///
    /// # Errors
    ///
    /// As for [`SigningKey::generate`].
    pub fn generate_hs256() -> Result<Self, ConfigError> {
        Self::generate(Algorithm::HS256)
    }

    /// A new RS256 key of 2048 bits.
    ///
    /// # Errors
    ///
    /// As for [`SigningKey::generate`].
    pub fn generate_rs256() -> Result<Self, ConfigError> {
        Self::generate(Algorithm::RS256)
    }

    /// A new ES256 key.
    ///
    /// # Errors
    ///
    /// As for [`SigningKey::generate`].
    pub fn generate_es256() -> Result<Self, ConfigError> {
        Self::generate(Algorithm::ES256)
    }

    /// A new Ed25519 key; it writes `EdDSA` as the algorithm.
    ///
    /// # Errors
    ///
    /// As for [`SigningKey::generate`].
    pub fn generate_ed25519() -> Result<Self, ConfigError> {
        Self::generate(Algorithm::EdDSA)
    }
}

fn not_generated() -> ConfigError {
    ConfigError::InvalidKey("no key was generated: the system gave no random bytes".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<SigningKey> {
        let mut keys = Vec::new();
        let mut rsa = None;
        for algorithm in Algorithm::ALL {
            if algorithm.key_type() == KeyType::Rsa {
                // Making an RSA key is slow: one will do for all of them.
                let der = rsa.get_or_insert_with(|| crypto::generate_rsa(2048).unwrap());
                let key = der::private_key_info(der, *algorithm).unwrap();
                keys.push(SigningKey::new(*algorithm, &key.private, None, None).unwrap());
            } else {
                keys.push(SigningKey::generate(*algorithm).unwrap());
            }
        }
        keys
    }

    fn signed(key: &SigningKey, message: &[u8]) -> Vec<u8> {
        let mut signature = Vec::new();
        key.sign(message, &mut signature).unwrap();
        signature
    }

    #[test]
    fn a_signature_verifies_for_its_message_and_key_only() {
        let keys = keys();
        for key in &keys {
            let signature = signed(key, b"message");
            assert!(key.verifying_key().verify(b"message", &signature));
            assert!(!key.verifying_key().verify(b"massage", &signature));
            for other in keys
                .iter()
                .filter(|other| !other.algorithm().matches(key.algorithm()))
            {
                assert!(!other.verifying_key().verify(b"message", &signature));
            }
        }
    }

    #[test]
    fn a_changed_signature_does_not_verify() {
        for key in keys() {
            let verifying = key.verifying_key();
            let signature = signed(&key, b"message");
            assert!(!verifying.verify(b"message", &[]));
            assert!(!verifying.verify(b"message", &signature[1..]));
            assert!(!verifying.verify(b"message", &signature[..signature.len() - 1]));
            assert!(!verifying.verify(b"message", &[&signature[..], &[0]].concat()));
            assert!(!verifying.verify(b"message", &[&[0], &signature[..]].concat()));
            assert!(!verifying.verify(b"message", &vec![0; signature.len()]));
            for at in [0, signature.len() / 2, signature.len() - 1] {
                let mut changed = signature.clone();
                changed[at] ^= 1;
                assert!(
                    !verifying.verify(b"message", &changed),
                    "{}",
                    key.algorithm()
                );
            }
        }
    }

    #[test]
    fn a_signature_has_the_length_of_its_algorithm() {
        for key in keys() {
            let expected = match key.algorithm() {
                Algorithm::Ed25519 | Algorithm::EdDSA | Algorithm::ES256 | Algorithm::HS512 => 64,
                Algorithm::ES384 => 96,
                Algorithm::ES512 => 132,
                Algorithm::HS256 => 32,
                Algorithm::HS384 => 48,
                _ => 256,
            };
            assert_eq!(signed(&key, b"").len(), expected, "{}", key.algorithm());
        }
    }

    #[test]
    fn a_signature_is_appended() {
        for key in keys() {
            let mut out = b"header.payload.".to_vec();
            key.sign(b"header.payload", &mut out).unwrap();
            assert_eq!(&out[..15], b"header.payload.");
            assert!(key.verifying_key().verify(b"header.payload", &out[15..]));
        }
    }
}
