//! A key that verifies.

use std::{fmt, sync::Arc};

use super::{secret, strength, thumbprint};
use crate::{
    error::ConfigError,
    jose::{
        Algorithm, crypto,
        format::{Jwk, KeyUse, Members, pem},
        material::{KeyType, Material},
    },
};

/// A public key or shared secret that verifies exactly one algorithm.
///
/// It was read, checked for strength and prepared when it was made: a `Key` that exists is good,
/// and no request parses one. Cloning it is cheap.
///
/// | algorithm | what it takes |
/// |---|---|
/// | HS256, HS384, HS512 | at least 32, 48, 64 bytes of secret; [fewer](Key::weak_hs256_secret) only by that name |
/// | RS256 .. PS512 | an RSA key of 2048 to 8192 bits |
/// | ES256, ES384, ES512 | a point on P-256, P-384, P-521 |
/// | EdDSA, Ed25519 | an Ed25519 point of full order |
///
/// A PEM is a `PUBLIC KEY`, an `RSA PUBLIC KEY`, or a `CERTIFICATE` whose key is taken and whose
/// dates and issuer are not looked at. A private key is refused: a verifier has no use for it.
///
/// # Examples
///
/// ```
/// use countersign::{Algorithm, Key};
///
/// let key = Key::from_jwk(
///     r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
/// )?
/// .with_id("2026-01");
/// assert_eq!(key.algorithm(), Algorithm::EdDSA);
/// assert_eq!(key.id(), Some("2026-01"));
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Key {
    prepared: Arc<Prepared>,
    id: Option<Arc<str>>,
}

struct Prepared {
    algorithm: Algorithm,
    /// An error if the secret is a placeholder.
    placeholder: Result<(), ConfigError>,
    is_weak: bool,
    /// A secret with the end of a line, which may not be meant to be a part of it.
    ends_in_line_feed: bool,
    verifier: crypto::PreparedPublic,
    /// `None` for a secret: once prepared it is not kept.
    public: Option<Material>,
    thumbprint: Option<String>,
}

impl Key {
    /// An HS256 key of at least 32 bytes.
    ///
    /// # Errors
    ///
    /// As for [`Key::from_secret`].
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        Self::from_secret(Algorithm::HS256, secret)
    }

    /// An RS256 key from a PEM.
    ///
    /// # Errors
    ///
    /// As for [`Key::from_pem`].
    pub fn rs256_pem(pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        Self::from_pem(Algorithm::RS256, pem)
    }

    /// An ES256 key from a PEM.
    ///
    /// # Errors
    ///
    /// As for [`Key::from_pem`].
    pub fn es256_pem(pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        Self::from_pem(Algorithm::ES256, pem)
    }

    /// An Ed25519 key from a PEM; its algorithm is `EdDSA`, and `Ed25519` means the same.
    ///
    /// # Errors
    ///
    /// As for [`Key::from_pem`].
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
        Self::new(algorithm, Material::Hmac(secret), None)
    }

    /// An HS256 key from a secret of fewer than 32 bytes, for tokens that another app signed.
    ///
    /// **Whoever has one token can guess such a secret**, offline and at billions of tries a second, and then sign
    /// tokens for anybody (RFC 7518 section 3.2, RFC 8725 section 3.5). It is meant for the weeks of a change: sign
    /// new tokens with a good key, and take this one away when the last old token has expired.
    ///
    /// It verifies HS256 and nothing else; no [`SigningKey`](crate::SigningKey) can be made of it. A warning in the
    /// log says that it is there. A secret of 32 bytes or more makes the key of [`Key::hs256`], without a warning.
    ///
    /// # Errors
    ///
    /// [`ConfigError::WeakKey`] when the secret is empty, or one byte repeated; [`ConfigError::InvalidKey`] when it is
    /// a PEM or a JWK: what is published is no secret, however it is named.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Key, SigningKey};
    ///
    /// assert!(Key::hs256("secret").is_err());
    /// let old = Key::weak_hs256_secret("secret")?;
    /// assert!(old.is_weak());
    /// let keys = [SigningKey::generate_hs256()?.verifying_key(), old]; // of one verifier
    /// # drop(keys);
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn weak_hs256_secret(secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let material = Material::Hmac(secret::read(secret.as_ref())?);
        let Err(ConfigError::WeakKey(_)) = strength::check(Algorithm::HS256, &material) else {
            return Self::new(Algorithm::HS256, material, None);
        };
        strength::reject_placeholder(&material)?;
        tracing::warn!(
            target: "countersign",
            "tokens are verified with a weak HS256 secret, of fewer than 32 bytes: whoever has one can guess it",
        );
        Self::prepare(Algorithm::HS256, material, None, true)
    }

    /// A key for any algorithm but those with a secret from a PEM.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidKey`] when the PEM contains no public key of the algorithm's type and
    /// curve, [`ConfigError::WeakKey`] when the key is too weak.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{Algorithm, Key};
    ///
    /// let pem = "-----BEGIN PUBLIC KEY-----
    /// MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
    /// -----END PUBLIC KEY-----";
    /// assert!(Key::from_pem(Algorithm::Ed25519, pem).is_ok());
    /// assert!(Key::from_pem(Algorithm::PS384, pem).is_err());
    /// ```
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        Self::new(algorithm, pem::public(pem.as_ref(), algorithm)?, None)
    }

    /// A key from a JWK (RFC 7517), which names or implies its algorithm.
    ///
    /// The curve of an `EC` or `OKP` key implies it; an `RSA` or `oct` key needs the member `alg`.
    /// Its `kid`, if any, becomes the key's id.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidKey`] when the JWK is malformed, private, or not for verifying;
    /// [`ConfigError::WeakKey`] when the key is too weak.
    pub fn from_jwk(jwk: &str) -> Result<Self, ConfigError> {
        Self::read_jwk(jwk, None)
    }

    /// A key from a JWK (RFC 7517) for `algorithm`; the JWK's own `alg`, if any, must be the same.
    ///
    /// # Errors
    ///
    /// As for [`Key::from_jwk`].
    pub fn from_jwk_with(jwk: &str, algorithm: Algorithm) -> Result<Self, ConfigError> {
        Self::read_jwk(jwk, Some(algorithm))
    }

    fn read_jwk(jwk: &str, algorithm: Option<Algorithm>) -> Result<Self, ConfigError> {
        let jwk = Jwk::to_verify(&Members::parse(jwk)?, KeyUse::Signatures)?;
        Self::new(jwk.algorithm(algorithm)?, jwk.material, jwk.id)
    }

    /// Sets the id `kid`, which a token's header names to choose the key.
    #[must_use]
    pub fn with_id(mut self, kid: impl Into<String>) -> Self {
        self.id = Some(kid.into().into());
        self
    }

    /// The id that a token's `kid` names.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The one algorithm that the key verifies.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.prepared.algorithm
    }

    /// Returns whether it is a [secret that can be guessed](Key::weak_hs256_secret).
    #[must_use]
    pub fn is_weak(&self) -> bool {
        self.prepared.is_weak
    }

    /// The SHA-256 thumbprint of RFC 7638 in base64url; `None` for a secret.
    #[must_use]
    pub fn thumbprint(&self) -> Option<&str> {
        self.prepared.thumbprint.as_deref()
    }

    /// The public JWK with `alg`, `use` and `kid`, as a JWKS publishes it; `None` for a secret.
    #[must_use]
    pub fn to_jwk(&self) -> Option<String> {
        let public = self.prepared.public.as_ref()?;
        thumbprint::public_jwk(public, self.algorithm(), self.id())
    }

    /// Returns whether it is a secret with a line feed at its end.
    pub(crate) fn ends_in_line_feed(&self) -> bool {
        self.prepared.ends_in_line_feed
    }

    /// Returns whether `signature` was made for `message` with the other half of this key.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.prepared.verifier.verify(message, signature)
    }

    /// Refuses a key that is good enough for signatures alone: a placeholder.
    pub(crate) fn reject_placeholder(&self) -> Result<(), ConfigError> {
        self.prepared.placeholder.clone()
    }

    /// Checks and prepares `material`.
    pub(crate) fn new(
        algorithm: Algorithm,
        material: Material,
        id: Option<String>,
    ) -> Result<Self, ConfigError> {
        let key = Self::for_signatures(algorithm, material, id)?;
        key.reject_placeholder()?;
        Ok(key)
    }

    /// Like [`Key::new`], but leaves [`Key::reject_placeholder`] to the one who verifies claims with it.
    pub(crate) fn for_signatures(
        algorithm: Algorithm,
        material: Material,
        id: Option<String>,
    ) -> Result<Self, ConfigError> {
        strength::check(algorithm, &material)?;
        Self::prepare(algorithm, material, id, false)
    }

    fn prepare(
        algorithm: Algorithm,
        material: Material,
        id: Option<String>,
        is_weak: bool,
    ) -> Result<Self, ConfigError> {
        let placeholder = strength::reject_placeholder(&material);
        let verifier = crypto::PreparedPublic::new(algorithm, &material)
            .ok_or_else(|| not_prepared(material.key_type()))?;
        let thumbprint = thumbprint::thumbprint(&material);
        let ends_in_line_feed =
            matches!(&material, Material::Hmac(secret) if secret::ends_in_line_feed(secret));
        let public = (material.key_type() != KeyType::Hmac).then_some(material);
        Ok(Self {
            prepared: Arc::new(Prepared {
                algorithm,
                placeholder,
                is_weak,
                ends_in_line_feed,
                verifier,
                public,
                thumbprint,
            }),
            id: id.map(Into::into),
        })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("algorithm", &self.algorithm())
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// After the checks of [`strength`], a point off its curve is what is left to be refused.
fn not_prepared(key_type: KeyType) -> ConfigError {
    ConfigError::InvalidKey(match key_type {
        KeyType::Ec(curve) => format!("the point is not on the curve {}", curve.name()),
        KeyType::Ed25519 | KeyType::Hmac | KeyType::Rsa => {
            format!("the backend refuses {}", key_type.described())
        }
    })
}
