//! A key that signs.

use std::{fmt, sync::Arc};

use zeroize::{Zeroize, Zeroizing};

use super::{key::Key, secret, strength};
use crate::{
    error::ConfigError,
    jose::{
        Algorithm, base64url, crypto,
        format::{Jwk, Members, PrivateKey, pem},
        material::{Material, PrivateMaterial},
    },
};

/// A private key or shared secret that signs with exactly one algorithm.
///
/// It is read, checked and prepared when it is made, like a [`Key`]: it must be as strong, and the
/// private half must belong to the public one. Cloning it is cheap.
///
/// A PEM is a `PRIVATE KEY` (PKCS#8), an `RSA PRIVATE KEY` or an `EC PRIVATE KEY`, not encrypted.
/// A certificate beside the key is passed over.
///
/// Without a name of its own a key gets an id that depends on the key only: the RFC 7638
/// thumbprint, or for a secret the first 16 characters of a keyed hash under that secret.
///
/// # Examples
///
/// ```
/// use countersign::SigningKey;
///
/// let key = SigningKey::generate_es256()?;
/// assert_eq!(key.id(), key.verifying_key().thumbprint().unwrap());
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    private: PrivateHalf,
    verifying: Key,
    signature_length: usize,
}

/// The half that signs.
#[derive(Clone)]
pub(super) enum PrivateHalf {
    Here(Arc<crypto::PreparedPrivate>),
    #[cfg(feature = "signer")]
    Elsewhere(Arc<dyn super::RemoteSigner>),
}

impl SigningKey {
    /// An HS256 key of at least 32 bytes.
    ///
    /// # Errors
    ///
    /// As for [`SigningKey::from_secret`].
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        Self::from_secret(Algorithm::HS256, secret)
    }

    /// An RS256 key from a PEM.
    ///
    /// # Errors
    ///
    /// As for [`SigningKey::from_pem`].
    pub fn rs256_pem(pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        Self::from_pem(Algorithm::RS256, pem)
    }

    /// An ES256 key from a PEM.
    ///
    /// # Errors
    ///
    /// As for [`SigningKey::from_pem`].
    pub fn es256_pem(pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        Self::from_pem(Algorithm::ES256, pem)
    }

    /// An Ed25519 key from a PEM; it writes `EdDSA` as the algorithm.
    ///
    /// # Errors
    ///
    /// As for [`SigningKey::from_pem`].
    pub fn ed25519_pem(pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        Self::from_pem(Algorithm::EdDSA, pem)
    }

    /// A key for HS256, HS384 or HS512 from a secret of at least 32, 48 or 64 bytes.
    ///
    /// # Errors
    ///
    /// [`ConfigError::WeakKey`] when the secret is shorter, or one byte repeated;
    /// [`ConfigError::InvalidKey`] when it is a PEM or a JWK, or when another algorithm is named.
    pub fn from_secret(
        algorithm: Algorithm,
        secret: impl AsRef<[u8]>,
    ) -> Result<Self, ConfigError> {
        let secret = secret::read(secret.as_ref())?;
        Self::new(algorithm, &PrivateMaterial::Hmac(secret), None, None)
    }

    /// A key for any algorithm but those with a secret from a PEM.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidKey`] when the PEM contains no private key of the algorithm's type and
    /// curve, or one whose numbers do not agree; [`ConfigError::WeakKey`] when the key is too weak.
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let PrivateKey { private, public } = pem::private(pem.as_ref(), algorithm)?;
        Self::new(algorithm, &private, public, None)
    }

    /// A key from a private JWK (RFC 7517), which names or implies its algorithm.
    ///
    /// The curve of an `EC` or `OKP` key implies it; an `RSA` or `oct` key needs the member `alg`.
    /// Its `kid`, if any, becomes the key's id. An RSA key needs all of `d p q dp dq qi`.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidKey`] when the JWK is malformed, public, inconsistent, or not for
    /// signing; [`ConfigError::WeakKey`] when the key is too weak.
    pub fn from_jwk(jwk: &str) -> Result<Self, ConfigError> {
        Self::read_jwk(jwk, None)
    }

    /// A key from a private JWK for `algorithm`; the JWK's own `alg`, if any, must be the same.
    ///
    /// # Errors
    ///
    /// As for [`SigningKey::from_jwk`].
    pub fn from_jwk_with(jwk: &str, algorithm: Algorithm) -> Result<Self, ConfigError> {
        Self::read_jwk(jwk, Some(algorithm))
    }

    /// Sets the id `kid`, which the key writes into the header of every token.
    #[must_use]
    pub fn with_id(mut self, kid: impl Into<String>) -> Self {
        self.verifying = self.verifying.with_id(kid);
        self
    }

    /// The id that it writes into the header of every token.
    #[must_use]
    pub fn id(&self) -> &str {
        // Every way to make a signing key gives its verifying half an id.
        self.verifying.id().unwrap_or_default()
    }

    /// The one algorithm that the key signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm()
    }

    /// The key that verifies what this one signs, with the same id.
    #[must_use]
    pub fn verifying_key(&self) -> Key {
        self.verifying.clone()
    }

    /// The private key as a PKCS#8 PEM, to be kept secret; `None` for a shared secret, and for a key that signs elsewhere.
    #[must_use]
    pub fn to_pkcs8_pem(&self) -> Option<String> {
        let der = self.to_pkcs8()?;
        let block = ::pem::Pem::new("PRIVATE KEY", der.as_slice());
        let config = ::pem::EncodeConfig::new().set_line_ending(::pem::LineEnding::LF);
        let text = ::pem::encode_config(&block, config);
        block.into_contents().zeroize();
        Some(text)
    }

    pub(super) fn to_pkcs8(&self) -> Option<Zeroizing<Vec<u8>>> {
        match &self.private {
            PrivateHalf::Here(key) => key.to_pkcs8(),
            #[cfg(feature = "signer")]
            PrivateHalf::Elsewhere(_) => None,
        }
    }

    /// Returns the length of its signatures in bytes.
    pub(crate) fn signature_length(&self) -> usize {
        self.signature_length
    }

    /// Appends the signature of `message` to `out`. A key that signs elsewhere fails: it has to be
    /// awaited.
    pub(crate) fn sign(
        &self,
        message: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), crypto::SigningFailed> {
        match &self.private {
            PrivateHalf::Here(key) => key.sign(message, out),
            #[cfg(feature = "signer")]
            PrivateHalf::Elsewhere(_) => Err(crypto::SigningFailed),
        }
    }

    /// Checks and prepares a private key, which must be the other half of `claimed`.
    pub(super) fn new(
        algorithm: Algorithm,
        private: &PrivateMaterial,
        claimed: Option<Material>,
        id: Option<String>,
    ) -> Result<Self, ConfigError> {
        strength::check_type(algorithm, private.key_type())?;
        strength::check_private(private)?;
        let inconsistent =
            || ConfigError::InvalidKey("the private key does not belong to the public one".into());
        let public = public(private)?;
        if claimed.is_some_and(|claimed| claimed != public) {
            return Err(inconsistent());
        }
        let id = id.unwrap_or_else(|| default_id(private, &public));
        let verifying = Key::new(algorithm, public.clone(), Some(id))?;
        let signer =
            crypto::PreparedPrivate::new(algorithm, private, &public).ok_or_else(inconsistent)?;

        // The last word on whether the halves belong together.
        let mut signature = Vec::new();
        let signed = signer.sign(TRIAL, &mut signature);
        if signed.is_err() || !verifying.verify(TRIAL, &signature) {
            return Err(inconsistent());
        }
        let private = PrivateHalf::Here(Arc::new(signer));
        Ok(Self::of(private, verifying, signature.len()))
    }

    /// Joins two halves that belong together.
    pub(super) fn of(private: PrivateHalf, verifying: Key, signature_length: usize) -> Self {
        Self {
            private,
            verifying,
            signature_length,
        }
    }

    #[cfg(feature = "signer")]
    pub(super) fn private_half(&self) -> &PrivateHalf {
        &self.private
    }

    fn read_jwk(jwk: &str, algorithm: Option<Algorithm>) -> Result<Self, ConfigError> {
        let jwk = Jwk::to_sign(&Members::parse(jwk)?)?;
        let algorithm = jwk.algorithm(algorithm)?;
        // A JWK that was read for signing has a private half.
        let private = jwk
            .private
            .ok_or_else(|| ConfigError::InvalidKey("the JWK holds no private key".into()))?;
        Self::new(algorithm, &private, Some(jwk.material), jwk.id)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm())
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

/// Computes the public half, and does not take it from where the private half came from.
fn public(private: &PrivateMaterial) -> Result<Material, ConfigError> {
    let public = match private {
        PrivateMaterial::Ec { curve, d } => crypto::ec_public(*curve, d),
        PrivateMaterial::Ed25519(seed) => crypto::ed25519_public(seed),
        PrivateMaterial::Hmac(secret) => Some(Material::Hmac(secret.clone())),
        PrivateMaterial::Rsa(numbers) => Some(Material::Rsa {
            n: numbers.n.clone(),
            e: numbers.e.clone(),
        }),
    };
    public.ok_or_else(|| ConfigError::InvalidKey("the private key is out of range".into()))
}

/// Derives an id from the key, so that a restart or a second node comes to the same.
fn default_id(private: &PrivateMaterial, public: &Material) -> String {
    match (private, super::thumbprint::thumbprint(public)) {
        (PrivateMaterial::Hmac(secret), _) => {
            // A keyed hash under the secret tells nothing about it.
            let tag = crypto::hmac_sha256(secret, b"countersign key id");
            base64url::encode(&tag[..12])
        }
        (_, thumbprint) => thumbprint.unwrap_or_default(),
    }
}

const TRIAL: &[u8] = b"countersign key pair check";
