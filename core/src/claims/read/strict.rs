//! Any value, read by any type, with every object in it checked for duplicates.

use std::{borrow::Cow, fmt, mem};

use serde::{
    de::{
        DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess,
        VariantAccess, Visitor, value::BorrowedStrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{hints::same_hints, sticky::Failed};
use crate::jose::{BadName, MemberNames, SERDE_RAW_VALUE, StrictValue};

/// Around a deserializer, and around all that it hands out: what a type reads is checked meanwhile,
/// and what it ignores too.
pub(super) struct Strict<'f, X> {
    pub(super) of: X,
    pub(super) failed: &'f Failed,
}

impl<'f, X> Strict<'f, X> {
    /// Does something with what is inside, and stands around what comes to it.
    fn around<Y, R, E>(
        self,
        inner: Y,
        f: impl FnOnce(X, Strict<'f, Y>) -> Result<R, E>,
    ) -> Result<R, E> {
        let Self { of, failed } = self;
        failed.note(|| f(of, Strict { of: inner, failed }))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Strict<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.around(deserializer, |seed, deserializer| {
            seed.deserialize(deserializer)
        })
    }
}

impl<'f, D> Strict<'f, D> {
    fn read<V, R, E>(
        self,
        visitor: V,
        f: impl FnOnce(D, Strict<'f, V>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.failed.read_value();
        self.around(visitor, f)
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Strict<'_, D> {
    type Error = D::Error;

    same_hints!();

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.failed.read_value();
        self.failed.note(|| StrictValue::ANY.deserialize(self.of))?;
        visitor.visit_unit()
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Strict<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of.expecting(f)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<V::Value, E> {
        self.of.visit_bool(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<V::Value, E> {
        self.of.visit_i64(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<V::Value, E> {
        self.of.visit_u64(value)
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<V::Value, E> {
        self.of.visit_i128(value)
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<V::Value, E> {
        self.of.visit_u128(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        self.of.visit_f64(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.of.visit_str(text)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.of.visit_borrowed_str(text)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.of.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.of.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.failed.hand_out();
        self.around(deserializer, |visitor, deserializer| {
            visitor.visit_some(deserializer)
        })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        self.failed.hand_out();
        self.around(deserializer, |visitor, deserializer| {
            visitor.visit_newtype_struct(deserializer)
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        self.around(seq, Visitor::visit_seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.of.visit_map(StrictMap::new(map, self.failed))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        self.around(variant, Visitor::visit_enum)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Strict<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let Self { of, failed } = self;
        failed.note_element(|| of.next_element_seed(Strict { of: seed, failed }))
    }
}

// An enum with content is an object with one member, which has no duplicate.
impl<'de, 'f, A: EnumAccess<'de>> EnumAccess<'de> for Strict<'f, A> {
    type Error = A::Error;
    type Variant = Strict<'f, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let Self { of, failed } = self;
        let (value, variant) = failed.note(|| of.variant_seed(seed))?;
        failed.read_name();
        let variant = Strict {
            of: variant,
            failed,
        };
        Ok((value, variant))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Strict<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.failed.read_behind_name();
        self.failed.note(|| self.of.unit_variant())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let Self { of, failed } = self;
        failed.note_value(true, || {
            of.newtype_variant_seed(Strict { of: seed, failed })
        })
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.failed.read_behind_name();
        self.around(visitor, |variant, visitor| {
            variant.tuple_variant(length, visitor)
        })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.failed.read_behind_name();
        self.around(visitor, |variant, visitor| {
            variant.struct_variant(fields, visitor)
        })
    }
}

/// The members of an object, each name once.
pub(super) struct StrictMap<'f, 'de, A> {
    map: A,
    names: MemberNames<'de>,
    failed: &'f Failed,
    /// Whether a name has come, and its value has not.
    is_due: bool,
}

impl<'f, A> StrictMap<'f, '_, A> {
    pub(super) fn new(map: A, failed: &'f Failed) -> Self {
        Self {
            map,
            names: MemberNames::default(),
            failed,
            is_due: false,
        }
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for StrictMap<'_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let Self {
            map,
            names,
            failed,
            is_due,
        } = self;
        failed.note(|| {
            map.next_key_seed(NameSeed {
                of: seed,
                look: |name: Cow<'de, str>| {
                    *is_due = true;
                    failed.read_name();
                    names.add(name)
                },
            })
        })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let failed = self.failed;
        let is_due = mem::take(&mut self.is_due);
        failed.note_value(is_due, || {
            self.map.next_value_seed(Strict { of: seed, failed })
        })
    }
}

/// Reads the name of a member: `look` may refuse it, and the type that reads the object gets it.
pub(super) struct NameSeed<S, F> {
    pub(super) of: S,
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
        self.of
            .deserialize(Name(BorrowedStrDeserializer::new(name)))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<S::Value, E> {
        (self.look)(Cow::Owned(name.to_owned())).map_err(E::custom)?;
        self.of.deserialize(Name(name.into_deserializer()))
    }
}

macro_rules! refuse {
    ($($method:ident)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, D::Error> {
                Err(D::Error::custom("this name is not read as a text"))
            }
        )*
    };
}

/// The name of a member, for a type that reads it as a text. What wants more of it, such as a number,
/// finds it when the payload is read without these checks.
struct Name<D>(D);

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
