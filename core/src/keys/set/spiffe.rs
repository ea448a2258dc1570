//! The bundle of a SPIFFE trust domain, as a set of keys.

use super::KeySet;
use crate::{
    error::ConfigError,
    jose::{Algorithm, KeyDocument},
};

impl KeySet {
    /// Reads the bundle of a SPIFFE trust domain, for
    /// [`spiffe_trust_domain`](crate::VerifierBuilder::spiffe_trust_domain): of its keys, those whose `use` is
    /// `jwt-svid` (SPIFFE, JWT-SVID section 6).
    ///
    /// Keys for certificates (`x509-svid`) are not for tokens, and not mentioned. Others that cannot be used are listed in
    /// [`skipped`](Self::skipped): those of another `use` or of none, without `kid`, or secret. A bundle says no algorithm, so that
    /// RSA keys verify RS256. For another one there is [`from_spiffe_bundle_for`](Self::from_spiffe_bundle_for).
    ///
    /// # Errors
    ///
    /// When the text is no JWK set, or has no usable key for JWT-SVIDs.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::KeySet;
    ///
    /// let key = |purpose: &str| format!(
    ///     r#"{{"use":"{purpose}","kid":"{purpose}","kty":"EC","crv":"P-256",
    ///         "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}}"#
    /// );
    /// let bundle = format!(r#"{{"spiffe_sequence":1,"keys":[{},{}]}}"#, key("x509-svid"), key("jwt-svid"));
    /// let set = KeySet::from_spiffe_bundle(&bundle)?;
    /// assert_eq!(set.keys()[0].id(), Some("jwt-svid"));
    /// assert!(KeySet::from_json(&bundle).is_err());
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn from_spiffe_bundle(json: &str) -> Result<Self, ConfigError> {
        Self::from_spiffe_bundle_for(json, Self::DEFAULT_ALGORITHMS)
    }

    /// Reads the bundle of a SPIFFE trust domain, with the algorithms that a key without `alg` is used for.
    ///
    /// # Errors
    ///
    /// As [`from_spiffe_bundle`](Self::from_spiffe_bundle).
    pub fn from_spiffe_bundle_for(
        json: &str,
        algorithms: &[Algorithm],
    ) -> Result<Self, ConfigError> {
        Self::parse(json, algorithms, KeyDocument::SpiffeBundle)
    }
}
