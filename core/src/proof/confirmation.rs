//! The claim `cnf`: to what a token is bound.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};

use crate::{
    claims::VerifiedToken,
    jose::{Thumbprint, member},
};

/// The key and the certificate to which a token is bound (`cnf`, RFC 7800 section 3). Where there are both, both must be
/// proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Confirmation {
    /// The thumbprint of a public key (`jkt`, RFC 9449 section 6.1).
    pub(crate) key: Option<Thumbprint>,
    /// The thumbprint of a certificate (`x5t#S256`, RFC 8705 section 3.1).
    pub(crate) certificate: Option<Thumbprint>,
}

impl Confirmation {
    /// Reads the claim of a token; `None` if the token is not bound.
    ///
    /// # Errors
    ///
    /// The fault, for the log: a member that nobody here can check, one that is no thumbprint, or no member at all.
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
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unconfirmed;

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
