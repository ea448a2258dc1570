//! The members of a header, read in one of two ways.

use std::{borrow::Cow, fmt};

use memchr::memchr;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::{
    header::{Header, short_type},
    plain::{plain_text, plain_value, skip_space},
    short_text::InlineStr,
};
use crate::{
    error::AuthErrorKind,
    jose::{
        Algorithm,
        json::{self, MemberNames, StrictValue, Text, is_reserved},
    },
};

#[derive(Default)]
pub(super) struct Members<'de> {
    alg: Option<Cow<'de, str>>,
    kid: Option<Cow<'de, str>>,
    typ: Option<Cow<'de, str>>,
    cty: Option<Cow<'de, str>>,
    unsupported: bool,
}

impl<'de> Members<'de> {
    /// More names are read the longer way.
    const MOST_PLAIN: usize = 12;

    /// Reads a header as issuers write them: an object of few texts without escapes, whole numbers,
    /// literals and one short array of texts (`x5c`), with little space between.
    ///
    /// `None` says nothing but that it is not written so; [`bounded`](Self::bounded) decides.
    pub(super) fn plain(
        json: &'de str,
        place: &mut Option<Header>,
    ) -> Option<Result<(), AuthErrorKind>> {
        let no_escapes = memchr(b'\\', json.as_bytes()).is_none();
        let mut rest = json.strip_prefix('{').filter(|_| no_escapes)?;
        let mut members = Self::default();
        let mut names = [""; Self::MOST_PLAIN];
        let mut has_array = false;
        for count in 0..Self::MOST_PLAIN {
            let (name, after) = plain_text(skip_space(rest))?;
            if names[..count].contains(&name) {
                return None;
            }
            names[count] = name;
            let after = skip_space(skip_space(after).strip_prefix(':')?);
            let own = match name {
                "alg" => Some(&mut members.alg),
                "kid" => Some(&mut members.kid),
                "typ" => Some(&mut members.typ),
                "cty" => Some(&mut members.cty),
                _ => None,
            };
            let after = match own {
                Some(member) => {
                    let (value, after) = plain_text(after)?;
                    *member = Some(Cow::Borrowed(value));
                    after
                }
                // What `any` refuses.
                None if is_reserved(name) => return None,
                None => {
                    members.unsupported |= changes_the_meaning(name);
                    let is_array = after.starts_with('[');
                    if is_array && has_array {
                        return None;
                    }
                    has_array |= is_array;
                    plain_value(after)?
                }
            };
            match skip_space(after).split_at_checked(1)? {
                (",", after) => rest = after,
                ("}", "") => return Some(members.put(place)),
                _ => return None,
            }
        }
        None
    }

    /// Reads any header that is worth its price.
    ///
    /// Anybody can send a header. An honest one, also one with a key or with three certificates, stays
    /// below the first bound; one that is all members, digits or spaces is refused unread. An HMAC
    /// over a short token costs no more than such a header, so there the second bound holds, and what
    /// is above it is refused before the HMAC is computed: a few members with escapes stay below, a key
    /// does not. Most headers come the other way, [`plain`](Self::plain).
    pub(super) fn bounded(json: &'de str, place: &mut Option<Header>) -> Result<(), AuthErrorKind> {
        const BESIDE_AN_HMAC: usize = 300;

        let work = json::work(json.as_bytes());
        if work > (200 + json.len() * 4 / 5).clamp(720, 1_200) {
            return Err(AuthErrorKind::MalformedToken);
        }
        Self::any(json, place)?;
        match place {
            Some(header) if header.algorithm.is_symmetric() && work > BESIDE_AN_HMAC => {
                *place = None;
                Err(AuthErrorKind::MalformedToken)
            }
            _ => Ok(()),
        }
    }

    /// Reads any header.
    fn any(json: &'de str, place: &mut Option<Header>) -> Result<(), AuthErrorKind> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let members = deserializer
            .deserialize_map(MembersVisitor)
            .and_then(|members| deserializer.end().map(|()| members));
        members.map_or(Err(AuthErrorKind::MalformedToken), |members| {
            members.put(place)
        })
    }

    /// Writes the header that these are.
    fn put(&self, place: &mut Option<Header>) -> Result<(), AuthErrorKind> {
        let alg = self.alg.as_deref().ok_or(AuthErrorKind::MalformedToken)?;
        // A nested token says so with `cty: JWT` (RFC 7519 section 5.2).
        let is_token = |cty| short_type(cty).eq_ignore_ascii_case("jwt");
        let nested = self.cty.as_deref().is_some_and(is_token);
        if self.unsupported || nested {
            return Err(AuthErrorKind::UnsupportedHeader);
        }
        let algorithm = Algorithm::from_name(alg).ok_or(AuthErrorKind::WrongAlgorithm)?;
        let key_id = self.kid.as_deref();
        if key_id.is_some_and(|kid| kid.len() > Header::LONGEST_KEY_ID) {
            return Err(AuthErrorKind::UnknownKey);
        }
        let header = place.insert(Header {
            algorithm,
            key_id: None,
            token_type: None,
        });
        if let Some(key_id) = key_id {
            InlineStr::put(key_id, &mut header.key_id);
        }
        if let Some(typ) = self.typ.as_deref() {
            InlineStr::put(short_type(typ), &mut header.token_type);
        }
        if let Some(typ) = &mut header.token_type {
            typ.make_ascii_lowercase();
        }
        Ok(())
    }
}

/// `crit` names extensions that must be understood; none is. `b64`, `zip` and `enc` change what the
/// payload is (RFC 7515 section 4.1.11, RFC 7797, RFC 7516).
fn changes_the_meaning(name: &str) -> bool {
    matches!(name, "crit" | "b64" | "zip" | "enc")
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut names = MemberNames::default();
        let mut members = Members::default();
        while let Some(name) = map.next_key_seed(Text)? {
            match &*name {
                "alg" => members.alg = Some(map.next_value_seed(Text)?),
                "kid" => members.kid = Some(map.next_value_seed(Text)?),
                "typ" => members.typ = Some(map.next_value_seed(Text)?),
                "cty" => members.cty = Some(map.next_value_seed(Text)?),
                name => {
                    map.next_value_seed(StrictValue)?;
                    members.unsupported |= changes_the_meaning(name);
                }
            }
            names.add(name).map_err(A::Error::custom)?;
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn agree(json: &str) {
        let (mut plain, mut any) = (None, None);
        if let Some(result) = Members::plain(json, &mut plain) {
            assert_eq!(result, Members::any(json, &mut any), "{json}");
            assert_eq!(plain, any, "{json}");
        }
    }

    #[test]
    fn both_ways_of_reading_agree() {
        for json in [
            r#"{"alg":"RS256"}"#,
            r#"{"alg":"RS256","kid":"k","typ":"JWT","cty":"x","x":""}"#,
            r#"{"alg":"RS256","crit":"x","ä":"ö"}"#,
            r#"{"alg":"RS256","x5c":["a","b"],"x":"y"}"#,
            r#"{"alg":"RS256","x5c":[],"x":["y"]}"#,
            r#"{"alg":"RS256","x5c":["a"],"x":["y"]}"#,
            r#"{"alg":"RS256","crit":["y",]}"#,
            r#"{"alg":"RS256","x":["a" "b"]}"#,
            r#"{"alg":"RS256","x":["a"}"#,
            r#"{"alg":["RS256"]}"#,
            r#"{"alg":"RS256","alg":"RS256"}"#,
            r#"{"alg":"RS256",}"#,
            r#"{"alg":"RS256"} "#,
            r#"{"alg":"RS256"}}"#,
            r#"{"alg":"RS256""#,
            r#"{"alg":"RS256"#,
            r#"{"alg":"RS256","a":1,"b":0,"c":true,"d":false,"e":null}"#,
            r#"{"alg":"RS256","a":01}"#,
            r#"{"alg":"RS256","a":1.5}"#,
            r#"{"alg":"RS256","a":1e5}"#,
            r#"{"alg":"RS256","a":-1}"#,
            r#"{"alg":"RS256","a":123456789012345678}"#,
            r#"{"alg":"RS256","a":1234567890123456789}"#,
            r#"{"alg":"RS256","a":trueish}"#,
            r#"{"alg":"RS256","a":}"#,
            "{\n  \"alg\" : \"RS256\",\r\n\t\"x5c\": [ \"a\" , \"b\" ]\n}",
            "{\"alg\":\"RS256\",\"a\":\u{b}1}",
            "{\"alg\":\"RS256\",\"a\":\u{a0}1}",
            r#"{"alg":"RS256","$serde_json::private::RawValue":"x"}"#,
            r#"{"alg":"RS256","$serde_json::private::Number":"1"}"#,
            r#"{"alg":"RS256","$serde_json::private":"1"}"#,
            r#"{"a\"b":"c"}"#,
            r#"{"alg""RS256"}"#,
            "{\"alg\":\"a\tb\"}",
            "{}",
            "{",
            "",
        ] {
            agree(json);
        }
    }

    proptest! {
        #[test]
        fn no_plain_header_is_read_in_two_ways(json in r#"\{([ \n]?"(alg|kid|typ|crit|[a-z\\]{0,2})"[ \t]{0,2}: {0,13}("[A-Za-z0-9 \t\\"]{0,70}"|\[("[a-z]{0,3}",? ?){0,5}\]|[0-9.e-]{0,3}|[0-9]{17,20}|true|null|fals) ?,?){0,20}\}"#) {
            agree(&json);
        }
    }
}
