//! The members of a header, read once, strictly and within bounds.

use std::{borrow::Cow, fmt};

use memchr::memchr;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::header::{Header, HeaderView};
use crate::{
    error::AuthErrorKind,
    jose::{
        Algorithm,
        json::{BadName, Bounds, MemberNames, StrictValue, Text},
    },
};

/// The most members of a header, those of nested objects and the elements of arrays included.
const MOST_MEMBERS: usize = 32;

/// The deepest nesting, the header itself included.
const DEEPEST: usize = 6;

/// The most escapes, each of which costs as much as many letters: enough for the slashes of a chain of
/// certificates.
const MOST_ESCAPES: usize = 64;

/// Reads the JSON text of a header.
pub(super) fn parse(json: &str) -> Result<HeaderView<'_>, AuthErrorKind> {
    if has_many_escapes(json) {
        return Err(AuthErrorKind::MalformedToken);
    }
    let bounds = Bounds::new(MOST_MEMBERS);
    let mut members = Members::default();
    let visitor = MembersVisitor {
        members: &mut members,
        value: StrictValue::within(&bounds, DEEPEST - 1),
    };
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = deserializer.deserialize_map(visitor);
    read.and_then(|()| deserializer.end())
        .map_err(|_| AuthErrorKind::MalformedToken)?;
    members.check()
}

fn has_many_escapes(json: &str) -> bool {
    let mut rest = json.as_bytes();
    let mut skip_one = |_| {
        let found = memchr(b'\\', rest);
        rest = found.and_then(|at| rest.get(at + 2..)).unwrap_or_default();
        found.is_some()
    };
    // An escape has at least two bytes.
    json.len() > 2 * MOST_ESCAPES && (0..=MOST_ESCAPES).all(&mut skip_one)
}

/// The members that mean something to a verifier.
#[derive(Default)]
struct Members<'h> {
    alg: Option<Cow<'h, str>>,
    kid: Option<Cow<'h, str>>,
    typ: Option<Cow<'h, str>>,
    cty: Option<Cow<'h, str>>,
    changes_meaning: bool,
}

impl<'h> Members<'h> {
    fn check(self) -> Result<HeaderView<'h>, AuthErrorKind> {
        let alg = self.alg.ok_or(AuthErrorKind::MalformedToken)?;
        // A nested token says so with `cty: JWT` (RFC 7519 section 5.2).
        let is_nested = |cty: &Cow<'_, str>| short_type(cty).eq_ignore_ascii_case("jwt");
        if self.changes_meaning || self.cty.as_ref().is_some_and(is_nested) {
            return Err(AuthErrorKind::UnsupportedHeader);
        }
        let algorithm = Algorithm::from_name(&alg).ok_or(AuthErrorKind::WrongAlgorithm)?;
        let key_id = self.kid;
        if key_id
            .as_ref()
            .is_some_and(|id| id.len() > Header::LONGEST_KEY_ID)
        {
            return Err(AuthErrorKind::UnknownKey);
        }
        Ok(HeaderView {
            algorithm,
            key_id,
            token_type: self.typ.map(|typ| match typ {
                Cow::Borrowed(typ) => Cow::Borrowed(short_type(typ)),
                Cow::Owned(typ) => Cow::Owned(short_type(&typ).to_owned()),
            }),
        })
    }
}

/// Writes the members where they stay: they are large, and anybody can have them read.
struct MembersVisitor<'m, 'h, 'b> {
    members: &'m mut Members<'h>,
    value: StrictValue<'b>,
}

impl<'de> Visitor<'de> for MembersVisitor<'_, 'de, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut names = MemberNames::default();
        let Self { members, value } = self;
        while let Some(name) = map.next_key_seed(Text)? {
            value.count()?;
            let known = match &*name {
                "alg" => &mut members.alg,
                "kid" => &mut members.kid,
                "typ" => &mut members.typ,
                "cty" => &mut members.cty,
                other => {
                    members.changes_meaning |= changes_meaning(other);
                    names.add(name).map_err(A::Error::custom)?;
                    map.next_value_seed(value)?;
                    continue;
                }
            };
            if known.replace(map.next_value_seed(Text)?).is_some() {
                return Err(A::Error::custom(BadName::Twice));
            }
        }
        Ok(())
    }
}

/// `crit` names extensions that must be understood; none is. `b64`, `zip` and `enc` change what the
/// payload is (RFC 7515 section 4.1.11, RFC 7797, RFC 7516).
fn changes_meaning(name: &str) -> bool {
    matches!(name, "crit" | "b64" | "zip" | "enc")
}

/// Returns a media type without `application/` (RFC 7515 section 4.1.9), in its own letters.
pub(super) fn short_type(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(PREFIX) && !rest.contains('/') => rest,
        _ => typ,
    }
}
