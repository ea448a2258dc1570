//! The claims that are read: the registered ones, and those that the settings name.

use crate::claims::{Actor, Tolerance, Tolerances};

/// A claim that must have a certain form: its index in [`CLAIMS`], or from there on, among the texts of
/// a [`ClaimSpec`].
///
/// A small number, for it is handed on with each member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClaimSlot(u16);

impl ClaimSlot {
    pub(crate) const ACR: Self = Self(0);
    pub(crate) const AUDIENCE: Self = Self(1);
    pub(crate) const CLIENT_ID: Self = Self(2);
    pub(crate) const ID: Self = Self(3);
    pub(crate) const ISSUER: Self = Self(4);
    pub(crate) const SCOPE: Self = Self(5);
    pub(crate) const SESSION_ID: Self = Self(6);
    pub(crate) const SUBJECT: Self = Self(7);
    pub(crate) const AUTH_TIME: Self = Self(8);
    pub(crate) const EXPIRES_AT: Self = Self(9);
    pub(crate) const ISSUED_AT: Self = Self(10);
    pub(crate) const NOT_BEFORE: Self = Self(11);
    pub(crate) const CONFIRMATION: Self = Self(12);
    pub(crate) const ACTOR: Self = Self(13);

    /// The number of registered claims that are texts: the first ones.
    pub(in crate::claims) const TEXTS: usize = 8;
    /// The number of those that are dates: the next ones.
    pub(in crate::claims) const DATES: usize = 4;

    /// The claims that RFC 7519 does not register, as bits. `cnf` and `scope` are not among them: a verifier always
    /// uses them.
    const LENIENT: u16 = Self::ACR.bit()
        | Self::ACTOR.bit()
        | Self::AUTH_TIME.bit()
        | Self::CLIENT_ID.bit()
        | Self::SESSION_ID.bit();

    /// Finds a registered claim. Names are compared as bytes, and so without a call.
    #[inline]
    pub(crate) fn registered(name: &str) -> Option<Self> {
        Some(match name.as_bytes() {
            b"acr" => Self::ACR,
            b"act" => Self::ACTOR,
            b"aud" => Self::AUDIENCE,
            b"auth_time" => Self::AUTH_TIME,
            b"client_id" => Self::CLIENT_ID,
            b"cnf" => Self::CONFIRMATION,
            b"exp" => Self::EXPIRES_AT,
            b"iat" => Self::ISSUED_AT,
            b"iss" => Self::ISSUER,
            b"jti" => Self::ID,
            b"nbf" => Self::NOT_BEFORE,
            b"scope" => Self::SCOPE,
            b"sid" => Self::SESSION_ID,
            b"sub" => Self::SUBJECT,
            _ => return None,
        })
    }

    /// Returns the name of a registered claim, and the form that it must have, for people.
    pub(crate) fn described(self) -> Option<(&'static str, &'static str)> {
        let (name, form) = CLAIMS.get(self.index())?;
        Some((name, form.described()))
    }

    /// Returns whether the claim is known from the settings alone.
    pub(crate) fn is_other(self) -> bool {
        self.index() >= CLAIMS.len()
    }

    /// Returns whether the log may show the claim's value: not if it names a person, a session or a token.
    pub(crate) fn is_shown(self) -> bool {
        !matches!(
            self,
            Self::ACTOR
                | Self::CLIENT_ID
                | Self::CONFIRMATION
                | Self::ID
                | Self::SESSION_ID
                | Self::SUBJECT
        )
    }

    /// The bit of a registered claim; none for any other.
    pub(in crate::claims) const fn bit(self) -> u16 {
        if self.0 < CLAIMS.len() as u16 {
            1 << self.0
        } else {
            0
        }
    }

    pub(in crate::claims) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The index among the texts of a [`ClaimSpec`].
    pub(in crate::claims) fn other_index(self) -> Option<usize> {
        self.index().checked_sub(CLAIMS.len())
    }
}

/// The form that the value of a claim must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// An actor, with those before it inside (RFC 8693 section 4.1).
    Actor,
    /// A `NumericDate` (RFC 7519 section 2), rounded to the stricter whole second.
    Date(Round),
    Object,
    /// One text with scopes, or an array with one in each element (RFC 6749 section 3.3).
    Scopes,
    Text,
    /// One text, or an array of them.
    Texts,
}

impl Form {
    /// Describes it for people.
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Actor => Actor::FORM,
            Self::Date(_) => "seconds since 1970 as a number, until the year 9999",
            Self::Object => "an object",
            Self::Scopes => {
                "scopes with spaces between them, or an array with one scope in each element"
            }
            Self::Text => "a text",
            Self::Texts => "a text, or an array of texts",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Round {
    Down,
    Up,
}

/// The registered claims in the order of their slots: texts, dates, and the others.
const CLAIMS: [(&str, Form); 14] = [
    ("acr", Form::Text),
    ("aud", Form::Texts),
    ("client_id", Form::Text),
    ("jti", Form::Text),
    ("iss", Form::Text),
    ("scope", Form::Scopes),
    ("sid", Form::Text),
    ("sub", Form::Text),
    ("auth_time", Form::Date(Round::Down)),
    ("exp", Form::Date(Round::Down)),
    ("iat", Form::Date(Round::Up)),
    ("nbf", Form::Date(Round::Up)),
    ("cnf", Form::Object),
    ("act", Form::Actor),
];

/// The claims that the settings name. They are read in the one pass over the payload.
#[derive(Clone, Debug)]
pub(crate) struct ClaimSpec {
    /// Claims that must be present, whatever they contain.
    pub(crate) claims: Vec<Box<str>>,
    /// Claims of texts that are not registered.
    texts: Vec<(Box<str>, Form)>,
    /// The claims of [`ClaimSlot::LENIENT`] that the settings use, as bits.
    used: u16,
    pub(crate) tolerances: Tolerances,
}

impl ClaimSpec {
    /// Nothing but the registered claims.
    pub(crate) const NOTHING: Self = Self::using(0);
    /// The registered claims, each of which must have its form: those of an issuer.
    pub(crate) const STRICT: Self = Self::using(u16::MAX);

    const fn using(used: u16) -> Self {
        Self {
            claims: Vec::new(),
            texts: Vec::new(),
            used,
            tolerances: Tolerances::NONE,
        }
    }

    /// Requires these claims.
    pub(crate) fn new(claims: Vec<Box<str>>) -> Self {
        let mut spec = Self::NOTHING;
        let slots = claims.iter().filter_map(|name| ClaimSlot::registered(name));
        slots.for_each(|slot| spec.judge(slot));
        spec.claims = claims;
        spec
    }

    /// Has a claim refused in another form: something uses it.
    pub(crate) fn judge(&mut self, slot: ClaimSlot) {
        self.used |= slot.bit();
    }

    /// Returns whether a claim may have any form: neither RFC 7519 nor the settings give it one.
    pub(super) fn is_lenient(&self, slot: ClaimSlot) -> bool {
        ClaimSlot::LENIENT & !self.used & slot.bit() != 0
    }

    /// Returns whether a claim in another form may be accepted.
    pub(super) fn may_allow(&self, slot: ClaimSlot) -> bool {
        let may_be_integer = self.tolerances.contain(Tolerance::NumericSubject);
        self.is_lenient(slot)
            || self.tolerances.contain(Tolerance::NullClaims)
            || may_be_integer && slot == ClaimSlot::SUBJECT
    }

    /// Has a claim read as one text or several; `None` when a registered one contains no text,
    /// or when there are very many.
    pub(crate) fn text(&mut self, name: &str) -> Option<ClaimSlot> {
        if let Some(slot) = self.slot(name) {
            self.judge(slot);
            let is_text = !matches!(self.form(slot), Form::Actor | Form::Date(_) | Form::Object);
            return is_text.then_some(slot);
        }
        let index = u16::try_from(CLAIMS.len() + self.texts.len()).ok()?;
        self.texts.push((name.into(), Form::Texts));
        Some(ClaimSlot(index))
    }

    /// Has a claim read that must be absent; `None` as for [`text`](Self::text), except that `act` can be absent, too.
    pub(crate) fn refused(&mut self, name: &str) -> Option<ClaimSlot> {
        match self.slot(name) {
            Some(ClaimSlot::ACTOR) => {
                self.judge(ClaimSlot::ACTOR);
                Some(ClaimSlot::ACTOR)
            }
            _ => self.text(name),
        }
    }

    /// Has a claim read as scopes; `None` when it is a registered one for something else.
    pub(crate) fn scopes(&mut self, name: &str) -> Option<ClaimSlot> {
        let slot = self.text(name)?;
        match slot.other_index() {
            Some(index) => self.texts[index].1 = Form::Scopes,
            None if self.form(slot) == Form::Scopes => {}
            None => return None,
        }
        Some(slot)
    }

    /// Returns the required claims, as bits in their order.
    pub(super) fn all_claims(&self) -> u64 {
        // The builder lets no more than 64 through.
        let count = u32::try_from(self.claims.len()).unwrap_or(u64::BITS);
        let others = u64::BITS.saturating_sub(count);
        u64::MAX.checked_shr(others).unwrap_or(0)
    }

    /// Finds the claim of this name, if it must have a certain form.
    #[inline]
    pub(super) fn slot(&self, name: &str) -> Option<ClaimSlot> {
        ClaimSlot::registered(name).or_else(|| {
            let index = self.texts.iter().position(|(own, _)| **own == *name)?;
            u16::try_from(CLAIMS.len() + index).ok().map(ClaimSlot)
        })
    }

    #[inline]
    pub(super) fn form(&self, slot: ClaimSlot) -> Form {
        match slot.other_index() {
            Some(index) => self.texts[index].1,
            None => CLAIMS[slot.index()].1,
        }
    }

    pub(super) fn name(&self, slot: ClaimSlot) -> &str {
        match slot.other_index() {
            Some(index) => &self.texts[index].0,
            None => CLAIMS[slot.index()].0,
        }
    }

    /// Returns the number of claims of texts that are not registered.
    pub(super) fn others(&self) -> usize {
        self.texts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_registered_claim_is_found_by_its_name() {
        for (slot, (name, form)) in (0..).map(ClaimSlot).zip(CLAIMS) {
            assert_eq!(ClaimSlot::registered(name), Some(slot), "{name}");
            let is_text = matches!(form, Form::Scopes | Form::Text | Form::Texts);
            let is_date = matches!(form, Form::Date(_));
            assert_eq!(slot.index() < ClaimSlot::TEXTS, is_text, "{name}");
            let dates = ClaimSlot::TEXTS..ClaimSlot::TEXTS + ClaimSlot::DATES;
            assert_eq!(dates.contains(&slot.index()), is_date, "{name}");
        }
        for name in ["", "Aud", "aud ", "expires"] {
            assert_eq!(ClaimSlot::registered(name), None, "{name}");
        }
    }
}
