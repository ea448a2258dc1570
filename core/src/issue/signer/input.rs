//! The message to be signed, and the forms in which services take it and answer.

use std::fmt;

use super::error::SignerError;
use crate::jose::{Algorithm, Curve, Key, KeyType, crypto, ecdsa_signature};

/// A message that a [`Signer`](super::Signer) signs: header and payload of a token, which are no secret.
///
/// # Examples
///
/// ```
/// # use countersign::issue::{SignerError, SigningInput};
/// # async fn post(_: &str, _: &[u8]) -> Result<Vec<u8>, std::io::Error> { Ok(Vec::new()) }
/// async fn sign(input: SigningInput<'_>) -> Result<Vec<u8>, SignerError> {
///     let der = post("/sign", &input.digest()?).await?;
///     input.signature_from_der(&der)
/// }
/// # drop(sign);
/// ```
#[derive(Clone, Copy)]
pub struct SigningInput<'a> {
    algorithm: Algorithm,
    message: &'a [u8],
}

impl<'a> SigningInput<'a> {
    /// A message for a test of a signer.
    #[must_use]
    pub fn new(algorithm: Algorithm, message: &'a [u8]) -> Self {
        Self { algorithm, message }
    }

    /// Returns the algorithm of the key.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the message: up to 8 KiB of ASCII.
    #[must_use]
    pub fn message(&self) -> &'a [u8] {
        self.message
    }

    /// Returns whether this is a signature of the message by this key, in the form of a JWS; `false` for a key of another algorithm.
    ///
    /// [`SigningKey::external`](crate::SigningKey::external) verifies each signature anyway. It is for signers that can do something about a
    /// wrong one, such as to look for the key again.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Algorithm, SigningKey, issue::SigningInput};
    ///
    /// let key = SigningKey::generate_es256()?.verifying_key();
    /// let input = SigningInput::new(Algorithm::ES256, b"a message");
    /// assert!(!input.is_signed_by(&key, &[0; 64]));
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    #[must_use]
    pub fn is_signed_by(&self, key: &Key, signature: &[u8]) -> bool {
        key.algorithm() == self.algorithm && key.verify(self.message, signature)
    }

    /// Hashes the message with the hash of the algorithm (RFC 7518 section 3.1), for services that sign a digest: 32, 48 or 64
    /// bytes.
    ///
    /// # Errors
    ///
    /// [`SignerError::refused`] for EdDSA, which signs the message itself (RFC 8032 section 5.1.6).
    pub fn digest(&self) -> Result<Vec<u8>, SignerError> {
        match (self.algorithm.key_type(), self.algorithm.hash_len()) {
            (KeyType::Ed25519, _) => Err(SignerError::refused(
                "EdDSA signs the message, not a digest of it",
            )),
            (_, 32) => Ok(crypto::sha256(self.message).to_vec()),
            (_, 48) => Ok(crypto::sha384(self.message)),
            _ => Ok(crypto::sha512(self.message)),
        }
    }

    /// Reads an ECDSA signature in DER (RFC 3279 section 2.2.3), as most services give it, and returns it in the form of a
    /// JWS: the two numbers side by side, 64, 96 or 132 bytes.
    ///
    /// # Errors
    ///
    /// An outage unless it is DER to the letter for this algorithm: two positive numbers, each in its shortest form, and
    /// nothing after them. [`SignerError::refused`] for algorithms without ECDSA.
    pub fn signature_from_der(&self, der: &[u8]) -> Result<Vec<u8>, SignerError> {
        let curve = self.curve().ok_or_else(|| {
            SignerError::refused(format!("signatures of {} are never in DER", self.algorithm))
        })?;
        ecdsa_signature(der, curve)
            .ok_or_else(|| SignerError::unavailable("the answer is no ECDSA signature in DER"))
    }

    /// Returns the curve of ECDSA.
    pub(super) fn curve(&self) -> Option<Curve> {
        match self.algorithm.key_type() {
            KeyType::Ec(curve) => Some(curve),
            _ => None,
        }
    }
}

/// The length of the message: there are claims in it.
impl fmt::Debug for SigningInput<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningInput")
            .field("algorithm", &self.algorithm)
            .field("bytes", &self.message.len())
            .finish()
    }
}
