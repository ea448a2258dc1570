//! One registered claim: it must have its form, whatever type of the user reads it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{
    hints::same_hints,
    recorder::{Form, Recorder, whole},
    strict::StrictMap,
};
use crate::jose::SERDE_RAW_VALUE;

/// Around whatever reads the claim that was started. What it reads is caught; another form is an
/// error.
pub(super) struct Capture<'c, 'p, 'de, X> {
    pub(super) of: X,
    pub(super) caught: &'c mut Recorder<'p, 'de>,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Capture<'_, '_, 'de, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.around(deserializer, |seed, deserializer| {
            seed.deserialize(deserializer)
        })
    }
}

impl<'c, 'p, 'de, X> Capture<'c, 'p, 'de, X> {
    /// Does something with what is inside, and stands around what comes to it.
    fn around<Y, R, E>(
        self,
        inner: Y,
        f: impl FnOnce(X, Capture<'c, 'p, 'de, Y>) -> Result<R, E>,
    ) -> Result<R, E> {
        let Self { of, caught } = self;
        let failed = caught.failed;
        failed.note(|| f(of, Capture { of: inner, caught }))
    }
}

impl<'c, 'p, 'de, D> Capture<'c, 'p, 'de, D> {
    fn read<V, R, E>(
        self,
        visitor: V,
        f: impl FnOnce(D, Capture<'c, 'p, 'de, V>) -> Result<R, E>,
    ) -> Result<R, E> {
        self.caught.failed.read_value();
        self.around(visitor, f)
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Capture<'_, '_, 'de, D> {
    type Error = D::Error;

    same_hints!();

    /// What the user ignores is read all the same.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        match self.caught.form() {
            Form::Date => self.deserialize_f64(visitor),
            Form::Object => self.deserialize_map(visitor),
            Form::Text => self.deserialize_str(visitor),
            Form::Texts => self.deserialize_any(visitor),
        }
    }
}

// What is not here is another form, and an error by default.
impl<'de, V: Visitor<'de>> Visitor<'de> for Capture<'_, '_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a registered claim in its form")
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<V::Value, E> {
        self.caught.date(|_| whole(seconds))?;
        self.of.visit_u64(seconds)
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<V::Value, E> {
        let positive = u64::try_from(seconds).ok();
        self.caught.date(|_| positive.and_then(whole))?;
        self.of.visit_i64(seconds)
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<V::Value, E> {
        self.caught.date(|round| round.whole(seconds))?;
        self.of.visit_f64(seconds)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.caught.borrowed(text)?;
        self.of.visit_borrowed_str(text)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.caught.unescaped(text)?;
        self.of.visit_str(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        self.caught.array()?;
        self.around(seq, Visitor::visit_seq)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.caught.failed.hand_out();
        self.around(deserializer, |visitor, deserializer| {
            visitor.visit_some(deserializer)
        })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        self.caught.failed.hand_out();
        self.around(deserializer, |visitor, deserializer| {
            visitor.visit_newtype_struct(deserializer)
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.caught.object()?;
        self.of.visit_map(StrictMap::new(map, self.caught.failed))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Capture<'_, '_, 'de, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let failed = self.caught.failed;
        let caught = &mut *self.caught;
        failed.note_element(|| self.of.next_element_seed(Capture { of: seed, caught }))
    }
}
