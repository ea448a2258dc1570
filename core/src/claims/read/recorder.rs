//! What is caught of a payload's claims while it is read, and the form that each must have.

use serde::de::Error;

use super::{
    spec::{ClaimSlot, ClaimSpec},
    sticky::Failed,
};
use crate::claims::{RegisteredClaims, TextRange, TextRanges};

/// The claims so far, and the one that is being read.
pub(super) struct Recorder<'p, 'de> {
    pub(super) payload: &'de str,
    pub(super) wanted: &'p ClaimSpec,
    pub(super) claims: &'p mut RegisteredClaims,
    pub(super) failed: &'p Failed,
    /// It stays where an error comes in between.
    claim: Option<Claim>,
    in_array: bool,
    is_read: bool,
}

/// A claim that must have a certain form.
#[derive(Clone, Copy)]
pub(crate) enum Claim {
    /// An object.
    Confirmation,
    /// A `NumericDate` (RFC 7519 section 2), rounded to the stricter whole second.
    Date(Date),
    /// One text, or an array of them where there may be several.
    Slot(ClaimSlot),
}

#[derive(Clone, Copy)]
pub(crate) enum Date {
    AuthTime,
    Expiry,
    IssuedAt,
    NotBefore,
}

#[derive(Clone, Copy)]
pub(super) enum Round {
    Down,
    Up,
}

#[derive(Clone, Copy)]
pub(crate) enum Alphabet {
    Any,
    /// One scope (`scope-token`, RFC 6749 section 3.3).
    Scope,
    /// Scopes, and the space between two of them; or none.
    Scopes,
}

/// What must stand where the next value comes.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Date,
    Object,
    Text,
    Texts,
}

impl<'p, 'de> Recorder<'p, 'de> {
    pub(super) fn new(
        payload: &'de str,
        wanted: &'p ClaimSpec,
        claims: &'p mut RegisteredClaims,
        failed: &'p Failed,
    ) -> Self {
        claims.others.resize_with(wanted.texts().len(), || None);
        Self {
            payload,
            wanted,
            claims,
            failed,
            claim: None,
            in_array: false,
            is_read: true,
        }
    }

    /// The value of this claim comes next.
    pub(super) fn start(&mut self, claim: Claim) {
        self.claim = Some(claim);
        self.in_array = false;
        self.is_read = false;
    }

    /// The claim is over; an error if its value was not looked at.
    pub(super) fn end<E: Error>(&mut self) -> Result<(), E> {
        if !self.is_read {
            return Err(E::custom("the type did not look at a claim"));
        }
        self.claim = None;
        Ok(())
    }

    /// The claim that is being read, and not over yet.
    pub(super) fn claim(&self) -> Option<Claim> {
        self.claim
    }

    pub(super) fn form(&self) -> Form {
        match self.claim {
            Some(Claim::Date(_)) => Form::Date,
            Some(Claim::Slot(ClaimSlot::Audience | ClaimSlot::Other(_) | ClaimSlot::Scope))
                if !self.in_array =>
            {
                Form::Texts
            }
            Some(Claim::Slot(_)) => Form::Text,
            Some(Claim::Confirmation) | None => Form::Object,
        }
    }

    pub(super) fn date<E: Error>(
        &mut self,
        whole: impl FnOnce(Round) -> Option<i64>,
    ) -> Result<(), E> {
        let Some(Claim::Date(date)) = self.claim else {
            return Err(E::custom("a number may not stand here"));
        };
        let (slot, round) = match date {
            Date::AuthTime => (&mut self.claims.auth_time, Round::Down),
            Date::Expiry => (&mut self.claims.expires_at, Round::Down),
            Date::IssuedAt => (&mut self.claims.issued_at, Round::Up),
            Date::NotBefore => (&mut self.claims.not_before, Round::Up),
        };
        let seconds = whole(round).ok_or_else(|| E::custom("not seconds until the year 9999"))?;
        self.is_read = true;
        fill(slot, seconds)
    }

    pub(super) fn object<E: Error>(&mut self) -> Result<(), E> {
        let Some(Claim::Confirmation) = self.claim else {
            return Err(E::custom("an object may not stand here"));
        };
        self.is_read = true;
        fill(&mut self.claims.confirmation, ())
    }

    /// A text that the parser borrowed from the payload.
    pub(super) fn borrowed<E: Error>(&mut self, text: &str) -> Result<(), E> {
        self.text(text, TextRange::of(self.payload, text))
    }

    /// A text that had escapes.
    pub(super) fn unescaped<E: Error>(&mut self, text: &str) -> Result<(), E> {
        let span = TextRange::unescaped(self.payload, &mut self.claims.unescaped, text);
        self.text(text, span)
    }

    fn text<E: Error>(&mut self, text: &str, span: Option<TextRange>) -> Result<(), E> {
        let Some(Claim::Slot(place)) = self.claim else {
            return Err(E::custom("a text may not stand here"));
        };
        let span = span.ok_or_else(|| E::custom("too long a payload"))?;
        self.is_read = true;
        let claims = &mut *self.claims;
        let scopes = Alphabet::of_scopes(self.in_array);
        let (slot, alphabet) = match place {
            ClaimSlot::Acr => return fill(&mut claims.acr, span),
            ClaimSlot::ClientId => return fill(&mut claims.client_id, span),
            ClaimSlot::Id => return fill(&mut claims.id, span),
            ClaimSlot::Issuer => return fill(&mut claims.issuer, span),
            ClaimSlot::SessionId => return fill(&mut claims.session_id, span),
            ClaimSlot::Subject => return fill(&mut claims.subject, span),
            ClaimSlot::Audience => (&mut claims.audience, Alphabet::Any),
            ClaimSlot::Scope => (&mut claims.scope, scopes),
            ClaimSlot::Other(index) => {
                let index = usize::from(index);
                let alphabet = match self.wanted.texts()[index].scopes {
                    true => scopes,
                    false => Alphabet::Any,
                };
                (&mut claims.others[index], alphabet)
            }
        };
        if !alphabet.has_all_of(text) {
            return Err(E::custom("no such text may stand here"));
        }
        match slot {
            Some(texts) if self.in_array => {
                texts.push(span);
                Ok(())
            }
            slot => fill(slot, TextRanges::One(span)),
        }
    }

    /// An array of texts begins.
    pub(super) fn array<E: Error>(&mut self) -> Result<(), E> {
        let slot = match self.claim {
            _ if self.in_array => None,
            Some(Claim::Slot(ClaimSlot::Audience)) => Some(&mut self.claims.audience),
            Some(Claim::Slot(ClaimSlot::Scope)) => Some(&mut self.claims.scope),
            Some(Claim::Slot(ClaimSlot::Other(index))) => {
                Some(&mut self.claims.others[usize::from(index)])
            }
            _ => None,
        };
        let slot = slot.ok_or_else(|| E::custom("an array may not stand here"))?;
        self.is_read = true;
        self.in_array = true;
        fill(slot, TextRanges::Many(Vec::new()))
    }
}

fn fill<T, E: Error>(slot: &mut Option<T>, value: T) -> Result<(), E> {
    match slot {
        Some(_) => Err(E::custom("duplicate member name")),
        None => {
            *slot = Some(value);
            Ok(())
        }
    }
}

impl Alphabet {
    /// An element of an array is one scope. With a space in it, it would count as two.
    pub(super) fn of_scopes(in_array: bool) -> Self {
        match in_array {
            true => Self::Scope,
            false => Self::Scopes,
        }
    }

    pub(crate) fn has_all_of(self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Scope => !text.is_empty() && !text.contains(' ') && are_scopes(text),
            Self::Scopes => are_scopes(text),
        }
    }
}

fn are_scopes(text: &str) -> bool {
    let good = |byte: u8| (0x20..=0x7e).contains(&byte) & (byte != b'"') & (byte != b'\\');
    // Without an early exit, so that this becomes a vector loop.
    text.bytes().fold(true, |all, byte| all & good(byte))
}

impl Round {
    // The range is checked before the conversion, so nothing is cut off.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    pub(super) fn whole(self, seconds: f64) -> Option<i64> {
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

/// Whole seconds, if they are not too many.
pub(super) fn whole(seconds: u64) -> Option<i64> {
    let seconds = i64::try_from(seconds).ok()?;
    (seconds <= LAST_SECOND).then_some(seconds)
}
