//! The JOSE header (RFC 7515 section 4), read once and strictly.

use std::{borrow::Cow, fmt};

use serde::de::{Deserializer, MapAccess, Visitor};

use crate::{
    error::AuthErrorKind,
    jose::{
        Algorithm, base64url,
        json::{Checked, Names, Text},
    },
};

/// The header of a verified token.
///
/// It holds what a verifier may use. Everything else that a header can carry (`jwk`, `jku`, `x5u`,
/// `x5c` ...) is ignored: a token never brings its own key (RFC 8725 section 3.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    algorithm: Algorithm,
    key_id: Option<Box<str>>,
    token_type: Option<Box<str>>,
}

impl Header {
    /// The longest `kid` that can name a key, in bytes.
    pub(crate) const LONGEST_KEY_ID: usize = 256;

    /// Reads an encoded header, which starts the token.
    pub(crate) fn parse(encoded: &str) -> Result<Self, AuthErrorKind> {
        let bytes = base64url::decode(encoded.as_bytes()).ok_or(AuthErrorKind::MalformedToken)?;
        let json = std::str::from_utf8(&bytes).map_err(|_| AuthErrorKind::MalformedToken)?;
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let members = deserializer
            .deserialize_map(MembersVisitor)
            .and_then(|members| deserializer.end().map(|()| members))
            .map_err(|_| AuthErrorKind::MalformedToken)?;
        members.into_header()
    }

    /// The signature algorithm (`alg`).
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key identifier (`kid`), at most 256 bytes.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The token's type (`typ`) in lower case and without `application/`: `jwt`, `at+jwt` ...
    #[must_use]
    pub fn token_type(&self) -> Option<&str> {
        self.token_type.as_deref()
    }
}

/// A media type as `typ` holds it: in lower case, without `application/` (RFC 7515 section 4.1.9).
pub(crate) fn normal_type(typ: &str) -> String {
    let lower = typ.to_ascii_lowercase();
    match lower.strip_prefix("application/") {
        Some(rest) if !rest.contains('/') => rest.to_owned(),
        _ => lower,
    }
}

#[derive(Default)]
struct Members<'de> {
    alg: Option<Cow<'de, str>>,
    kid: Option<Cow<'de, str>>,
    typ: Option<Cow<'de, str>>,
    cty: Option<Cow<'de, str>>,
    unsupported: bool,
}

impl Members<'_> {
    fn into_header(self) -> Result<Header, AuthErrorKind> {
        let alg = self.alg.ok_or(AuthErrorKind::MalformedToken)?;
        // A nested token says so with `cty: JWT` (RFC 7519 section 5.2).
        let nested = self.cty.is_some_and(|cty| normal_type(&cty) == "jwt");
        if self.unsupported || nested {
            return Err(AuthErrorKind::UnsupportedHeader);
        }
        let algorithm = alg.parse().map_err(|_| AuthErrorKind::WrongAlgorithm)?;
        if self
            .kid
            .as_ref()
            .is_some_and(|kid| kid.len() > Header::LONGEST_KEY_ID)
        {
            return Err(AuthErrorKind::UnknownKey);
        }
        Ok(Header {
            algorithm,
            key_id: self.kid.map(|kid| kid.into_owned().into_boxed_str()),
            token_type: self.typ.map(|typ| normal_type(&typ).into_boxed_str()),
        })
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut names = Names::default();
        let mut members = Members::default();
        while let Some(name) = map.next_key_seed(Text)? {
            match &*name {
                "alg" => members.alg = Some(map.next_value_seed(Text)?),
                "kid" => members.kid = Some(map.next_value_seed(Text)?),
                "typ" => members.typ = Some(map.next_value_seed(Text)?),
                "cty" => members.cty = Some(map.next_value_seed(Text)?),
                // `crit` names extensions that must be understood; none is. `b64`, `zip` and `enc`
                // change what the payload is (RFC 7515 section 4.1.11, RFC 7797, RFC 7516).
                "crit" | "b64" | "zip" | "enc" => {
                    map.next_value_seed(Checked)?;
                    members.unsupported = true;
                }
                _ => map.next_value_seed(Checked)?,
            }
            names.add(name)?;
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Header, AuthErrorKind> {
        let mut encoded = String::new();
        base64url::encode_into(json.as_bytes(), &mut encoded);
        Header::parse(&encoded)
    }

    #[test]
    fn the_known_members_are_read() {
        let header =
            parse(r#"{"alg":"RS256","kid":"k1","typ":"application/AT+JWT","x":{"y":[1]}}"#)
                .unwrap();
        assert_eq!(header.algorithm(), Algorithm::RS256);
        assert_eq!(header.key_id(), Some("k1"));
        assert_eq!(header.token_type(), Some("at+jwt"));
    }

    #[test]
    fn a_content_type_that_is_no_token_is_accepted() {
        assert!(parse(r#"{"alg":"RS256","cty":"json"}"#).is_ok());
    }

    #[test]
    fn what_would_change_the_meaning_is_not_supported() {
        for member in [
            r#""crit":[]"#,
            r#""crit":["exp"]"#,
            r#""crit":"exp""#,
            r#""b64":true"#,
            r#""zip":"DEF""#,
            r#""enc":"A128GCM""#,
            r#""cty":"jwt""#,
            r#""cty":"application/JWT""#,
        ] {
            let refused = parse(&format!(r#"{{"alg":"RS256",{member}}}"#)).unwrap_err();
            assert_eq!(refused, AuthErrorKind::UnsupportedHeader, "{member}");
        }
    }

    #[test]
    fn wrong_types_and_duplicates_are_malformed() {
        for json in [
            "[]",
            "null",
            "\"alg\"",
            "{}",
            "{\"alg\":\"RS256\"} x",
            "{\"alg\":null}",
            "{\"alg\":1}",
            r#"{"alg":"RS256","kid":null}"#,
            r#"{"alg":"RS256","kid":1}"#,
            r#"{"alg":"RS256","typ":1}"#,
            r#"{"alg":"RS256","alg":"RS256"}"#,
            r#"{"alg":"RS256","x":{"a":1,"a":2}}"#,
            r#"{"alg":"none","\u0061lg":"RS256"}"#,
        ] {
            assert_eq!(
                parse(json).unwrap_err(),
                AuthErrorKind::MalformedToken,
                "{json}"
            );
        }
    }

    #[test]
    fn unknown_algorithms_are_refused_by_name() {
        for alg in ["none", "None", "rs256", "ES256K", "RS1", ""] {
            let refused = parse(&format!(r#"{{"alg":"{alg}"}}"#)).unwrap_err();
            assert_eq!(refused, AuthErrorKind::WrongAlgorithm, "{alg}");
        }
    }

    #[test]
    fn a_key_id_is_bounded() {
        let longest = "k".repeat(256);
        assert!(parse(&format!(r#"{{"alg":"RS256","kid":"{longest}"}}"#)).is_ok());
        assert_eq!(
            parse(&format!(r#"{{"alg":"RS256","kid":"{longest}k"}}"#)).unwrap_err(),
            AuthErrorKind::UnknownKey
        );
    }
}
