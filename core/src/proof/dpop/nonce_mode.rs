//! Whether proofs need a nonce of the server.

use std::{fmt, str::FromStr};

use crate::error::ConfigError;

/// Whether a proof needs a nonce of the server (RFC 9449 section 9).
///
/// With one, nobody can make proofs ahead of time, and a client whose clock is wrong is let in. As text it is `off`,
/// `offered` or `required`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NonceMode {
    /// There are none, and one in a proof is not looked at. The default.
    #[default]
    Off,
    /// A proof without one is judged by its `iat`; answers bring the newest one. One that is there must be good.
    Offered,
    /// A proof without a good one is refused, and the answer brings the newest one.
    Required,
}

impl FromStr for NonceMode {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        match text {
            "off" => Ok(Self::Off),
            "offered" => Ok(Self::Offered),
            "required" => Ok(Self::Required),
            _ => Err(ConfigError::InvalidSetting(format!(
                "{text:?} is none of `off`, `offered` and `required`"
            ))),
        }
    }
}

impl fmt::Display for NonceMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::Offered => "offered",
            Self::Required => "required",
        })
    }
}
