//! The members of an object: their names are shown to the pass before the app's type gets them.

use std::{borrow::Cow, fmt, mem};

use serde::{
    de::{
        DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor,
        value::BorrowedStrDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{
    adapter::{Place, Watched},
    pass::Pass,
    spec::ClaimSlot,
};
use crate::jose::MemberNames;

/// The members of an object. A wrapper as [`Watched`] is.
pub(super) struct WatchedMap<'w, 'p, 'de, A> {
    map: A,
    names: Names<'w, 'p, 'de>,
}

impl<'w, 'p, 'de, A> WatchedMap<'w, 'p, 'de, A> {
    pub(super) fn new(map: A, place: Place, pass: &'w mut Pass<'p, 'de>) -> Self {
        let names = Names {
            place,
            pass,
            others: MemberNames::default(),
            claim: None,
            is_due: false,
        };
        Self { map, names }
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WatchedMap<'_, '_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let names = &mut self.names;
        let result = self.map.next_key_seed(NameSeed { seed, names });
        self.names.pass.sticky.note(&result);
        result
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let pass = &mut *self.names.pass;
        pass.sticky.expect_value(mem::take(&mut self.names.is_due));
        let place = match self.names.claim {
            Some(slot) => {
                pass.recorder.start(slot);
                Place::Claim
            }
            None => Place::Value,
        };
        let result = self.map.next_value_seed(Watched::new(seed, place, pass));
        pass.sticky.note_value(&result);
        if result.is_ok() && place == Place::Claim {
            pass.recorder.end();
        }
        result
    }
}

/// The names of an object, each of which comes once.
struct Names<'w, 'p, 'de> {
    place: Place,
    pass: &'w mut Pass<'p, 'de>,
    /// Those of no claim: the recorder sees by itself when a claim comes twice.
    others: MemberNames<'de>,
    /// The claim whose value comes next, if it is one.
    claim: Option<ClaimSlot>,
    /// Set from a name to its value.
    is_due: bool,
}

impl<'de> Names<'_, '_, 'de> {
    /// Checks the next name.
    fn add<E: Error>(&mut self, name: Cow<'de, str>) -> Result<(), E> {
        self.is_due = true;
        self.pass.sticky.read_name();
        self.claim = match self.place {
            Place::Payload => self.pass.member(&name),
            Place::Claim | Place::Value => None,
        };
        match self.claim {
            Some(_) => Ok(()),
            None => self.others.add(name).map_err(E::custom),
        }
    }
}

/// Checks the name of a member, and gives it to the type that reads the object.
struct NameSeed<'n, 'w, 'p, 'de, S> {
    seed: S,
    names: &'n mut Names<'w, 'p, 'de>,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for NameSeed<'_, '_, '_, 'de, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for NameSeed<'_, '_, '_, 'de, S> {
    type Value = S::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<S::Value, E> {
        self.names.add(Cow::Borrowed(name))?;
        let name = BorrowedStrDeserializer::new(name);
        self.seed.deserialize(Name(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<S::Value, E> {
        self.names.add(Cow::Owned(name.to_owned()))?;
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
