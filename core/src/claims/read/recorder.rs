//! The recorder of claims: checks the form of each value that passes by, and keeps it.

use super::spec::{ClaimSlot, ClaimSpec, Form, Round};
use crate::claims::registered::{RegisteredClaims, TextRange};

/// The claims so far, and the one that is being read.
pub(super) struct Recorder<'p, 'de> {
    pub(super) payload: &'de str,
    pub(super) spec: &'p ClaimSpec,
    pub(super) claims: &'p mut RegisteredClaims,
    /// Stays set where an error comes in between.
    claim: Option<(ClaimSlot, Form)>,
    in_array: bool,
}

impl<'p, 'de> Recorder<'p, 'de> {
    pub(super) fn new(
        payload: &'de str,
        spec: &'p ClaimSpec,
        claims: &'p mut RegisteredClaims,
    ) -> Self {
        claims.make_room(spec.others());
        Self {
            payload,
            spec,
            claims,
            claim: None,
            in_array: false,
        }
    }

    /// Starts a claim, whose value comes next.
    pub(super) fn start(&mut self, slot: ClaimSlot) {
        self.claim = Some((slot, self.spec.form(slot)));
        self.in_array = false;
    }

    /// Ends the claim.
    pub(super) fn end(&mut self) {
        self.claim = None;
    }

    /// Returns the claim that is being read, and has not ended.
    pub(super) fn claim(&self) -> Option<ClaimSlot> {
        self.claim.map(|(slot, _)| slot)
    }

    pub(super) fn form(&self) -> Option<Form> {
        self.claim.map(|(_, form)| form)
    }

    /// Records a number without a fraction.
    pub(super) fn whole(&mut self, seconds: i64) -> Result<(), BadClaim> {
        match self.claim {
            Some((slot, Form::Date(_))) if (0..=LAST_SECOND).contains(&seconds) => {
                self.claims.add_date(slot, seconds)
            }
            _ => Err(BadClaim),
        }
    }

    /// Records another number.
    // The range is checked before the conversion, so nothing is cut off.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    pub(super) fn float(&mut self, seconds: f64) -> Result<(), BadClaim> {
        match self.claim {
            Some((_, Form::Date(round))) if (0.0..=LAST_SECOND as f64).contains(&seconds) => self
                .whole(match round {
                    Round::Down => seconds.floor() as i64,
                    Round::Up => seconds.ceil() as i64,
                }),
            _ => Err(BadClaim),
        }
    }

    /// Records a text that the parser borrowed from the payload.
    pub(super) fn borrowed(&mut self, text: &str) -> Result<(), BadClaim> {
        self.text(text, TextRange::of(self.payload, text))
    }

    /// Records a text that had escapes.
    pub(super) fn unescaped(&mut self, text: &str) -> Result<(), BadClaim> {
        let range = self.claims.unescape(self.payload, text);
        self.text(text, range)
    }

    fn text(&mut self, text: &str, range: Option<TextRange>) -> Result<(), BadClaim> {
        let (slot, form) = self.claim.ok_or(BadClaim)?;
        let is_good = match form {
            Form::Actor | Form::Date(_) | Form::Object => false,
            // With a space in it, an element of an array would count as two scopes.
            Form::Scopes if self.in_array => is_scope(text),
            Form::Scopes => are_scopes(text),
            Form::Text | Form::Texts => true,
        };
        let range = range.filter(|_| is_good).ok_or(BadClaim)?;
        self.claims.add_text(slot, range, self.in_array)
    }

    /// Records the start of an array.
    pub(super) fn array(&mut self) -> Result<(), BadClaim> {
        match self.claim {
            Some((slot, Form::Scopes | Form::Texts)) if !self.in_array => {
                self.in_array = true;
                self.claims.add_array(slot)
            }
            _ => Err(BadClaim),
        }
    }

    /// Records the start of an object.
    pub(super) fn object(&mut self) -> Result<(), BadClaim> {
        match self.claim {
            Some((_, Form::Actor)) => self.claims.add_actor(),
            Some((_, Form::Object)) => self.claims.add_confirmation(),
            _ => Err(BadClaim),
        }
    }
}

/// A claim has another form than it must have, or comes twice.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a claim in another form, or twice")]
pub(in crate::claims) struct BadClaim;

/// Returns whether a text is one scope (`scope-token`, RFC 6749 section 3.3).
pub(in crate::claims) fn is_scope(text: &str) -> bool {
    !text.is_empty() && !text.contains(' ') && are_scopes(text)
}

/// Returns whether a text is made of scopes, with a space between two of them; or of none.
pub(crate) fn are_scopes(text: &str) -> bool {
    let good = |byte: u8| (0x20..=0x7e).contains(&byte) & (byte != b'"') & (byte != b'\\');
    // Without an early exit, so that this becomes a vector loop.
    text.bytes().fold(true, |all, byte| all & good(byte))
}

/// The last second of the year 9999. A later time is a mix-up of units, usually milliseconds.
pub(crate) const LAST_SECOND: i64 = 253_402_300_799;
