//! The deserializer between `serde_json` and the app's type: whatever passes by is checked.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::{
    members::WatchedMap,
    pass::Pass,
    recorder::{BadClaim, Recorder},
    spec::Form,
};
use crate::jose::{SERDE_RAW_VALUE, StrictValue};

/// A wrapper around a deserializer, a visitor, a seed or an access of `serde`, and around all that
/// comes out of it. It forwards each call unchanged.
pub(super) struct Watched<'w, 'p, 'de, X> {
    inner: X,
    place: Place,
    pass: &'w mut Pass<'p, 'de>,
}

/// The part of a payload that is watched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The payload itself, which is an object.
    Payload,
    /// The claim that the recorder has started, which has a form.
    Claim,
    /// Any other value. No object in it has a name twice.
    Value,
}

impl<'w, 'p, 'de, X> Watched<'w, 'p, 'de, X> {
    pub(super) fn new(inner: X, place: Place, pass: &'w mut Pass<'p, 'de>) -> Self {
        Self { inner, place, pass }
    }

    /// Takes a step with what is inside, wraps what goes into the step, and notes how it ended.
    #[inline]
    fn step<Y, R, E>(
        self,
        other: Y,
        step: impl FnOnce(X, Watched<'_, 'p, 'de, Y>) -> Result<R, E>,
    ) -> Result<R, E> {
        let Self { inner, place, pass } = self;
        let result = step(inner, Watched::new(other, place, pass));
        pass.sticky.note(&result);
        result
    }

    /// Has a type read a value.
    #[inline]
    fn read<V, R, E>(
        self,
        visitor: V,
        step: impl FnOnce(X, Watched<'_, 'p, 'de, V>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.pass.sticky.read_value();
        self.step(visitor, step)
    }

    /// Shows a value to the recorder, if it is that of a claim.
    #[inline]
    fn record<E: Error>(
        &mut self,
        show: impl FnOnce(&mut Recorder<'p, 'de>) -> Result<(), BadClaim>,
    ) -> Result<(), E> {
        match self.place {
            Place::Payload => Err(E::custom(BadClaim)),
            Place::Claim => show(&mut self.pass.recorder).map_err(E::custom),
            Place::Value => Ok(()),
        }
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Watched<'_, '_, 'de, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.step(deserializer, |seed, deserializer| {
            seed.deserialize(deserializer)
        })
    }
}

/// Forwards what a type asks for. Asked for anything, `serde_json` reads more than it does when it is
/// asked for a string or a map, and so a type would fit a payload that it does not fit by itself.
macro_rules! forward {
    ($($method:ident($($argument:ident: $type:ty),*))*) => {
        $(
            fn $method<V: Visitor<'de>>(
                self,
                $($argument: $type,)*
                visitor: V,
            ) -> Result<V::Value, D::Error> {
                self.read(visitor, |inner, visitor| inner.$method($($argument,)* visitor))
            }
        )*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Watched<'_, '_, 'de, D> {
    type Error = D::Error;

    forward! {
        deserialize_any() deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32()
        deserialize_i64() deserialize_i128() deserialize_u8() deserialize_u16() deserialize_u32()
        deserialize_u64() deserialize_u128() deserialize_f32() deserialize_f64() deserialize_char()
        deserialize_str() deserialize_string() deserialize_option() deserialize_unit()
        deserialize_unit_struct(name: &'static str)
        deserialize_seq()
        deserialize_tuple(length: usize)
        deserialize_tuple_struct(name: &'static str, length: usize)
        deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier()
    }

    /// Refuses: a byte string may contain what no text can, so it is read without these checks.
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.read(visitor, |_, _| {
            Err(D::Error::custom("no bytes in one pass"))
        })
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_bytes(visitor)
    }

    /// Refuses raw JSON text: nothing in it would be checked.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.read(visitor, |inner, visitor| match name {
            SERDE_RAW_VALUE => Err(D::Error::custom("no raw JSON in one pass")),
            _ => inner.deserialize_newtype_struct(name, visitor),
        })
    }

    /// Reads what the type ignores all the same.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        match (self.place, self.pass.recorder.form()) {
            (Place::Value, _) => self.read(visitor, |inner, visitor| {
                StrictValue::ANY.deserialize(inner)?;
                visitor.inner.visit_unit()
            }),
            (Place::Claim, Some(Form::Date(_))) => self.deserialize_f64(visitor),
            (Place::Claim, Some(Form::Text)) => self.deserialize_str(visitor),
            (Place::Claim, Some(Form::Scopes | Form::Texts)) => self.deserialize_any(visitor),
            (Place::Claim | Place::Payload, _) => self.deserialize_map(visitor),
        }
    }
}

/// Shows a value to the recorder, and then to the type.
macro_rules! scalars {
    ($($method:ident $type:ty: $show:expr;)*) => {
        $(
            fn $method<E: Error>(mut self, value: $type) -> Result<V::Value, E> {
                self.record(|recorder| $show(recorder, value))?;
                self.inner.$method(value)
            }
        )*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Watched<'_, '_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    scalars! {
        visit_bool bool: |_, _| Err(BadClaim);
        visit_i64 i64: Recorder::whole;
        visit_u64 u64: |recorder: &mut Recorder<'_, '_>, value| {
            i64::try_from(value).map_err(|_| BadClaim).and_then(|value| recorder.whole(value))
        };
        visit_i128 i128: |_, _| Err(BadClaim);
        visit_u128 u128: |_, _| Err(BadClaim);
        visit_f64 f64: Recorder::float;
        visit_str &str: Recorder::unescaped;
        visit_borrowed_str &'de str: Recorder::borrowed;
    }

    fn visit_none<E: Error>(mut self) -> Result<V::Value, E> {
        self.record(|_| Err(BadClaim))?;
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(mut self) -> Result<V::Value, E> {
        self.record(|_| Err(BadClaim))?;
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.pass.sticky.hand_out();
        self.step(deserializer, |visitor, deserializer| {
            visitor.visit_some(deserializer)
        })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        self.pass.sticky.hand_out();
        self.step(deserializer, |visitor, deserializer| {
            visitor.visit_newtype_struct(deserializer)
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        match self.place {
            Place::Payload => return Err(A::Error::custom(BadClaim)),
            Place::Claim => self.pass.recorder.array().map_err(A::Error::custom)?,
            Place::Value => {}
        }
        self.step(seq, |visitor, seq| visitor.visit_seq(seq))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let Self { inner, place, pass } = self;
        match place {
            Place::Payload => pass.is_object = true,
            Place::Claim => pass.recorder.object().map_err(A::Error::custom)?,
            Place::Value => {}
        }
        inner.visit_map(WatchedMap::new(map, place, pass))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        match self.place {
            Place::Payload | Place::Claim => Err(A::Error::custom(BadClaim)),
            Place::Value => self.step(variant, |visitor, variant| visitor.visit_enum(variant)),
        }
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Watched<'_, '_, 'de, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.pass.sticky.expect_element();
        let seed = Watched::new(seed, self.place, self.pass);
        let result = self.inner.next_element_seed(seed);
        self.pass.sticky.note_element(&result);
        result
    }
}

// An enum with content is an object with one member, which has no duplicate.
impl<'w, 'p, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Watched<'w, 'p, 'de, A> {
    type Error = A::Error;
    type Variant = Watched<'w, 'p, 'de, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let Self { inner, place, pass } = self;
        let result = inner.variant_seed(seed);
        pass.sticky.note(&result);
        let (value, inner) = result?;
        pass.sticky.read_name();
        Ok((value, Watched { inner, place, pass }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Watched<'_, '_, 'de, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.pass.sticky.read_behind_name();
        self.step((), |variant, _| variant.unit_variant())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let Self { inner, place, pass } = self;
        pass.sticky.expect_value(true);
        let result = inner.newtype_variant_seed(Watched::new(seed, place, pass));
        pass.sticky.note_value(&result);
        result
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.pass.sticky.read_behind_name();
        self.step(visitor, |variant, visitor| {
            variant.tuple_variant(length, visitor)
        })
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.pass.sticky.read_behind_name();
        self.step(visitor, |variant, visitor| {
            variant.struct_variant(fields, visitor)
        })
    }
}
