//! Why a payload is no set of claims.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    recorder::{Alphabet, Claim, Date},
    spec::{ClaimSlot, ClaimSpec},
};
use crate::{
    error::{AuthError, AuthErrorKind, Mismatch, quoted},
    jose::Text,
};

/// Why a payload is no set of claims: where reading it ended.
#[derive(Clone, Copy)]
pub(crate) enum Unreadable {
    /// In the value of this claim.
    Claim(Claim),
    /// Before any member.
    NoObject,
    /// In this column: it is no JSON, or has a member name twice.
    Payload(usize),
}

impl Unreadable {
    pub(crate) fn kind(self) -> AuthErrorKind {
        match self {
            Self::Claim(_) => AuthErrorKind::InvalidClaim,
            Self::NoObject | Self::Payload(_) => AuthErrorKind::MalformedToken,
        }
    }

    /// The error, with what was wrong.
    #[cold]
    pub(crate) fn into_error(self, payload: &str, wanted: &ClaimSpec) -> AuthError {
        AuthError::from(self.kind()).about(|| self.mismatch(payload, wanted))
    }

    /// What was wrong, for people.
    #[cold]
    pub(crate) fn mismatch(self, payload: &str, wanted: &ClaimSpec) -> Mismatch {
        const OBJECT: &str = "one JSON object without a member name twice";
        match self {
            Self::Claim(claim) => {
                let found = found(payload, claim, wanted);
                Mismatch::written(claim.name(wanted).to_owned(), claim.expected(wanted), found)
            }
            Self::NoObject => Mismatch::written("payload", OBJECT, "something else"),
            Self::Payload(column) => {
                let found = format!("no JSON, or a name twice, in column {column}");
                Mismatch::written("payload", OBJECT, found)
            }
        }
    }
}

impl Claim {
    fn name(self, wanted: &ClaimSpec) -> &str {
        match self {
            Self::Confirmation => "cnf",
            Self::Date(Date::AuthTime) => "auth_time",
            Self::Date(Date::Expiry) => "exp",
            Self::Date(Date::IssuedAt) => "iat",
            Self::Date(Date::NotBefore) => "nbf",
            Self::Slot(ClaimSlot::Acr) => "acr",
            Self::Slot(ClaimSlot::Audience) => "aud",
            Self::Slot(ClaimSlot::ClientId) => "client_id",
            Self::Slot(ClaimSlot::Id) => "jti",
            Self::Slot(ClaimSlot::Issuer) => "iss",
            Self::Slot(ClaimSlot::Other(index)) => &wanted.texts()[usize::from(index)].name,
            Self::Slot(ClaimSlot::Scope) => "scope",
            Self::Slot(ClaimSlot::SessionId) => "sid",
            Self::Slot(ClaimSlot::Subject) => "sub",
        }
    }

    fn expected(self, wanted: &ClaimSpec) -> &'static str {
        match self {
            Self::Confirmation => "an object",
            Self::Date(_) => "seconds since 1970 as a number, until the year 9999",
            Self::Slot(ClaimSlot::Audience) => "a text, or an array of texts",
            Self::Slot(place) if is_scopes(place, wanted) => {
                "scopes with spaces between them, or an array with one scope in each element"
            }
            Self::Slot(ClaimSlot::Other(_)) => "a text, or an array of texts",
            Self::Slot(_) => "a text",
        }
    }

    /// Whether the log may show what it holds: nothing that names a person, a session or a token.
    fn is_shown(self) -> bool {
        match self {
            Self::Confirmation => false,
            Self::Date(_) => true,
            Self::Slot(place) => place.is_shown(),
        }
    }
}

impl ClaimSlot {
    /// Whether the log may show what stands there.
    pub(crate) fn is_shown(self) -> bool {
        !matches!(
            self,
            Self::ClientId | Self::Id | Self::SessionId | Self::Subject
        )
    }
}

fn is_scopes(place: ClaimSlot, wanted: &ClaimSpec) -> bool {
    match place {
        ClaimSlot::Other(index) => wanted.texts()[usize::from(index)].scopes,
        place => place == ClaimSlot::Scope,
    }
}

/// What stands in the place of a claim that could not be read.
fn found(payload: &str, claim: Claim, wanted: &ClaimSpec) -> Cow<'static, str> {
    let mut search = Search {
        claim,
        wanted,
        found: None,
        is_twice: false,
    };
    // An error comes after what was looked for, or is what was wrong.
    let _ = serde_json::Deserializer::from_str(payload).deserialize_map(&mut search);
    match search.found {
        Some(_) if search.is_twice => "the name twice".into(),
        Some(found) => found,
        None => "no JSON value".into(),
    }
}

/// Looks for a claim among the members of a payload.
struct Search<'s> {
    claim: Claim,
    wanted: &'s ClaimSpec,
    found: Option<Cow<'static, str>>,
    is_twice: bool,
}

impl<'de> Visitor<'de> for &mut Search<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let name = self.claim.name(self.wanted);
        while let Some(member) = map.next_key_seed(Text)? {
            if member != name {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            self.is_twice = self.found.is_some();
            let value = map.next_value_seed(Shown {
                claim: self.claim,
                wanted: self.wanted,
                in_array: false,
            })?;
            self.found.get_or_insert(value.text);
        }
        Ok(())
    }
}

/// Shows a value, as far as the log may see it.
#[derive(Clone, Copy)]
struct Shown<'s> {
    claim: Claim,
    wanted: &'s ClaimSpec,
    in_array: bool,
}

struct Value {
    text: Cow<'static, str>,
    /// Whether it may be an element of an array.
    is_element: bool,
}

impl Shown<'_> {
    fn other<E>(text: &'static str) -> Result<Value, E> {
        Ok(Value {
            text: text.into(),
            is_element: false,
        })
    }

    fn number<E>(self, number: impl fmt::Display) -> Result<Value, E> {
        if !self.claim.is_shown() {
            return Self::other("a number");
        }
        Ok(Value {
            text: number.to_string().into(),
            is_element: false,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Shown<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shown<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Self::other("null")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Self::other("a boolean")
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        self.number(number)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        self.number(number)
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        // With an exponent where it is long.
        self.number(format_args!("{number:?}"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        let alphabet = match self.claim {
            Claim::Slot(place) if is_scopes(place, self.wanted) => {
                Alphabet::of_scopes(self.in_array)
            }
            _ => Alphabet::Any,
        };
        Ok(Value {
            text: match self.claim.is_shown() {
                true => quoted(Some(text)).into(),
                false => "a text".into(),
            },
            is_element: alphabet.has_all_of(text),
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let seed = Self {
            in_array: true,
            ..self
        };
        let mut wrong = None;
        while let Some(element) = seq.next_element_seed(seed)? {
            if !element.is_element {
                wrong.get_or_insert(element.text);
            }
        }
        Ok(Value {
            text: match wrong {
                Some(wrong) if !self.in_array => format!("an array with {wrong} in it").into(),
                _ => "an array".into(),
            },
            is_element: false,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        match map.next_key::<String>()?.as_deref() {
            Some(NUMBER) => {
                let value = map.next_value::<serde_json::Value>()?;
                let text = value.as_str().unwrap_or_default();
                if let Ok(number) = text.parse::<u64>() {
                    return self.visit_u64(number);
                }
                if let Ok(number) = text.parse::<i64>() {
                    return self.visit_i64(number);
                }
                if let Ok(number) = text.parse::<f64>() {
                    return self.visit_f64(number);
                }
            }
            Some(_) => {
                map.next_value::<IgnoredAny>()?;
            }
            None => {}
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Self::other("an object")
    }
}

/// The member that `serde_json` wraps a number in, where a crate of the build turns `arbitrary_precision` on.
const NUMBER: &str = "$serde_json::private::Number";
