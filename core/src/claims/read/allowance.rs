//! The claims of a payload that may have another form than the strict one.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{
    recorder::LAST_SECOND,
    spec::{ClaimSlot, ClaimSpec, Form},
};
use crate::{
    claims::{Tolerance, Tolerances},
    jose::Text,
};

/// The reading of a claim in another form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowance<'de> {
    /// The claim is `null`, and counts as absent.
    Absent,
    /// The claim is this integer, and counts as its text.
    Integer(&'de str),
    /// The claim is present, and nobody can read it. Nothing that the settings name uses it.
    Unreadable,
}

/// The claims of one payload that may have another form.
#[derive(Default)]
pub(super) struct Allowances<'de> {
    pub(super) all: Vec<(ClaimSlot, Allowance<'de>)>,
    /// The tolerances without which the payload is refused.
    pub(super) needed: Tolerances,
}

impl<'de> Allowances<'de> {
    /// Finds the claims that the settings let have another form.
    ///
    /// A claim that comes twice has none. What is wrong with the rest of the payload, the next pass finds.
    pub(super) fn of(payload: &'de str, spec: &ClaimSpec) -> Self {
        let mut search = Search {
            spec,
            found: Vec::new(),
        };
        let _ = serde_json::Deserializer::from_str(payload).deserialize_map(&mut search);
        let mut allowances = Self::default();
        for (slot, value) in &search.found {
            let count = search.found.iter().filter(|(own, _)| own == slot).count();
            let Some(allowance) = allowance(*slot, value, spec).filter(|_| count == 1) else {
                continue;
            };
            match allowance {
                Allowance::Absent if !spec.is_lenient(*slot) => {
                    allowances.needed.add(Tolerance::NullClaims);
                }
                Allowance::Integer(_) => allowances.needed.add(Tolerance::NumericSubject),
                Allowance::Absent | Allowance::Unreadable => {}
            }
            allowances.all.push((*slot, allowance));
        }
        allowances
    }

    /// Finds that of a claim. Usually there is none.
    #[inline]
    pub(super) fn get(&self, slot: ClaimSlot) -> Option<Allowance<'de>> {
        let mut all = self.all.iter();
        all.find(|(own, _)| *own == slot)
            .map(|(_, allowance)| *allowance)
    }
}

fn allowance<'de>(slot: ClaimSlot, value: &'de str, spec: &ClaimSpec) -> Option<Allowance<'de>> {
    // A token without either is worth more, so `null` does not stand for that.
    let is_restriction = matches!(slot, ClaimSlot::ACTOR | ClaimSlot::CONFIRMATION);
    let is_null = value == "null" && !is_restriction;
    if is_null && spec.tolerances.contain(Tolerance::NullClaims) {
        return Some(Allowance::Absent);
    }
    let may_be_integer = spec.tolerances.contain(Tolerance::NumericSubject);
    if slot == ClaimSlot::SUBJECT && may_be_integer && is_integer(value) {
        return Some(Allowance::Integer(value));
    }
    let is_unreadable = spec.is_lenient(slot) && !has_form(value, spec.form(slot));
    is_unreadable.then_some(Allowance::Unreadable)
}

/// Returns whether a JSON value is an integer that fits into `i64` or `u64`, without fraction or exponent, and not `-0`.
pub(crate) fn is_integer(json: &str) -> bool {
    let is_decimal = json.bytes().all(|byte| matches!(byte, b'-' | b'0'..=b'9'));
    let fits = json.parse::<u64>().is_ok() || json.parse::<i64>().is_ok();
    is_decimal && fits && json != "-0"
}

/// Returns whether a claim that may be lenient has its form.
fn has_form(value: &str, form: Form) -> bool {
    match form {
        #[allow(clippy::cast_precision_loss)] // exact
        Form::Date(_) => serde_json::from_str::<f64>(value)
            .is_ok_and(|seconds| (0.0..=LAST_SECOND as f64).contains(&seconds)),
        // What is inside, the pass checks.
        Form::Actor => value.starts_with('{'),
        Form::Text => value.starts_with('"'),
        // The claims of these forms are never lenient.
        Form::Object | Form::Scopes | Form::Texts => true,
    }
}

/// Collects the values of the claims that have a form.
struct Search<'s, 'de> {
    spec: &'s ClaimSpec,
    found: Vec<(ClaimSlot, &'de str)>,
}

impl<'de> Visitor<'de> for &mut Search<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(member) = map.next_key_seed(Text)? {
            match self.spec.slot(&member) {
                Some(slot) => {
                    let value: &RawValue = map.next_value()?;
                    self.found.push((slot, value.get()));
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_has_64_bits_and_one_spelling() {
        for good in [
            "0",
            "42",
            "-42",
            "18446744073709551615",
            "-9223372036854775808",
        ] {
            assert!(is_integer(good), "{good}");
        }
        for bad in [
            "",
            "-",
            "-0",
            "42.0",
            "4e1",
            "4E1",
            "18446744073709551616",
            "-9223372036854775809",
            "\"42\"",
            "true",
            "null",
            "[42]",
        ] {
            assert!(!is_integer(bad), "{bad}");
        }
    }
}
