//! The reason why a payload is no set of claims.

use std::{borrow::Cow, fmt};

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Value, value::RawValue};

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
                Mismatch::written(spec.name(slot).to_owned(), expected(spec.form(slot)), found)
            }
            Self::NoObject => Mismatch::written("payload", OBJECT, "something else"),
            Self::Payload(column) => {
                let found = format!("no JSON, or a name twice, in column {column}");
                Mismatch::written("payload", OBJECT, found)
            }
        }
    }
}

fn expected(form: Form) -> &'static str {
    match form {
        Form::Date(_) => "seconds since 1970 as a number, until the year 9999",
        Form::Object => "an object",
        Form::Scopes => {
            "scopes with spaces between them, or an array with one scope in each element"
        }
        Form::Text => "a text",
        Form::Texts => "a text, or an array of texts",
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
    match search.found.map(RawValue::get) {
        Some(_) if search.is_twice => "the name twice".into(),
        Some(json) if json.starts_with('{') => "an object".into(),
        json => match json.map(serde_json::from_str) {
            Some(Ok(value)) => shown(&value, spec.form(slot), slot.is_shown()),
            _ => "no JSON value".into(),
        },
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
fn shown(value: &Value, form: Form, is_shown: bool) -> Cow<'static, str> {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "a boolean".into(),
        Value::Number(_) if !is_shown => "a number".into(),
        // With an exponent where it is long.
        Value::Number(number) => match (number.is_f64(), number.as_f64()) {
            (true, Some(number)) => format!("{number:?}").into(),
            _ => number.to_string().into(),
        },
        Value::String(_) if !is_shown => "a text".into(),
        Value::String(text) => quoted(Some(text)).into(),
        Value::Array(elements) => {
            let is_good = |element: &Value| {
                let text = element.as_str();
                text.is_some_and(|text| form != Form::Scopes || is_scope(text))
            };
            match elements.iter().find(|element| !is_good(element)) {
                Some(Value::Array(_)) => "an array with an array in it".into(),
                Some(wrong) => {
                    let wrong = shown(wrong, form, is_shown);
                    format!("an array with {wrong} in it").into()
                }
                None => "an array".into(),
            }
        }
        Value::Object(_) => "an object".into(),
    }
}
