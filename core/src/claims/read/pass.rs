//! The one pass over a payload: the registered claims are read as the user's type reads the rest.

use std::{borrow::Cow, fmt, mem};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor},
};

use super::{
    capture::Capture,
    hints::same_hints,
    recorder::{Claim, Recorder},
    spec::ClaimSpec,
    sticky::Failed,
    strict::{NameSeed, Strict},
    unreadable::Unreadable,
};
use crate::{
    claims::RegisteredClaims,
    jose::{MemberNames, SERDE_RAW_VALUE},
};

impl RegisteredClaims {
    /// Reads a payload, and what is wanted of it beside the registered claims.
    ///
    /// The whole payload is checked: one JSON object, no duplicate member at any level.
    pub(crate) fn parse(payload: &str, wanted: &ClaimSpec) -> Result<Self, Unreadable> {
        let mut claims = Self::default();
        claims.read(payload, wanted)?;
        Ok(claims)
    }

    /// The same into claims that are empty.
    pub(crate) fn read(&mut self, payload: &str, wanted: &ClaimSpec) -> Result<(), Unreadable> {
        let failed = Failed::default();
        let mut pass = Pass::new(Recorder::new(payload, wanted, self, &failed));
        match pass.run(|_: IgnoredAny| ()) {
            Ok(()) => Ok(()),
            Err(error) => Err(match pass.caught.claim() {
                Some(claim) => Unreadable::Claim(claim),
                None if pass.is_object => Unreadable::Payload(error.column()),
                None => Unreadable::NoObject,
            }),
        }
    }

    /// The same, and in the same pass the payload as a `T`, or why it does not fit a `T`. That is put
    /// into `read`, and not returned: a `T` may be large, and costs to move.
    ///
    /// What this pass says no to is read again without `T`, so that the verdict on a token never
    /// depends on it. Some types always take that way: raw JSON, numbers as member names.
    pub(crate) fn read_as<'de, T: Deserialize<'de>>(
        &mut self,
        payload: &'de str,
        wanted: &ClaimSpec,
        read: &mut Option<Result<T, serde_json::Error>>,
    ) -> Result<(), Unreadable> {
        let failed = Failed::default();
        let mut pass = Pass::new(Recorder::new(payload, wanted, self, &failed));
        if pass.run(|claims| *read = Some(Ok(claims))).is_ok() {
            return Ok(());
        }
        (*self, *read) = (Self::default(), None);
        self.read(payload, wanted)?;
        *read = Some(serde_json::from_str(payload));
        Ok(())
    }
}

/// What is known of the payload so far.
struct Pass<'p, 'de> {
    caught: Recorder<'p, 'de>,
    /// The members that are no registered or wanted claims.
    names: MemberNames<'de>,
    /// Which of the wanted claims were met.
    found: u64,
    /// Whether the payload was looked at, and is an object.
    is_object: bool,
}

impl<'p, 'de> Pass<'p, 'de> {
    fn new(caught: Recorder<'p, 'de>) -> Self {
        Self {
            caught,
            names: MemberNames::default(),
            found: 0,
            is_object: false,
        }
    }

    /// Reads a `T`, which counts only if this is `Ok`.
    fn run<T: Deserialize<'de>>(&mut self, keep: impl FnOnce(T)) -> Result<(), serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(self.caught.payload);
        let failed = self.caught.failed;
        keep(T::deserialize(Payload {
            deserializer: &mut deserializer,
            pass: self,
            failed,
        })?);
        deserializer.end()?;
        if failed.is_set() || !self.is_object {
            return Err(serde_json::Error::custom("the type swallowed an error"));
        }
        self.caught.claims.missing = self.caught.wanted.all_claims() & !self.found;
        Ok(())
    }

    /// What the member of this name is, if it is a claim of a certain form.
    fn member(&mut self, name: &str) -> Option<Claim> {
        let wanted = self.caught.wanted;
        // Most names differ in their first byte.
        let first = name.as_bytes().first();
        let is_it = |own: &str| own.as_bytes().first() == first && own == name;
        if let Some(index) = wanted.claims.iter().position(|own| is_it(own)) {
            self.found |= 1 << index;
        }
        wanted.form_of(name)
    }
}

/// The payload as the user's type meets it: an object.
struct Payload<'c, 'p, 'de, D> {
    deserializer: D,
    pass: &'c mut Pass<'p, 'de>,
    failed: &'c Failed,
}

impl<'c, 'p, 'de, D: Deserializer<'de>> Payload<'c, 'p, 'de, D> {
    fn read<V: Visitor<'de>>(
        self,
        visitor: V,
        f: impl FnOnce(D, Object<'c, 'p, 'de, V>) -> Result<V::Value, D::Error>,
    ) -> Result<V::Value, D::Error> {
        let Self {
            deserializer,
            pass,
            failed,
        } = self;
        failed.note(|| {
            f(
                deserializer,
                Object {
                    visitor,
                    pass,
                    failed,
                },
            )
        })
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Payload<'_, '_, 'de, D> {
    type Error = D::Error;

    same_hints!();

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_map(visitor)
    }
}

struct Object<'c, 'p, 'de, V> {
    visitor: V,
    pass: &'c mut Pass<'p, 'de>,
    failed: &'c Failed,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Object<'_, '_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.pass.is_object = true;
        self.visitor.visit_map(Members {
            map,
            pass: self.pass,
            failed: self.failed,
            claim: None,
            is_due: false,
        })
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let Self {
            visitor,
            pass,
            failed,
        } = self;
        visitor.visit_some(Payload {
            deserializer,
            pass,
            failed,
        })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        let Self {
            visitor,
            pass,
            failed,
        } = self;
        visitor.visit_newtype_struct(Payload {
            deserializer,
            pass,
            failed,
        })
    }
}

struct Members<'c, 'p, 'de, A> {
    map: A,
    pass: &'c mut Pass<'p, 'de>,
    failed: &'c Failed,
    /// The one whose value comes next, if it is one.
    claim: Option<Claim>,
    /// Whether a name has come, and its value has not.
    is_due: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, '_, 'de, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let Self {
            map,
            pass,
            failed,
            claim,
            is_due,
        } = self;
        failed.note(|| {
            map.next_key_seed(NameSeed {
                of: seed,
                look: |name: Cow<'de, str>| {
                    *is_due = true;
                    failed.read_name();
                    *claim = pass.member(&name);
                    match claim {
                        Some(_) => Ok(()),
                        None => pass.names.add(name),
                    }
                },
            })
        })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let failed = self.failed;
        let is_due = mem::take(&mut self.is_due);
        let Some(claim) = self.claim else {
            return failed.note_value(is_due, || {
                self.map.next_value_seed(Strict { of: seed, failed })
            });
        };
        let caught = &mut self.pass.caught;
        caught.start(claim);
        let capture = Capture { of: seed, caught };
        let value = failed.note_value(is_due, || self.map.next_value_seed(capture))?;
        failed.note(|| self.pass.caught.end())?;
        Ok(value)
    }
}
