//! The errors of a configuration, at start-up.

/// Why a key, verifier, issuer or authenticator could not be built.
///
/// It happens at start-up, in `build()` or a key constructor, never on a request. Its text is for
/// the developer or operator, without key material.
///
/// # Examples
///
/// ```
/// use countersign::{ConfigError, Key};
///
/// let refused = Key::hs256("secret").unwrap_err();
/// assert!(matches!(refused, ConfigError::WeakKey(_)));
/// let text = refused.to_string();
/// assert!(text.starts_with("weak key: an HS256 secret needs at least 32 bytes, this one has 6: "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Two settings exclude each other.
    #[error("conflicting settings: {0}")]
    Conflict(String),
    /// A key, PEM or JWK could not be read, or is not for this use.
    #[error("invalid key: {0}")]
    InvalidKey(String),
    /// A setting lies outside its bounds.
    #[error("invalid setting: {0}")]
    InvalidSetting(String),
    /// A required setting was not made.
    #[error("missing setting: {0}")]
    Missing(String),
    /// A key is too weak for its algorithm.
    #[error("weak key: {0}")]
    WeakKey(String),
}
