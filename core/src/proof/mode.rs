//! Whether tokens may or must be bound.

use std::{fmt, str::FromStr};

use crate::error::ConfigError;

/// Whether the tokens of an issuer may or must be bound to a key, or to a certificate.
///
/// As text it is `off`, `allowed` or `required`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProofMode {
    /// Nobody checks: a bound token is refused.
    Off,
    /// A bound token needs its proof; one that is not bound is a bearer token.
    Allowed,
    /// Only bound tokens are accepted. The default.
    #[default]
    Required,
}

impl FromStr for ProofMode {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text {
            "off" => Ok(Self::Off),
            "allowed" => Ok(Self::Allowed),
            "required" => Ok(Self::Required),
            _ => Err(ConfigError::InvalidSetting(format!(
                "{text:?} is none of `off`, `allowed` and `required`"
            ))),
        }
    }
}

impl fmt::Display for ProofMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Allowed => "allowed",
            Self::Required => "required",
        })
    }
}

/// The modes of all issuers: one, and those of issuers of their own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Modes {
    pub(crate) usual: ProofMode,
    pub(crate) own: Vec<(Box<str>, ProofMode)>,
}

impl Modes {
    pub(crate) fn of(&self, issuer: Option<&str>) -> ProofMode {
        let own = self.own.iter().find(|(name, _)| issuer == Some(name));
        own.map_or(self.usual, |(_, mode)| *mode)
    }

    /// Returns whether a request with an unbound token can be accepted.
    pub(crate) fn allow_bearer(&self) -> bool {
        self.usual != ProofMode::Required
            || self
                .own
                .iter()
                .any(|(_, mode)| *mode != ProofMode::Required)
    }
}
