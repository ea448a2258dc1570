//! The registered claims, read in one pass over the payload, each with its one JSON type.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::{
    claims::{
        span::{Span, Spans},
        wanted::Wanted,
    },
    error::AuthErrorKind,
    jose::json::{Checked, Names, Text, Texts},
};

/// The registered claims of a payload.
///
/// A claim that is present has the right type: a wrong one refuses the token (RFC 7519 section 4.1,
/// RFC 9068 section 2.2, RFC 6749 section 3.3). Texts are kept as positions in the payload.
#[derive(Debug, Default)]
pub(crate) struct Registered {
    pub(crate) acr: Option<Span>,
    pub(crate) audience: Option<Spans>,
    pub(crate) auth_time: Option<i64>,
    pub(crate) client_id: Option<Span>,
    /// That there is one; what it holds is not looked at.
    pub(crate) confirmation: Option<()>,
    pub(crate) expires_at: Option<i64>,
    pub(crate) id: Option<Span>,
    pub(crate) issued_at: Option<i64>,
    pub(crate) issuer: Option<Span>,
    pub(crate) not_before: Option<i64>,
    pub(crate) scope: Option<Spans>,
    pub(crate) session_id: Option<Span>,
    pub(crate) subject: Option<Span>,
    /// The wanted texts, in the order in which they were wanted.
    pub(super) others: Vec<Option<Spans>>,
    /// The first of the wanted names that the payload lacks, as an index.
    pub(crate) missing: Option<usize>,
}

impl Registered {
    /// Reads a payload, and what is wanted of it beside the registered claims.
    ///
    /// The whole payload is checked: one JSON object, no duplicate member at any level.
    pub(crate) fn parse(payload: &str, wanted: &Wanted) -> Result<Self, AuthErrorKind> {
        let mut wrong_claim = false;
        let mut deserializer = serde_json::Deserializer::from_str(payload);
        let visitor = ClaimsVisitor {
            payload,
            wanted,
            wrong_claim: &mut wrong_claim,
        };
        match deserializer.deserialize_map(visitor) {
            Ok(claims) if deserializer.end().is_ok() => Ok(claims),
            Err(_) if wrong_claim => Err(AuthErrorKind::InvalidClaim),
            _ => Err(AuthErrorKind::MalformedToken),
        }
    }
}

/// The last second of the year 9999. A later time is a unit mix-up, mostly milliseconds.
const LAST_SECOND: i64 = 253_402_300_799;

struct ClaimsVisitor<'p, 'w> {
    payload: &'p str,
    wanted: &'w Wanted,
    wrong_claim: &'w mut bool,
}

impl<'de> Visitor<'de> for ClaimsVisitor<'de, '_> {
    type Value = Registered;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Registered, A::Error> {
        let mut others = Names::default();
        let mut claims = Registered::default();
        let mut found = 0_u64;
        let texts = self.wanted.texts();
        claims.others.resize_with(texts.len(), || None);
        while let Some(name) = map.next_key_seed(Text)? {
            let claims_wanted = &self.wanted.claims;
            if let Some(index) = claims_wanted.iter().position(|wanted| **wanted == *name) {
                found |= 1 << index;
            }
            *self.wrong_claim = true;
            match &*name {
                "acr" => set(&mut claims.acr, self.text(&mut map)?)?,
                "aud" => set(&mut claims.audience, self.texts(&mut map, |_| true)?)?,
                "auth_time" => set(
                    &mut claims.auth_time,
                    map.next_value_seed(Date(Round::Down))?,
                )?,
                "client_id" => set(&mut claims.client_id, self.text(&mut map)?)?,
                "cnf" => set(&mut claims.confirmation, map.next_value_seed(Object)?)?,
                "exp" => set(
                    &mut claims.expires_at,
                    map.next_value_seed(Date(Round::Down))?,
                )?,
                "iat" => set(&mut claims.issued_at, map.next_value_seed(Date(Round::Up))?)?,
                "iss" => set(&mut claims.issuer, self.text(&mut map)?)?,
                "jti" => set(&mut claims.id, self.text(&mut map)?)?,
                "nbf" => set(
                    &mut claims.not_before,
                    map.next_value_seed(Date(Round::Up))?,
                )?,
                "scope" => set(&mut claims.scope, self.texts(&mut map, is_scope_text)?)?,
                "sid" => set(&mut claims.session_id, self.text(&mut map)?)?,
                "sub" => set(&mut claims.subject, self.text(&mut map)?)?,
                _ => match texts.iter().position(|wanted| *wanted.name == *name) {
                    Some(index) => {
                        let allowed = match texts[index].scopes {
                            true => is_scope_text,
                            false => |_: &str| true,
                        };
                        set(&mut claims.others[index], self.texts(&mut map, allowed)?)?;
                    }
                    None => {
                        *self.wrong_claim = false;
                        map.next_value_seed(Checked)?;
                        others.add(name)?;
                    }
                },
            }
            *self.wrong_claim = false;
        }
        let all = 0..self.wanted.claims.len();
        claims.missing = all.into_iter().find(|index| found & (1 << index) == 0);
        Ok(claims)
    }
}

/// Sets a claim that was not there before.
fn set<T, E: Error>(claim: &mut Option<T>, value: T) -> Result<(), E> {
    match claim.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom("duplicate member name")),
    }
}

impl<'de> ClaimsVisitor<'de, '_> {
    fn text<A: MapAccess<'de>>(&self, map: &mut A) -> Result<Span, A::Error> {
        Ok(Span::new(self.payload, map.next_value_seed(Text)?))
    }

    fn texts<A: MapAccess<'de>>(
        &self,
        map: &mut A,
        allowed: fn(&str) -> bool,
    ) -> Result<Spans, A::Error> {
        let span = |text: Cow<'de, str>| {
            allowed(&text)
                .then(|| Span::new(self.payload, text))
                .ok_or_else(|| A::Error::custom("a character is not allowed here"))
        };
        Ok(match map.next_value_seed(OneOrMany)? {
            OneOrManyTexts::One(text) => Spans::One(span(text)?),
            OneOrManyTexts::Many(texts) => {
                Spans::Many(texts.into_iter().map(span).collect::<Result<_, _>>()?)
            }
        })
    }
}

/// The alphabet of `scope` (RFC 6749 section 3.3), and the space between two of them.
fn is_scope_text(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' ' | b'!' | b'#'..=b'[' | b']'..=b'~'))
}

struct OneOrMany;

enum OneOrManyTexts<'de> {
    One(Cow<'de, str>),
    Many(Vec<Cow<'de, str>>),
}

impl<'de> DeserializeSeed<'de> for OneOrMany {
    type Value = OneOrManyTexts<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneOrMany {
    type Value = OneOrManyTexts<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or an array of strings")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Text.visit_borrowed_str(text).map(OneOrManyTexts::One)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Text.visit_str(text).map(OneOrManyTexts::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Texts.visit_seq(seq).map(OneOrManyTexts::Many)
    }
}

/// A JSON object whose content is checked and thrown away.
struct Object;

impl<'de> DeserializeSeed<'de> for Object {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(Checked)
    }
}

/// A `NumericDate` (RFC 7519 section 2), rounded to the stricter whole second.
struct Date(Round);

#[derive(Clone, Copy)]
enum Round {
    Down,
    Up,
}

impl<'de> DeserializeSeed<'de> for Date {
    type Value = i64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<i64, D::Error> {
        deserializer.deserialize_f64(self)
    }
}

impl Visitor<'_> for Date {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since 1970, until the year 9999")
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<i64, E> {
        i64::try_from(seconds)
            .ok()
            .filter(|seconds| *seconds <= LAST_SECOND)
            .ok_or_else(|| E::custom("out of range"))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<i64, E> {
        u64::try_from(seconds)
            .map_err(|_| E::custom("out of range"))
            .and_then(|seconds| self.visit_u64(seconds))
    }

    // The range is checked before the conversion, so nothing is cut off.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    fn visit_f64<E: Error>(self, seconds: f64) -> Result<i64, E> {
        let whole = match self.0 {
            Round::Down => seconds.floor(),
            Round::Up => seconds.ceil(),
        };
        if (0.0..=LAST_SECOND as f64).contains(&seconds) {
            Ok(whole as i64)
        } else {
            Err(E::custom("out of range"))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(payload: &str) -> Result<Registered, AuthErrorKind> {
        Registered::parse(payload, &Wanted::NOTHING)
    }

    #[test]
    fn every_registered_claim_has_its_type() {
        let payload = r#"{"iss":"i","sub":"s","aud":["a","b"],"exp":2.5,"nbf":1.5,"iat":1e0,"jti":"j",
            "scope":"r w","client_id":"c","acr":"1","sid":"d","auth_time":3,"cnf":{"jkt":"x"},"other":[{}]}"#;
        let claims = parse(payload).unwrap();
        assert_eq!(claims.issuer.unwrap().get(payload), "i");
        assert_eq!(claims.audience.unwrap().as_slice().len(), 2);
        assert_eq!(
            (
                claims.expires_at,
                claims.not_before,
                claims.issued_at,
                claims.auth_time
            ),
            (Some(2), Some(2), Some(1), Some(3))
        );
        assert!(claims.confirmation.is_some());
    }

    #[test]
    fn another_type_is_an_invalid_claim() {
        let text = ["1", "null", "true", "{}", "[]", "[\"x\"]"];
        let texts = [
            "1",
            "null",
            "true",
            "{}",
            "[1]",
            "[null]",
            "[[\"x\"]]",
            "[\"x\",1]",
        ];
        let date = [
            "\"1\"",
            "null",
            "true",
            "{}",
            "[1]",
            "-1",
            "-0.5",
            "1e300",
            "253402300800",
        ];
        let object = ["1", "null", "\"x\"", "[]"];
        let scope = [
            "\"a\\tb\"",
            "\"a\\\\b\"",
            "\"a\\\"b\"",
            "\"\u{e4}\"",
            "[\"a\\nb\"]",
        ];
        for (names, wrong) in [
            (
                &["iss", "sub", "jti", "client_id", "acr", "sid"][..],
                &text[..],
            ),
            (&["aud", "scope"], &texts),
            (&["exp", "nbf", "iat", "auth_time"], &date),
            (&["cnf"], &object),
            (&["scope"], &scope),
        ] {
            for name in names {
                for value in wrong {
                    let payload = format!(r#"{{"{name}":{value}}}"#);
                    assert_eq!(
                        parse(&payload).unwrap_err(),
                        AuthErrorKind::InvalidClaim,
                        "{payload}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_single_object_is_malformed() {
        for payload in [
            "",
            "x",
            "null",
            "\"s\"",
            "[]",
            "{} {}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":NaN}",
        ] {
            assert_eq!(
                parse(payload).unwrap_err(),
                AuthErrorKind::MalformedToken,
                "{payload}"
            );
        }
        assert!(parse(" {} \n").is_ok());
    }

    #[test]
    fn a_wanted_claim_that_is_absent_is_reported() {
        let wanted = Wanted::new(vec!["tenant".into(), "plan".into()]);
        let parse = |payload| Registered::parse(payload, &wanted).unwrap().missing;
        assert_eq!(parse(r#"{"plan":null,"tenant":1}"#), None);
        assert_eq!(parse(r#"{"tenant":1}"#), Some(1));
        assert_eq!(parse("{}"), Some(0));
    }

    #[test]
    fn texts_with_escapes_are_the_same_as_without() {
        let payload = r#"{"sub":"\u0061b","aud":["\u0061","b"]}"#;
        let claims = parse(payload).unwrap();
        assert_eq!(claims.subject.unwrap().get(payload), "ab");
        assert_eq!(claims.audience.unwrap().as_slice()[0].get(payload), "a");
    }

    proptest! {
        #[test]
        fn no_payload_panics(payload in any::<String>()) {
            let _ = parse(&payload);
        }

        #[test]
        fn no_value_of_a_registered_claim_panics(name in "(aud|exp|iat|scope|cnf|sub)", value in any::<f64>(), text in any::<String>()) {
            let _ = parse(&format!(r#"{{"{name}":{value}}}"#));
            let _ = parse(&format!(r#"{{"{name}":{text}}}"#));
            let _ = parse(&serde_json::json!({ name: text }).to_string());
        }
    }
}
