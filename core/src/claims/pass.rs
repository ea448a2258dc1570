//! The one pass over a payload: the registered claims are read as the user's type reads the rest.

use std::fmt;

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor},
};

use crate::{
    claims::{
        Place, Registered, Span,
        capture::{Alphabet, Capture, Claim, Round, Slot},
        hints::same_hints,
        span::Spans,
        strict::{Failed, Strict, hand_on},
        wanted::Wanted,
    },
    error::AuthErrorKind,
    jose::json::{MAGIC, Names, Text},
};

impl Registered {
    /// Reads a payload, and what is wanted of it beside the registered claims.
    ///
    /// The whole payload is checked: one JSON object, no duplicate member at any level.
    pub(crate) fn parse(payload: &str, wanted: &Wanted) -> Result<Self, AuthErrorKind> {
        let mut claims = Self::default();
        claims.read(payload, wanted)?;
        Ok(claims)
    }

    /// The same into claims that are empty.
    pub(crate) fn read(&mut self, payload: &str, wanted: &Wanted) -> Result<(), AuthErrorKind> {
        let mut pass = Pass::new(self, payload, wanted);
        match pass.run::<IgnoredAny>() {
            Ok(_) => Ok(()),
            Err(_) if pass.in_claim => Err(AuthErrorKind::InvalidClaim),
            Err(_) => Err(AuthErrorKind::MalformedToken),
        }
    }

    /// The same, and the payload as a `T` in the same pass, or why it does not fit a `T`.
    ///
    /// What this pass says no to is read again without `T`, so that the verdict on a token never
    /// depends on it. Some types always take that way: raw JSON, numbers as member names.
    pub(crate) fn read_as<'de, T: Deserialize<'de>>(
        &mut self,
        payload: &'de str,
        wanted: &Wanted,
    ) -> Result<Result<T, serde_json::Error>, AuthErrorKind> {
        if let Ok(claims) = Pass::new(self, payload, wanted).run::<T>() {
            return Ok(Ok(claims));
        }
        *self = Self::default();
        self.read(payload, wanted)?;
        Ok(serde_json::from_str(payload))
    }
}

/// What is known of the payload so far.
struct Pass<'de, 'w> {
    payload: &'de str,
    wanted: &'w Wanted,
    claims: &'w mut Registered,
    /// The members that are no registered or wanted claims.
    names: Names<'de>,
    /// Which of the wanted claims were met.
    found: u64,
    /// Whether a claim with a certain type is being read, and whether its value has come.
    in_claim: bool,
    is_read: bool,
    /// Whether the payload was looked at, and is an object.
    is_object: bool,
}

/// What a member of the payload is.
#[derive(Clone, Copy)]
enum Member {
    Confirmation,
    Date(Date),
    Place(Place),
    Unregistered,
}

#[derive(Clone, Copy)]
enum Date {
    AuthTime,
    Expiry,
    IssuedAt,
    NotBefore,
}

impl<'de, 'w> Pass<'de, 'w> {
    fn new(claims: &'w mut Registered, payload: &'de str, wanted: &'w Wanted) -> Self {
        claims.others.resize_with(wanted.texts().len(), || None);
        Self {
            payload,
            wanted,
            claims,
            names: Names::default(),
            found: 0,
            in_claim: false,
            is_read: false,
            is_object: false,
        }
    }

    fn run<T: Deserialize<'de>>(&mut self) -> Result<T, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(self.payload);
        let failed = Failed::default();
        let claims = T::deserialize(Payload {
            deserializer: &mut deserializer,
            pass: self,
            failed: &failed,
        })?;
        deserializer.end()?;
        if failed.is_set() || !self.is_object {
            return Err(serde_json::Error::custom("the type swallowed an error"));
        }
        let mut all = (0_u8..).take(self.wanted.claims.len());
        self.claims.missing = all.find(|index| self.found & (1 << index) == 0);
        Ok(claims)
    }

    fn member(&mut self, name: &str) -> Member {
        let mut all = self.wanted.claims.iter();
        if let Some(index) = all.position(|wanted| **wanted == *name) {
            self.found |= 1 << index;
        }
        match name {
            "acr" => Member::Place(Place::Acr),
            "aud" => Member::Place(Place::Audience),
            "auth_time" => Member::Date(Date::AuthTime),
            "client_id" => Member::Place(Place::ClientId),
            "cnf" => Member::Confirmation,
            "exp" => Member::Date(Date::Expiry),
            "iat" => Member::Date(Date::IssuedAt),
            "iss" => Member::Place(Place::Issuer),
            "jti" => Member::Place(Place::Id),
            "nbf" => Member::Date(Date::NotBefore),
            "scope" => Member::Place(Place::Scope),
            "sid" => Member::Place(Place::SessionId),
            "sub" => Member::Place(Place::Subject),
            _ => {
                let mut texts = self.wanted.texts().iter();
                match texts.position(|wanted| *wanted.name == *name) {
                    Some(index) => Member::Place(Place::Other(index)),
                    None => Member::Unregistered,
                }
            }
        }
    }

    /// Where to keep the claim, if it is one; an error if it is there already.
    fn claim<'c, E: Error>(
        &'c mut self,
        member: Member,
        failed: &'c Failed,
    ) -> Result<Option<Claim<'c, 'de>>, E> {
        let claims = &mut *self.claims;
        let unescaped = &mut claims.unescaped;
        let (slot, is_new) = match member {
            Member::Confirmation => object(&mut claims.confirmation),
            Member::Date(Date::AuthTime) => date(&mut claims.auth_time, Round::Down),
            Member::Date(Date::Expiry) => date(&mut claims.expires_at, Round::Down),
            Member::Date(Date::IssuedAt) => date(&mut claims.issued_at, Round::Up),
            Member::Date(Date::NotBefore) => date(&mut claims.not_before, Round::Up),
            Member::Place(Place::Acr) => text(&mut claims.acr),
            Member::Place(Place::Audience) => texts(&mut claims.audience, Alphabet::Any),
            Member::Place(Place::ClientId) => text(&mut claims.client_id),
            Member::Place(Place::Id) => text(&mut claims.id),
            Member::Place(Place::Issuer) => text(&mut claims.issuer),
            Member::Place(Place::Other(index)) => {
                let alphabet = match self.wanted.texts()[index].scopes {
                    true => Alphabet::Scope,
                    false => Alphabet::Any,
                };
                texts(&mut claims.others[index], alphabet)
            }
            Member::Place(Place::Scope) => texts(&mut claims.scope, Alphabet::Scope),
            Member::Place(Place::SessionId) => text(&mut claims.session_id),
            Member::Place(Place::Subject) => text(&mut claims.subject),
            Member::Unregistered => return Ok(None),
        };
        self.in_claim = true;
        self.is_read = false;
        if !is_new {
            return Err(E::custom("duplicate member name"));
        }
        Ok(Some(Claim {
            slot,
            is_read: &mut self.is_read,
            payload: self.payload,
            unescaped,
            failed,
        }))
    }
}

fn date(claim: &mut Option<i64>, round: Round) -> (Slot<'_>, bool) {
    let is_new = claim.is_none();
    (Slot::Date(claim, round), is_new)
}

fn object(claim: &mut Option<()>) -> (Slot<'_>, bool) {
    let is_new = claim.is_none();
    (Slot::Object(claim), is_new)
}

fn text(claim: &mut Option<Span>) -> (Slot<'_>, bool) {
    let is_new = claim.is_none();
    (Slot::Text(claim), is_new)
}

fn texts(claim: &mut Option<Spans>, alphabet: Alphabet) -> (Slot<'_>, bool) {
    let is_new = claim.is_none();
    (Slot::Texts(claim, alphabet), is_new)
}

/// The payload as the user's type meets it: an object.
struct Payload<'p, 'de, 'w, D> {
    deserializer: D,
    pass: &'p mut Pass<'de, 'w>,
    failed: &'p Failed,
}

impl<'p, 'de, 'w, D: Deserializer<'de>> Payload<'p, 'de, 'w, D> {
    fn read<V: Visitor<'de>>(
        self,
        visitor: V,
        f: impl FnOnce(D, Object<'p, 'de, 'w, V>) -> Result<V::Value, D::Error>,
    ) -> Result<V::Value, D::Error> {
        let Self {
            deserializer,
            pass,
            failed,
        } = self;
        failed.note(f(
            deserializer,
            Object {
                visitor,
                pass,
                failed,
            },
        ))
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Payload<'_, 'de, '_, D> {
    type Error = D::Error;

    same_hints!();

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.deserialize_map(visitor)
    }
}

struct Object<'p, 'de, 'w, V> {
    visitor: V,
    pass: &'p mut Pass<'de, 'w>,
    failed: &'p Failed,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Object<'_, 'de, '_, V> {
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
            member: Member::Unregistered,
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

struct Members<'p, 'de, 'w, A> {
    map: A,
    pass: &'p mut Pass<'de, 'w>,
    failed: &'p Failed,
    /// The one whose value comes next.
    member: Member,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<'_, 'de, '_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let Some(name) = self.failed.note(self.map.next_key_seed(Text))? else {
            return Ok(None);
        };
        self.member = self.pass.member(&name);
        if let Member::Unregistered = self.member {
            self.failed.note(self.pass.names.add(name.clone()))?;
        }
        self.failed.note(hand_on(name, seed)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let failed = self.failed;
        let Some(claim) = failed.note(self.pass.claim(self.member, failed))? else {
            return failed.note(self.map.next_value_seed(Strict { of: seed, failed }));
        };
        let value = failed.note(self.map.next_value_seed(Capture { of: seed, claim }))?;
        if !self.pass.is_read {
            return failed.note(Err(A::Error::custom("the type did not look at a claim")));
        }
        self.pass.in_claim = false;
        Ok(value)
    }

    fn size_hint(&self) -> Option<usize> {
        self.map.size_hint()
    }
}
