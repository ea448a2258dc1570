//! One registered claim: it must have its form, whatever type of the user reads it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::{
    claims::{
        Span,
        hints::same_hints,
        span::Spans,
        strict::{Failed, StrictMap},
    },
    jose::json::MAGIC,
};

/// Around whatever reads the claim. What it reads is caught; another form is an error.
pub(super) struct Capture<'c, 'de, X> {
    pub(super) of: X,
    pub(super) claim: Claim<'c, 'de>,
}

/// A claim that is being read.
pub(super) struct Claim<'c, 'de> {
    pub(super) slot: Slot<'c>,
    /// Set when a value has come.
    pub(super) is_read: &'c mut bool,
    pub(super) payload: &'de str,
    pub(super) unescaped: &'c mut String,
    pub(super) failed: &'c Failed,
}

/// Where a claim is kept, which says how it must look.
pub(super) enum Slot<'c> {
    /// A `NumericDate` (RFC 7519 section 2), rounded to the stricter whole second.
    Date(&'c mut Option<i64>, Round),
    Object(&'c mut Option<()>),
    Text(&'c mut Option<Span>),
    /// One text or an array of them.
    Texts(&'c mut Option<Spans>, Alphabet),
    /// One of an array.
    Element(&'c mut Spans, Alphabet),
}

#[derive(Clone, Copy)]
pub(super) enum Round {
    Down,
    Up,
}

#[derive(Clone, Copy)]
pub(crate) enum Alphabet {
    Any,
    /// That of `scope` (RFC 6749 section 3.3), and the space between two of them.
    Scope,
}

impl Claim<'_, '_> {
    fn date<E: Error>(&mut self, whole: impl FnOnce(Round) -> Option<i64>) -> Result<(), E> {
        let Slot::Date(date, round) = &mut self.slot else {
            return Err(E::custom("a number may not stand here"));
        };
        let seconds = whole(*round);
        **date = Some(seconds.ok_or_else(|| E::custom("not seconds until the year 9999"))?);
        *self.is_read = true;
        Ok(())
    }

    fn text<E: Error>(&mut self, text: &str, span: Option<Span>) -> Result<(), E> {
        let span = span.ok_or_else(|| E::custom("too long a payload"))?;
        match &mut self.slot {
            Slot::Text(claim) => **claim = Some(span),
            Slot::Texts(claim, alphabet) if alphabet.has_all_of(text) => {
                **claim = Some(Spans::One(span));
            }
            Slot::Element(texts, alphabet) if alphabet.has_all_of(text) => texts.push(span),
            _ => return Err(E::custom("such a text may not stand here")),
        }
        *self.is_read = true;
        Ok(())
    }
}

impl Alphabet {
    pub(crate) fn has_all_of(self, text: &str) -> bool {
        let good = |byte: u8| (0x20..=0x7e).contains(&byte) & (byte != b'"') & (byte != b'\\');
        match self {
            Self::Any => true,
            // Without an early exit, so that this becomes a vector loop.
            Self::Scope => text.bytes().fold(true, |all, byte| all & good(byte)),
        }
    }
}

impl Round {
    // The range is checked before the conversion, so nothing is cut off.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    fn whole(self, seconds: f64) -> Option<i64> {
        let whole = match self {
            Self::Down => seconds.floor(),
            Self::Up => seconds.ceil(),
        };
        (0.0..=LAST_SECOND as f64)
            .contains(&seconds)
            .then_some(whole as i64)
    }
}

/// The last second of the year 9999. A later time is a unit mix-up, mostly milliseconds.
pub(crate) const LAST_SECOND: i64 = 253_402_300_799;

fn whole(seconds: u64) -> Option<i64> {
    let seconds = i64::try_from(seconds).ok()?;
    (seconds <= LAST_SECOND).then_some(seconds)
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Capture<'_, 'de, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        self.read(deserializer, |seed, deserializer| {
            seed.deserialize(deserializer)
        })
    }
}

impl<'c, 'de, X> Capture<'c, 'de, X> {
    /// Does something with what is inside, and stands around what comes to it.
    fn read<Y, R, E>(
        self,
        inner: Y,
        f: impl FnOnce(X, Capture<'c, 'de, Y>) -> Result<R, E>,
    ) -> Result<R, E> {
        let Self { of, claim } = self;
        let failed = claim.failed;
        failed.note(f(of, Capture { of: inner, claim }))
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Capture<'_, 'de, D> {
    type Error = D::Error;

    same_hints!();

    /// What the user ignores is read all the same.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        match self.claim.slot {
            Slot::Date(..) => self.deserialize_f64(visitor),
            Slot::Object(_) => self.deserialize_map(visitor),
            Slot::Text(_) | Slot::Element(..) => self.deserialize_str(visitor),
            Slot::Texts(..) => self.deserialize_any(visitor),
        }
    }
}

// What is not here is another form, and an error by default.
impl<'de, V: Visitor<'de>> Visitor<'de> for Capture<'_, 'de, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a registered claim in its form")
    }

    fn visit_u64<E: Error>(mut self, seconds: u64) -> Result<V::Value, E> {
        self.claim.date(|_| whole(seconds))?;
        self.of.visit_u64(seconds)
    }

    fn visit_i64<E: Error>(mut self, seconds: i64) -> Result<V::Value, E> {
        self.claim
            .date(|_| u64::try_from(seconds).ok().and_then(whole))?;
        self.of.visit_i64(seconds)
    }

    fn visit_f64<E: Error>(mut self, seconds: f64) -> Result<V::Value, E> {
        self.claim.date(|round| round.whole(seconds))?;
        self.of.visit_f64(seconds)
    }

    fn visit_borrowed_str<E: Error>(mut self, text: &'de str) -> Result<V::Value, E> {
        let span = Span::of(self.claim.payload, text);
        self.claim.text(text, span)?;
        self.of.visit_borrowed_str(text)
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<V::Value, E> {
        let span = Span::unescaped(self.claim.payload, self.claim.unescaped, text);
        self.claim.text(text, span)?;
        self.of.visit_str(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        let Slot::Texts(texts, alphabet) = self.claim.slot else {
            return Err(A::Error::custom("an array may not stand here"));
        };
        *self.claim.is_read = true;
        let texts = texts.insert(Spans::Many(Vec::new()));
        let claim = Claim {
            slot: Slot::Element(texts, alphabet),
            ..self.claim
        };
        self.of.visit_seq(Capture { of: seq, claim })
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.read(deserializer, |visitor, deserializer| {
            visitor.visit_some(deserializer)
        })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        self.read(deserializer, |visitor, deserializer| {
            visitor.visit_newtype_struct(deserializer)
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let Slot::Object(claim) = self.claim.slot else {
            return Err(A::Error::custom("an object may not stand here"));
        };
        *claim = Some(());
        *self.claim.is_read = true;
        self.of.visit_map(StrictMap::new(map, self.claim.failed))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Capture<'_, 'de, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let Slot::Element(texts, alphabet) = &mut self.claim.slot else {
            return Ok(None);
        };
        let failed = self.claim.failed;
        failed.note(self.of.next_element_seed(Capture {
            of: seed,
            claim: Claim {
                slot: Slot::Element(texts, *alphabet),
                is_read: self.claim.is_read,
                payload: self.claim.payload,
                unescaped: self.claim.unescaped,
                failed,
            },
        }))
    }

    fn size_hint(&self) -> Option<usize> {
        self.of.size_hint()
    }
}
