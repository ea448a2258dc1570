//! The realm of sessions: what keeps those of several apps apart in one store.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::error::ConfigError;

/// The name of a set of sessions that share users: by default the issuer's name (`iss`).
///
/// Sessions of different realms have nothing in common, even in one store. A refresh token opens
/// sessions of its own realm only, and a subject is a user of its realm: logging `1` out everywhere
/// in one ends nothing of `1` in another. Nor does an access token: one of a realm other than the
/// issuer's name carries it in the claim [`session_realm`](Self::CLAIM).
///
/// 1 to 255 bytes without control characters.
///
/// # Examples
///
/// ```
/// use countersign::session::Realm;
///
/// let realm = Realm::new("https://id.example")?;
/// assert_eq!(realm.as_str(), "https://id.example");
/// assert!(Realm::new("").is_err());
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Realm(Arc<str>);

impl Realm {
    /// The claim of an access token that names the realm of its session: `session_realm`. Absent where
    /// that is the issuer's name.
    pub const CLAIM: &'static str = "session_realm";
    /// The longest name, in bytes.
    pub const LONGEST: usize = 255;

    /// A realm of this name.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] when the name is empty, too long, or contains a control
    /// character.
    pub fn new(name: impl Into<Arc<str>>) -> Result<Self, ConfigError> {
        let name = name.into();
        match (1..=Self::LONGEST).contains(&name.len()) && !name.contains(char::is_control) {
            true => Ok(Self(name)),
            false => Err(ConfigError::InvalidSetting(
                "the realm of sessions, by default the issuer's name, needs 1 to 255 bytes \
                 without control characters"
                    .into(),
            )),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Realm {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Realm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_has_a_name_that_every_log_can_show() {
        for name in ["a", "https://id.example", &"x".repeat(255)] {
            assert!(Realm::new(name).is_ok(), "{name}");
        }
        for name in ["", "a\nb", "a\0", &"x".repeat(256)] {
            assert!(Realm::new(name).is_err(), "{name:?}");
        }
    }
}
