//! The reason why a payload is no set of claims.

use std::{borrow::Cow, fmt};

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    recorder::is_scope,
    spec::{ClaimSlot, ClaimSpec, Form},
};
use crate::{
    error::{AuthError, AuthErrorKind, Mismatch, quoted},
    jose::Text,
};

/// The point where reading a payload ended.
#[derive(Clone, Copy)]
pub(crate) enum Unreadable {
    /// In the value of this claim.
    Claim(ClaimSlot),
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
    pub(crate) fn into_error(self, payload: &str, spec: &ClaimSpec) -> AuthError {
        AuthError::from(self.kind()).about(|| self.mismatch(payload, spec))
    }

    /// Explains the refusal to people.
    #[cold]
    pub(crate) fn mismatch(self, payload: &str, spec: &ClaimSpec) -> Mismatch {
        const OBJECT: &str = "one JSON object without a member name twice";
        match self {
            Self::Claim(slot) => {
                let found = found(payload, slot, spec);
                Mismatch::written(
                    spec.name(slot).to_owned(),
                    spec.form(slot).described(),
                    found,
                )
            }
            Self::NoObject => Mismatch::written("payload", OBJECT, "something else"),
            Self::Payload(column) => {
                let found = format!("no JSON, or a name twice, in column {column}");
                Mismatch::written("payload", OBJECT, found)
            }
        }
    }
}

/// Shows the value of a claim that could not be read.
fn found(payload: &str, slot: ClaimSlot, spec: &ClaimSpec) -> Cow<'static, str> {
    let mut search = Search {
        name: spec.name(slot),
        found: None,
        is_twice: false,
    };
    // An error comes after the claim, or is what was wrong with it.
    let _ = serde_json::Deserializer::from_str(payload).deserialize_map(&mut search);
    match search.found {
        Some(_) if search.is_twice => "the name twice".into(),
        Some(value) => shown(value, spec.form(slot), slot.is_shown()),
        None => "no JSON value".into(),
    }
}

/// Looks for a claim among the members of a payload.
struct Search<'s, 'de> {
    name: &'s str,
    found: Option<&'de RawValue>,
    is_twice: bool,
}

impl<'de> Visitor<'de> for &mut Search<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(member) = map.next_key_seed(Text)? {
            if member == self.name {
                self.is_twice = self.found.is_some();
                self.found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Shows a value, as far as the log may see it.
///
/// Nobody may have signed it, so it goes no deeper than the elements of an array, and builds nothing
/// of them: `serde_json::Value` reads some objects as JSON texts in a text, to any depth.
fn shown(value: &RawValue, form: Form, is_shown: bool) -> Cow<'static, str> {
    let json = value.get();
    match json.as_bytes().first() {
        Some(b'n') => "null".into(),
        Some(b't' | b'f') => "a boolean".into(),
        Some(b'{') => "an object".into(),
        Some(b'[') => shown_array(json, form, is_shown),
        Some(b'"') if !is_shown => "a text".into(),
        Some(b'"') => match serde_json::from_str::<String>(json) {
            Ok(text) => quoted(Some(&text)).into(),
            Err(_) => "no JSON value".into(),
        },
        _ if !is_shown => "a number".into(),
        _ => shown_number(json).into(),
    }
}

fn shown_array(json: &str, form: Form, is_shown: bool) -> Cow<'static, str> {
    let mut wrong = None;
    let search = WrongElement {
        form,
        wrong: &mut wrong,
    };
    let read = serde_json::Deserializer::from_str(json).deserialize_seq(search);
    match wrong {
        _ if read.is_err() => "no JSON value".into(),
        None => "an array".into(),
        Some(element) if element.get().starts_with('[') => "an array with an array in it".into(),
        Some(element) => {
            let element = shown(element, form, is_shown);
            format!("an array with {element} in it").into()
        }
    }
}

/// Shows a number; a long one with an exponent.
fn shown_number(json: &str) -> String {
    let unsigned = json.parse::<u64>().map(|number| number.to_string());
    let integer = unsigned.or_else(|_| json.parse::<i64>().map(|number| number.to_string()));
    integer.unwrap_or_else(|_| match json.parse::<f64>() {
        Ok(number) => format!("{number:?}"),
        Err(_) => "a number".to_owned(),
    })
}

/// Looks for the first element of an array that a claim cannot have.
struct WrongElement<'w, 'de> {
    form: Form,
    wrong: &'w mut Option<&'de RawValue>,
}

impl<'de> Visitor<'de> for WrongElement<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element::<&RawValue>()? {
            if self.wrong.is_none() && !is_element(element.get(), self.form) {
                *self.wrong = Some(element);
            }
        }
        Ok(())
    }
}

fn is_element(json: &str, form: Form) -> bool {
    let is_scope = |json| serde_json::from_str::<String>(json).is_ok_and(|text| is_scope(&text));
    json.starts_with('"') && (form != Form::Scopes || is_scope(json))
}
