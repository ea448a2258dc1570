//! JSON read strictly: no member name twice in one object, at any level.
//!
//! RFC 7515 section 4 and RFC 7519 section 4 let a parser take the last of several members with
//! the same name. Two parsers that choose differently see two different tokens, so such a text is
//! refused here. `serde_json` reads the grammar and bounds the depth (128 levels).

use std::{borrow::Cow, cell::Cell, fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::member_names::{BadName, MemberNames};

/// Reads any value, checks it, and throws it away.
#[derive(Clone, Copy)]
pub(crate) struct StrictValue<'b> {
    /// The members and elements that it may contain, and the levels.
    bounds: Option<(&'b Bounds, usize)>,
}

/// The number of members and elements that may still come.
pub(crate) struct Bounds(Cell<usize>);

impl Bounds {
    pub(crate) fn new(most: usize) -> Self {
        Self(Cell::new(most))
    }
}

impl<'b> StrictValue<'b> {
    /// Reads any value, as large and as deep as the parser allows.
    pub(crate) const ANY: Self = Self { bounds: None };

    /// Reads a value of at most `levels` of nesting, within bounds that it shares with others.
    pub(crate) fn within(bounds: &'b Bounds, levels: usize) -> Self {
        Self {
            bounds: Some((bounds, levels)),
        }
    }

    /// Counts one more member or element.
    pub(crate) fn count<E: Error>(self) -> Result<(), E> {
        if let Some((Bounds(left), _)) = self.bounds {
            let fewer = left.get().checked_sub(1);
            left.set(fewer.ok_or_else(|| E::custom("too many members"))?);
        }
        Ok(())
    }

    /// Returns what reads the values one level below.
    fn inner<E: Error>(self) -> Result<Self, E> {
        let Some((bounds, levels)) = self.bounds else {
            return Ok(self);
        };
        let levels = levels.checked_sub(1).ok_or_else(|| E::custom("too deep"))?;
        Ok(Self::within(bounds, levels))
    }
}

impl<'de> DeserializeSeed<'de> for StrictValue<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue<'_> {
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
        let inner = self.inner()?;
        while seq.next_element_seed(inner)?.is_some() {
            self.count()?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        let mut names = MemberNames::default();
        while let Some(name) = map.next_key_seed(Text)? {
            self.count()?;
            match names.add(name) {
                Ok(()) => map.next_value_seed(inner)?,
                Err(BadName::Reserved) => map.next_value_seed(OwnNumber)?,
                Err(twice @ BadName::Twice) => return Err(A::Error::custom(twice)),
            }
        }
        Ok(())
    }
}

/// Reads the number that `serde_json` hands out as an object, with its feature `arbitrary_precision`:
/// one with a point, with an exponent, or too large for 64 bits.
///
/// Its text comes as a `String`. The strings of a document never do: they are borrowed from it or from
/// a buffer, so an object that only looks like a number is refused.
struct OwnNumber;

impl<'de> DeserializeSeed<'de> for OwnNumber {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for OwnNumber {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text of a number")
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Err(E::custom(BadName::Reserved))
    }

    fn visit_string<E>(self, _: String) -> Result<(), E> {
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

/// Returns the bytes as a text, if they are UTF-8 (RFC 8259 section 8.1).
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    simdutf8::basic::from_utf8(bytes).ok()
}

/// Checks that `json` is one JSON value without duplicate member names.
pub(crate) fn check(json: &str) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    StrictValue::ANY.deserialize(&mut deserializer)?;
    deserializer.end()
}

/// Returns the position of `text` inside `whole`, if it was borrowed from it.
pub(crate) fn position(whole: &str, text: &str) -> Option<(u32, u32)> {
    let start = (text.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let end = start.checked_add(text.len())?;
    (end <= whole.len()).then_some(())?;
    Some((u32::try_from(start).ok()?, u32::try_from(end).ok()?))
}

/// Reads one member of an object and skips the others. `Ok(None)` when the object has no such member, an
/// error when it does not fit `T`.
///
/// The text must have passed [`check`] before: a duplicate is not looked for again.
pub(crate) fn member<'de, T: Deserialize<'de>>(
    json: &'de str,
    name: &str,
) -> Result<Option<T>, serde_json::Error> {
    serde_json::Deserializer::from_str(json).deserialize_map(Member(name, PhantomData))
}

struct Member<'n, T>(&'n str, PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Member<'_, T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key_seed(Text)? {
            if name == self.0 {
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
    use proptest::prelude::*;

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
    fn a_duplicate_is_found_whichever_of_the_two_has_an_escape() {
        let escaped: Vec<String> = (0..50).map(|n| format!(r#""\u006e{n}":0"#)).collect();
        for count in [1, 11, 12, 13, 20, 21, 32, 33, 50] {
            let first = escaped[..count].join(",");
            assert!(check(&format!(r#"{{{first},"n50":0}}"#)).is_ok());
            for twice in 0..count {
                assert!(check(&format!(r#"{{{first},"n{twice}":0}}"#)).is_err());
                assert!(check(&format!(r#"{{"n{twice}":0,{first}}}"#)).is_err());
                assert!(check(&format!(r#"{{"m":0,"n{twice}":0,"o":0,{first}}}"#)).is_err());
            }
        }
    }

    #[test]
    fn an_object_that_stands_for_another_text_is_refused() {
        assert!(check(r#"{"a":{"$serde_json":"1"}}"#).is_ok());
        for json in [
            r#"{"$serde_json::private::RawValue":"1"}"#,
            r#"{"a":[{"\u0024serde_json::private::RawValue":"1"}]}"#,
            r#"{"$serde_json::private::Number":"7"}"#,
            r#"{"$serde_json::private::Number":"\u0037"}"#,
            r#"{"$serde_json::private::Number":7}"#,
            r#"{"$serde_json::private::Number":7.5}"#,
            r#"{"a":[{"\u0024serde_json::private::Number":"7"}]}"#,
            r#"{"a":1,"$serde_json::private::Number":"7"}"#,
            r#"{"$serde_json::private::":null}"#,
            r#"{"$serde_json::private::Another":{}}"#,
        ] {
            assert!(check(json).is_err(), "{json}");
        }
        for json in [
            r#"{"$serde_json::private":"1"}"#,
            r#"{"serde_json::private::Number":"7"}"#,
            r#"{"a":"$serde_json::private::Number"}"#,
        ] {
            assert!(check(json).is_ok(), "{json}");
        }
    }

    // Also where another crate of the build has turned features of `serde_json` on.
    #[test]
    fn every_number_may_stand_in_a_value() {
        for number in [
            "0",
            "-0",
            "7",
            "7.5",
            "-1e3",
            "1E400",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775809",
            "0.1000000000000000055511151231257827",
        ] {
            let read = check(&format!(
                r#"{{"a":[{number}],"b":{number},"c":{{"d":{number}}}}}"#
            ));
            // Without `arbitrary_precision`, this one is too large.
            assert_eq!(
                read.is_ok(),
                number != "1E400" || keeps_all_digits(),
                "{number}"
            );
        }
    }

    fn keeps_all_digits() -> bool {
        serde_json::from_str::<serde_json::Value>("1E400").is_ok()
    }

    #[test]
    fn nesting_has_a_bound_whatever_features_others_turn_on() {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let nested = |depth| open.repeat(depth) + "0" + &close.repeat(depth);
            assert!(check(&nested(127)).is_ok());
            assert!(check(&nested(128)).is_err());
            assert!(check(&nested(100_000)).is_err());
        }
    }

    #[test]
    fn a_borrowed_text_knows_its_position() {
        let whole = String::from("abcdef");
        assert_eq!(position(&whole, &whole[2..4]), Some((2, 4)));
        assert_eq!(position(&whole[2..4], &whole[3..6]), None);
    }

    proptest! {
        #[test]
        fn what_is_a_text_is_what_the_standard_library_says(
            text in any::<String>(),
            padding in 0..140_usize,
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut bytes = "a".repeat(padding).into_bytes();
            bytes.extend_from_slice(text.as_bytes());
            let agree = |bytes: &[u8]| assert_eq!(super::text(bytes), str::from_utf8(bytes).ok());
            agree(&bytes);
            let at = at.index(bytes.len() + 1);
            agree(&bytes[..at]);
            agree(&bytes[at..]);
            bytes.insert(at, byte);
            agree(&bytes);
        }
    }
}
