//! The registered claims, each with its one JSON type.

use std::{num::NonZeroU32, slice};

use crate::{
    claims::{
        read::{BadClaim, ClaimSlot},
        tolerance::Tolerances,
    },
    jose::position,
};

/// The registered claims of a payload, and the texts that the settings name.
///
/// A claim that is present has the right type: a wrong one refuses the token (RFC 7519 section 4.1, RFC 6749
/// section 3.3), unless a tolerance says otherwise. One that RFC 7519 does not register may be unreadable. Texts are kept as positions in the payload.
#[derive(Clone, Debug, Default)]
pub(crate) struct RegisteredClaims {
    texts: [Option<Texts>; ClaimSlot::TEXTS],
    dates: [Option<i64>; ClaimSlot::DATES],
    /// The presence of `cnf`, whose content is not looked at.
    confirmation: Option<()>,
    /// The presence of an `act` that can be read.
    actor: Option<()>,
    others: Vec<Option<Texts>>,
    /// The elements of arrays, array by array.
    elements: Vec<TextRange>,
    /// The texts that had escapes, one behind the other.
    unescaped: String,
    /// The required claims that are absent, as bits in their order.
    pub(crate) missing: u64,
    /// The claims that are present in another form, as bits of their slots: nothing of the settings uses them.
    unreadable: u16,
    /// The tolerances without which the payload would have been refused.
    pub(crate) needed: Tolerances,
}

/// The value of a claim of texts.
#[derive(Clone, Copy, Debug)]
enum Texts {
    Array { start: u32, length: u32 },
    One(TextRange),
}

/// The position of a text: in the payload, or behind it, among the texts that had escapes.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextRange {
    start: u32,
    /// A quote comes before every text, so it is never 0.
    end: NonZeroU32,
}

impl RegisteredClaims {
    /// Returns whether the claim is present.
    pub(crate) fn has(&self, slot: ClaimSlot) -> bool {
        match slot {
            ClaimSlot::ACTOR => self.actor.is_some() || self.is_unreadable(slot),
            ClaimSlot::CONFIRMATION => self.confirmation.is_some(),
            slot => {
                let is_read = self.texts_of(slot).is_some() || self.date(slot).is_some();
                is_read || self.is_unreadable(slot)
            }
        }
    }

    /// Returns whether the claim is present in another form than it should have. Only a claim that RFC 7519 does
    /// not register can be: whatever looks at it has to refuse the token.
    pub(crate) fn is_unreadable(&self, slot: ClaimSlot) -> bool {
        self.unreadable & slot.bit() != 0
    }

    pub(super) fn mark_unreadable(&mut self, slot: ClaimSlot) {
        self.unreadable |= slot.bit();
    }

    /// Returns the seconds since 1970 in a claim.
    pub(crate) fn date(&self, slot: ClaimSlot) -> Option<i64> {
        let index = slot.index().checked_sub(ClaimSlot::TEXTS)?;
        *self.dates.get(index)?
    }

    /// Returns the text of a claim; `None` if it is absent, or an array of texts.
    pub(crate) fn text<'t>(&'t self, slot: ClaimSlot, payload: &'t str) -> Option<&'t str> {
        match self.texts_of(slot)? {
            Texts::Array { .. } => None,
            Texts::One(text) => Some(text.get(payload, &self.unescaped)),
        }
    }

    /// Returns the texts of a claim; `None` if it is absent.
    pub(crate) fn texts<'t>(
        &'t self,
        slot: ClaimSlot,
        payload: &'t str,
    ) -> Option<impl Iterator<Item = &'t str> + use<'t>> {
        let texts = match self.texts_of(slot)? {
            Texts::Array { start, length } => {
                let start = *start as usize;
                self.elements.get(start..start + *length as usize)?
            }
            Texts::One(text) => slice::from_ref(text),
        };
        Some(texts.iter().map(|text| text.get(payload, &self.unescaped)))
    }

    fn texts_of(&self, slot: ClaimSlot) -> Option<&Texts> {
        let texts = match slot.other_index() {
            Some(index) => self.others.get(index),
            None => self.texts.get(slot.index()),
        };
        texts?.as_ref()
    }

    fn texts_mut(&mut self, slot: ClaimSlot) -> Result<&mut Option<Texts>, BadClaim> {
        let texts = match slot.other_index() {
            Some(index) => self.others.get_mut(index),
            None => self.texts.get_mut(slot.index()),
        };
        texts.ok_or(BadClaim)
    }

    /// Makes room for so many claims that are not registered.
    pub(super) fn make_room(&mut self, others: usize) {
        self.others.resize(others, None);
    }

    pub(super) fn add_actor(&mut self) -> Result<(), BadClaim> {
        fill(&mut self.actor, ())
    }

    /// Takes back that the actor can be read.
    pub(super) fn distrust_actor(&mut self) {
        self.actor = None;
        self.mark_unreadable(ClaimSlot::ACTOR);
    }

    pub(super) fn add_confirmation(&mut self) -> Result<(), BadClaim> {
        fill(&mut self.confirmation, ())
    }

    pub(super) fn add_date(&mut self, slot: ClaimSlot, seconds: i64) -> Result<(), BadClaim> {
        let index = slot.index().wrapping_sub(ClaimSlot::TEXTS);
        fill(self.dates.get_mut(index).ok_or(BadClaim)?, seconds)
    }

    /// Starts an array of texts.
    pub(super) fn add_array(&mut self, slot: ClaimSlot) -> Result<(), BadClaim> {
        let start = u32::try_from(self.elements.len()).map_err(|_| BadClaim)?;
        fill(self.texts_mut(slot)?, Texts::Array { start, length: 0 })
    }

    /// Adds a text: that of the claim, or the next one of the array that was started last.
    pub(super) fn add_text(
        &mut self,
        slot: ClaimSlot,
        text: TextRange,
        in_array: bool,
    ) -> Result<(), BadClaim> {
        match self.texts_mut(slot)? {
            Some(Texts::Array { length, .. }) if in_array => {
                *length += 1;
                self.elements.push(text);
                Ok(())
            }
            claim => fill(claim, Texts::One(text)),
        }
    }

    /// Keeps a text that had escapes.
    pub(super) fn unescape(&mut self, payload: &str, text: &str) -> Option<TextRange> {
        let at = |length: usize| u32::try_from(payload.len().checked_add(length)?).ok();
        let start = at(self.unescaped.len())?;
        self.unescaped.push_str(text);
        Some(TextRange {
            start,
            end: NonZeroU32::new(at(self.unescaped.len())?)?,
        })
    }
}

/// Fills a claim, which comes once.
fn fill<T>(claim: &mut Option<T>, value: T) -> Result<(), BadClaim> {
    match claim {
        Some(_) => Err(BadClaim),
        None => {
            *claim = Some(value);
            Ok(())
        }
    }
}

impl TextRange {
    /// Returns the position of a text that the parser borrowed from the payload.
    pub(super) fn of(payload: &str, text: &str) -> Option<Self> {
        let (start, end) = position(payload, text)?;
        Some(Self {
            start,
            end: NonZeroU32::new(end)?,
        })
    }

    /// Returns the text. Payload and unescaped texts are those that it was made with.
    fn get<'t>(self, payload: &'t str, unescaped: &'t str) -> &'t str {
        let (start, end) = (self.start as usize, self.end.get() as usize);
        let text = match start.checked_sub(payload.len()) {
            None => payload.get(start..end),
            Some(start) => unescaped.get(start..end - payload.len()),
        };
        text.unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        AuthErrorKind,
        claims::read::{ClaimSpec, Unreadable},
    };

    fn parse(payload: &str) -> Result<RegisteredClaims, AuthErrorKind> {
        RegisteredClaims::parse(payload, &ClaimSpec::STRICT).map_err(Unreadable::kind)
    }

    #[test]
    fn every_registered_claim_has_its_type() {
        let payload = r#"{"iss":"i","sub":"s","aud":["a","b"],"exp":2.5,"nbf":1.5,"iat":1e0,"jti":"j",
            "scope":"r w","client_id":"c","acr":"1","sid":"d","auth_time":3,"cnf":{"jkt":"x"},"other":[{}]}"#;
        let claims = parse(payload).unwrap();
        assert_eq!(claims.text(ClaimSlot::ISSUER, payload), Some("i"));
        let audience = claims.texts(ClaimSlot::AUDIENCE, payload).unwrap();
        assert_eq!(audience.collect::<Vec<_>>(), ["a", "b"]);
        for (slot, date) in [
            (ClaimSlot::EXPIRES_AT, 2),
            (ClaimSlot::NOT_BEFORE, 2),
            (ClaimSlot::ISSUED_AT, 1),
            (ClaimSlot::AUTH_TIME, 3),
        ] {
            assert_eq!(claims.date(slot), Some(date));
        }
        assert!(claims.has(ClaimSlot::CONFIRMATION));
    }

    #[test]
    fn another_type_is_an_invalid_claim() {
        let text = ["1", "null", "true", "{}", "[]", "[\"x\"]"];
        let texts = [
            "1",
            "null",
            "true",
            "{}",
            "[1]",
            "[null]",
            "[[\"x\"]]",
            "[\"x\",1]",
        ];
        let date = [
            "\"1\"",
            "null",
            "true",
            "{}",
            "[1]",
            "-1",
            "-0.5",
            "1e300",
            "253402300800",
        ];
        let object = ["1", "null", "\"x\"", "[]"];
        let scope = [
            "\"a\\tb\"",
            "\"a\\\\b\"",
            "\"a\\\"b\"",
            "\"\u{e4}\"",
            "[\"a\\nb\"]",
            "[\"a b\"]",
            "[\"\"]",
        ];
        for (names, wrong) in [
            (
                &["iss", "sub", "jti", "client_id", "acr", "sid"][..],
                &text[..],
            ),
            (&["aud", "scope"], &texts),
            (&["exp", "nbf", "iat", "auth_time"], &date),
            (&["cnf"], &object),
            (&["scope"], &scope),
        ] {
            for name in names {
                for value in wrong {
                    let payload = format!(r#"{{"{name}":{value}}}"#);
                    assert_eq!(
                        parse(&payload).unwrap_err(),
                        AuthErrorKind::InvalidClaim,
                        "{payload}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_single_object_is_malformed() {
        for payload in [
            "",
            "x",
            "null",
            "\"s\"",
            "[]",
            "{} {}",
            "{\"a\":1,\"a\":2}",
            "{\"a\":NaN}",
        ] {
            assert_eq!(
                parse(payload).unwrap_err(),
                AuthErrorKind::MalformedToken,
                "{payload}"
            );
        }
        assert!(parse(" {} \n").is_ok());
    }

    #[test]
    fn a_wanted_claim_that_is_absent_is_reported() {
        let wanted = ClaimSpec::new(vec!["tenant".into(), "plan".into()]);
        let parse = |payload| {
            RegisteredClaims::parse(payload, &wanted)
                .map_err(Unreadable::kind)
                .unwrap()
                .missing
        };
        assert_eq!(parse(r#"{"plan":null,"tenant":1}"#), 0);
        assert_eq!(parse(r#"{"tenant":1}"#), 0b10);
        assert_eq!(parse("{}"), 0b11);
    }

    #[test]
    fn texts_with_escapes_are_the_same_as_without() {
        let payload = r#"{"sub":"\u0061b","aud":["\u0061","b"]}"#;
        let claims = parse(payload).unwrap();
        assert_eq!(claims.text(ClaimSlot::SUBJECT, payload), Some("ab"));
        let audience = claims.texts(ClaimSlot::AUDIENCE, payload).unwrap();
        assert_eq!(audience.collect::<Vec<_>>(), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn no_payload_panics(payload in any::<String>()) {
            let _ = parse(&payload);
        }

        #[test]
        fn no_value_of_a_registered_claim_panics(name in "(aud|exp|iat|scope|cnf|sub)", value in any::<f64>(), text in any::<String>()) {
            let _ = parse(&format!(r#"{{"{name}":{value}}}"#));
            let _ = parse(&format!(r#"{{"{name}":{text}}}"#));
            let _ = parse(&serde_json::json!({ name: text }).to_string());
        }
    }
}
