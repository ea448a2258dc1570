//! The claim `cnf`: to what a token is bound.

// Without it, only the rows of sessions have one.
#![cfg_attr(not(feature = "proof"), allow(dead_code, unreachable_pub))]

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
    ser::SerializeMap,
};

use crate::jose::Thumbprint;
#[cfg(feature = "proof")]
use crate::{claims::VerifiedToken, jose::member};

/// The key and the certificate to which a token is bound (claim `cnf`, RFC 7800 section 3). Where there are both, both must be
/// proven.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "proof")] {
/// use countersign::proof::{Confirmation, Thumbprint};
///
/// let thumbprint = Thumbprint::from_bytes([7; 32]);
/// let bound = Confirmation::key(thumbprint);
/// assert_eq!(bound.bound_key(), Some(thumbprint));
/// assert_eq!(bound.and_certificate(thumbprint).bound_certificate(), Some(thumbprint));
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confirmation {
    pub(crate) key: Option<Thumbprint>,
    pub(crate) certificate: Option<Thumbprint>,
}

impl Confirmation {
    /// Binds to a public key, by its thumbprint (`jkt`, RFC 9449 section 6.1).
    #[must_use]
    pub fn key(thumbprint: Thumbprint) -> Self {
        Self {
            key: Some(thumbprint),
            certificate: None,
        }
    }

    /// Binds to a certificate, by its thumbprint (`x5t#S256`, RFC 8705 section 3.1).
    #[must_use]
    pub fn certificate(thumbprint: Thumbprint) -> Self {
        Self {
            key: None,
            certificate: Some(thumbprint),
        }
    }

    /// Binds to a certificate as well.
    #[must_use]
    pub fn and_certificate(mut self, thumbprint: Thumbprint) -> Self {
        self.certificate = Some(thumbprint);
        self
    }

    /// Returns the thumbprint of the public key.
    #[must_use]
    pub fn bound_key(&self) -> Option<Thumbprint> {
        self.key
    }

    /// Returns the thumbprint of the certificate.
    #[must_use]
    pub fn bound_certificate(&self) -> Option<Thumbprint> {
        self.certificate
    }

    /// Returns whether it binds to nothing.
    #[cfg(feature = "sessions")]
    pub(crate) fn is_empty(&self) -> bool {
        self.key.is_none() && self.certificate.is_none()
    }

    /// Returns whether whoever has proven `sent` has all that this binds to.
    #[cfg(feature = "sessions")]
    pub(crate) fn is_met_by(&self, sent: &Self) -> bool {
        self.key.is_none_or(|own| sent.key == Some(own))
            && self
                .certificate
                .is_none_or(|own| sent.certificate == Some(own))
    }

    /// Reads the claim of a token; `None` if the token is not bound.
    ///
    /// # Errors
    ///
    /// There is a member that nobody here can check, one that is no thumbprint, or no member at all.
    #[cfg(feature = "proof")]
    pub(crate) fn of(token: &VerifiedToken) -> Result<Option<Self>, Unconfirmed> {
        if !token.is_bound() {
            return Ok(None);
        }
        let found = member::<Self>(token.payload(), "cnf").map_err(|_| Unconfirmed)?;
        match found {
            Some(confirmation) if confirmation != Self::default() => Ok(Some(confirmation)),
            _ => Err(Unconfirmed),
        }
    }
}

/// A `cnf` that cannot be checked.
#[cfg(feature = "proof")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unconfirmed;

impl Serialize for Confirmation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in [("jkt", self.key), ("x5t#S256", self.certificate)] {
            if let Some(value) = value {
                map.serialize_entry(name, &value.to_string())?;
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Confirmation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Confirmation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the members jkt and x5t#S256")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Confirmation, A::Error> {
        let mut confirmation = Confirmation::default();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            let thumbprint = match &*name.0 {
                "jkt" => &mut confirmation.key,
                "x5t#S256" => &mut confirmation.certificate,
                // Whoever bound the token wants it checked (RFC 7800 section 3.1).
                _ => return Err(A::Error::custom("an unknown member")),
            };
            let text = map.next_value::<Text<'de>>()?;
            let value = Thumbprint::parse(&text.0);
            let value = value.ok_or_else(|| A::Error::custom("no thumbprint"))?;
            if thumbprint.replace(value).is_some() {
                return Err(A::Error::custom("a member twice"));
            }
        }
        Ok(confirmation)
    }
}

#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    const B: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";

    fn read(cnf: &str) -> Option<Confirmation> {
        serde_json::from_str(cnf).ok()
    }

    #[test]
    fn both_members_are_read_in_any_order() {
        let both = Confirmation {
            key: Thumbprint::parse(A),
            certificate: Thumbprint::parse(B),
        };
        let text = format!(r#"{{"x5t#S256":"{B}","jkt":"{A}"}}"#);
        assert_eq!(read(&text), Some(both));
        let escaped = format!(r#"{{"\u006akt":"{A}"}}"#);
        assert_eq!(read(&escaped).unwrap().key, both.key);
    }

    #[test]
    fn what_is_no_thumbprint_or_unknown_is_refused() {
        for cnf in [
            format!(r#"{{"jkt":"{A}="}}"#),
            format!(r#"{{"jkt":"{}"}}"#, &A[1..]),
            format!(r#"{{"jkt":" {A}"}}"#),
            format!(r#"{{"jkt":["{A}"]}}"#),
            format!(r#"{{"jkt":"{A}","kid":"k"}}"#),
            format!(r#"{{"JKT":"{A}"}}"#),
            format!(r#"{{"jkt":"{A}","jkt":"{A}"}}"#),
            r#"{"jkt":null}"#.to_owned(),
            r#"{"jkt":1}"#.to_owned(),
            r#"{"x5t#S256":""}"#.to_owned(),
        ] {
            assert_eq!(read(&cnf), None, "{cnf}");
        }
    }
}
