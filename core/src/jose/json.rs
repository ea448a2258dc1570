//! JSON read strictly: no member name twice in one object, at any level.
//!
//! RFC 7515 section 4 and RFC 7519 section 4 let a parser take the last of several members with
//! the same name. Two parsers that choose differently see two different tokens, so such a text is
//! refused here. `serde_json` reads the grammar and bounds the depth (128 levels).

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The member names of one object, as they are met.
#[derive(Default)]
pub(crate) struct Names<'de> {
    /// One bit for each (length, first byte) seen: an unset bit says "new" without a comparison.
    seen: u64,
    few: Vec<Cow<'de, str>>,
    /// The others, once there are many.
    many: Option<HashSet<Cow<'de, str>>>,
}

impl<'de> Names<'de> {
    /// Objects with more members than this are looked up by hash, so that a large one stays cheap.
    const FEW: usize = 32;
    /// What the first allocation makes room for.
    const USUAL: usize = 12;

    /// Remembers `name`; an error if the object has it already, or if it is [`MAGIC`].
    pub(crate) fn add<E: Error>(&mut self, name: Cow<'de, str>) -> Result<(), E> {
        if name == MAGIC {
            return Err(E::custom(
                "a member name that `serde_json` keeps for itself",
            ));
        }
        let first = name.as_bytes().first().copied().unwrap_or(0);
        let bit = 1 << (name.len().wrapping_mul(31).wrapping_add(usize::from(first)) % 64);
        if self.seen & bit != 0 && self.contains(&name) {
            return Err(E::custom("duplicate member name"));
        }
        self.seen |= bit;
        if self.few.len() < Self::FEW {
            if self.few.is_empty() {
                self.few.reserve(Self::USUAL);
            }
            self.few.push(name);
        } else {
            self.many.get_or_insert_default().insert(name);
        }
        Ok(())
    }

    fn contains(&self, name: &str) -> bool {
        self.few.iter().any(|own| own == name)
            || self.many.as_ref().is_some_and(|many| many.contains(name))
    }
}

/// With its feature `raw_value`, which any crate of a build can turn on, `serde_json` reads an
/// object with this one member as the JSON text in its value: other types than were checked,
/// duplicates, and nesting without a limit. No honest token has it.
const MAGIC: &str = "$serde_json::private::RawValue";

/// Reads any value, checks it, and throws it away.
pub(crate) struct Checked;

impl<'de> DeserializeSeed<'de> for Checked {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = Names::default();
        while let Some(name) = map.next_key_seed(Text)? {
            names.add(name)?;
            map.next_value_seed(Self)?;
        }
        Ok(())
    }
}

/// Reads a string: borrowed where the text has no escapes.
pub(crate) struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Reads an array of strings.
pub(crate) struct Texts;

impl<'de> DeserializeSeed<'de> for Texts {
    type Value = Vec<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Texts {
    type Value = Vec<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = seq.next_element_seed(Text)? {
            texts.push(text);
        }
        Ok(texts)
    }
}

/// Whether `json` is one JSON value without duplicate member names.
pub(crate) fn check(json: &str) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    Checked.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// The position of `text` inside `whole`, when it was borrowed from it.
pub(crate) fn position(whole: &str, text: &str) -> Option<(u32, u32)> {
    let start = (text.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let end = start.checked_add(text.len())?;
    (end <= whole.len()).then_some(())?;
    Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?))
}

/// Reads one member of an object and skips the others.
///
/// The text must have passed [`check`] before: a duplicate is not looked for again.
pub(crate) struct Member<'n, T> {
    name: &'n str,
    found: std::marker::PhantomData<T>,
}

impl<'n, T> Member<'n, T> {
    pub(crate) fn named(name: &'n str) -> Self {
        Self {
            name,
            found: std::marker::PhantomData,
        }
    }
}

impl<'de, T: serde::Deserialize<'de>> Member<'_, T> {
    /// `Ok(None)` when the object has no such member, an error when it does not fit `T`.
    pub(crate) fn read(self, json: &'de str) -> Result<Option<T>, serde_json::Error> {
        serde_json::Deserializer::from_str(json).deserialize_map(self)
    }
}

impl<'de, T: serde::Deserialize<'de>> Visitor<'de> for Member<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key_seed(Text)? {
            if name == self.name {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_stand_once_in_each_object() {
        assert!(check(r#"{"a":{"a":1},"b":[{"a":1},{"a":2}]}"#).is_ok());
    }

    #[test]
    fn a_name_may_not_stand_twice_at_any_level() {
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":1}"#,
            r#"{"x":{"a":1,"b":2,"a":3}}"#,
            r#"{"x":[0,{"a":1,"a":3}]}"#,
            r#"{"":1,"":2}"#,
        ] {
            assert!(check(json).is_err(), "{json}");
        }
    }

    #[test]
    fn an_object_that_stands_for_another_text_is_refused() {
        assert!(check(r#"{"a":{"$serde_json":"1"}}"#).is_ok());
        for json in [
            r#"{"$serde_json::private::RawValue":"1"}"#,
            r#"{"a":[{"\u0024serde_json::private::RawValue":"1"}]}"#,
        ] {
            assert!(check(json).is_err(), "{json}");
        }
    }

    #[test]
    fn a_duplicate_is_found_among_very_many_names() {
        let names: Vec<String> = (0..5_000).map(|n| format!(r#""n{n}":0"#)).collect();
        let good = format!("{{{}}}", names.join(","));
        assert!(check(&good).is_ok());
        for twice in ["n0", "n31", "n32", "n4999"] {
            let bad = format!(r#"{{{},"{twice}":1}}"#, names.join(","));
            assert!(check(&bad).is_err(), "{twice}");
        }
    }

    #[test]
    fn a_borrowed_text_knows_its_position() {
        let whole = String::from("abcdef");
        assert_eq!(position(&whole, &whole[2..4]), Some((2, 4)));
        assert_eq!(position(&whole[2..4], &whole[3..6]), None);
    }
}
