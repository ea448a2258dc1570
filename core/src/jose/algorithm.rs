//! The signature algorithms (RFC 7518 section 3, RFC 8037, RFC 9864).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    error::ConfigError,
    jose::material::{Curve, KeyType, quoted},
};

/// A signature algorithm, by its registered name.
///
/// `none` is not among them. Names are exact: `rs256` is not an algorithm.
///
/// # Examples
///
/// ```
/// use countersign::Algorithm;
///
/// let algorithm: Algorithm = "ES256".parse()?;
/// assert_eq!(algorithm, Algorithm::ES256);
/// assert!("none".parse::<Algorithm>().is_err());
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// EdDSA on Ed25519 under the name that RFC 9864 gives it.
    Ed25519,
    /// EdDSA on Ed25519 under its older and wider known name (RFC 8037).
    EdDSA,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// HMAC with SHA-256.
    HS256,
    /// HMAC with SHA-384.
    HS384,
    /// HMAC with SHA-512.
    HS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: &[Self] = &[
        Self::Ed25519,
        Self::EdDSA,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::HS256,
        Self::HS384,
        Self::HS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
    ];

    /// Those that a JWT-SVID can have (SPIFFE, JWT-SVID section 2.1).
    pub(crate) const OF_JWT_SVIDS: &[Self] = &[
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::RS256,
        Self::RS384,
        Self::RS512,
    ];

    /// The registered name, the value of `alg`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "Ed25519",
            Self::EdDSA => "EdDSA",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
        }
    }

    /// Returns whether one secret both signs and verifies (HMAC).
    #[must_use]
    pub fn is_symmetric(self) -> bool {
        self.key_type() == KeyType::Hmac
    }

    /// Finds the algorithm of this exact name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "Ed25519" => Self::Ed25519,
            "EdDSA" => Self::EdDSA,
            "ES256" => Self::ES256,
            "ES384" => Self::ES384,
            "ES512" => Self::ES512,
            "HS256" => Self::HS256,
            "HS384" => Self::HS384,
            "HS512" => Self::HS512,
            "PS256" => Self::PS256,
            "PS384" => Self::PS384,
            "PS512" => Self::PS512,
            "RS256" => Self::RS256,
            "RS384" => Self::RS384,
            "RS512" => Self::RS512,
            _ => return None,
        })
    }

    /// Returns whether both names mean the same signatures: `EdDSA` is `Ed25519` here (RFC 9864).
    pub(crate) fn matches(self, other: Self) -> bool {
        let is_ed25519 = |algorithm| matches!(algorithm, Self::Ed25519 | Self::EdDSA);
        self == other || (is_ed25519(self) && is_ed25519(other))
    }

    /// Returns the only type of key that this algorithm works with.
    pub(crate) fn key_type(self) -> KeyType {
        match self {
            Self::Ed25519 | Self::EdDSA => KeyType::Ed25519,
            Self::ES256 => KeyType::Ec(Curve::P256),
            Self::ES384 => KeyType::Ec(Curve::P384),
            Self::ES512 => KeyType::Ec(Curve::P521),
            Self::HS256 | Self::HS384 | Self::HS512 => KeyType::Hmac,
            Self::PS256 | Self::PS384 | Self::PS512 | Self::RS256 | Self::RS384 | Self::RS512 => {
                KeyType::Rsa
            }
        }
    }

    /// Returns the length of its hash in bytes.
    pub(crate) fn hash_len(self) -> usize {
        match self {
            Self::ES256 | Self::HS256 | Self::PS256 | Self::RS256 => 32,
            Self::ES384 | Self::HS384 | Self::PS384 | Self::RS384 => 48,
            Self::Ed25519 | Self::EdDSA | Self::ES512 | Self::HS512 | Self::PS512 | Self::RS512 => {
                64
            }
        }
    }

    /// Returns whether it signs with RSASSA-PSS.
    pub(crate) fn is_pss(self) -> bool {
        matches!(self, Self::PS256 | Self::PS384 | Self::PS512)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::from_name(name).ok_or_else(|| {
            ConfigError::InvalidKey(format!("{} is no signature algorithm here", quoted(name)))
        })
    }
}

impl Serialize for Algorithm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        name.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_as_its_algorithm() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.name().parse(), Ok(*algorithm));
        }
    }

    #[test]
    fn names_are_exact() {
        for name in [
            "", "none", "NONE", "rs256", "RS256 ", "ES256K", "Ed448", "eddsa", "HS1",
        ] {
            assert!(name.parse::<Algorithm>().is_err(), "{name}");
        }
    }

    #[test]
    fn the_two_names_of_ed25519_match_and_nothing_else_does() {
        for one in Algorithm::ALL {
            for other in Algorithm::ALL {
                let both = |a, b| (*one, *other) == (a, b) || (*one, *other) == (b, a);
                let expected = one == other || both(Algorithm::Ed25519, Algorithm::EdDSA);
                assert_eq!(one.matches(*other), expected, "{one} {other}");
            }
        }
    }

    #[test]
    fn only_hmac_is_symmetric() {
        let symmetric: Vec<_> = Algorithm::ALL
            .iter()
            .filter(|algorithm| algorithm.is_symmetric())
            .map(ToString::to_string)
            .collect();
        assert_eq!(symmetric, ["HS256", "HS384", "HS512"]);
    }

    #[test]
    fn serde_uses_the_name() {
        assert_eq!(
            serde_json::to_string(&Algorithm::PS384).unwrap(),
            r#""PS384""#
        );
        assert_eq!(
            serde_json::from_str::<Algorithm>(r#""Ed25519""#).unwrap(),
            Algorithm::Ed25519
        );
        assert!(serde_json::from_str::<Algorithm>(r#""none""#).is_err());
    }
}
