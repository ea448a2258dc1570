//! The name of a member, shown to the pass before the app's type gets it.

use std::{borrow::Cow, fmt};

use serde::{
    de::{
        DeserializeSeed, Deserializer, Error, IntoDeserializer, Visitor,
        value::BorrowedStrDeserializer,
    },
    forward_to_deserialize_any,
};

use crate::jose::BadName;

/// Reads the name of a member: `look` may refuse it, and the type that reads the object gets it.
pub(super) struct NameSeed<S, F> {
    pub(super) seed: S,
    pub(super) look: F,
}

impl<'de, S, F> DeserializeSeed<'de> for NameSeed<S, F>
where
    S: DeserializeSeed<'de>,
    F: FnOnce(Cow<'de, str>) -> Result<(), BadName>,
{
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, S, F> Visitor<'de> for NameSeed<S, F>
where
    S: DeserializeSeed<'de>,
    F: FnOnce(Cow<'de, str>) -> Result<(), BadName>,
{
    type Value = S::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<S::Value, E> {
        (self.look)(Cow::Borrowed(name)).map_err(E::custom)?;
        self.seed
            .deserialize(Name(BorrowedStrDeserializer::new(name)))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<S::Value, E> {
        (self.look)(Cow::Owned(name.to_owned())).map_err(E::custom)?;
        self.seed.deserialize(Name(name.into_deserializer()))
    }
}

/// The name of a member, for a type that reads it as a text. A type that wants more of it, such as a
/// number, finds it when the payload is read without these checks.
struct Name<D>(D);

macro_rules! refuse {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, D::Error> {
                Err(D::Error::custom("this name is not read as a text"))
            }
        )*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Name<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    refuse! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_u128 deserialize_f32 deserialize_f64 deserialize_bytes deserialize_byte_buf
    }

    forward_to_deserialize_any! {
        char str string identifier ignored_any seq tuple tuple_struct map struct unit unit_struct
    }
}
