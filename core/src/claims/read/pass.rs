//! The one pass over a payload: the registered claims are read as the app's type reads the rest.

use serde::{
    Deserialize,
    de::{DeserializeOwned, Error, IgnoredAny},
};

use super::{
    adapter::{Place, Watched},
    allowance::{Allowance, Allowances},
    recorder::{BadClaim, Recorder},
    spec::{ClaimSlot, ClaimSpec},
    sticky::Sticky,
    unreadable::Unreadable,
};
use crate::claims::{Actor, RegisteredClaims, registered::TextRange};

impl RegisteredClaims {
    /// Reads a payload into new claims.
    ///
    /// Checks the whole payload: one JSON object, no duplicate member at any level.
    pub(crate) fn parse(payload: &str, spec: &ClaimSpec) -> Result<Self, Unreadable> {
        let mut claims = Self::default();
        claims.read(payload, spec)?;
        Ok(claims)
    }

    /// Reads a payload into claims that are empty: see [`parse`](Self::parse).
    pub(crate) fn read(&mut self, payload: &str, spec: &ClaimSpec) -> Result<(), Unreadable> {
        let strict = self.read_with(payload, spec, &Allowances::default());
        match strict {
            Err(Unreadable::Claim(claim)) if spec.may_allow(claim) => {
                self.read_again(payload, spec, claim)
            }
            strict => strict,
        }
    }

    /// Reads a payload in which this claim has another form: each that the settings let have one is left out of
    /// the checks of forms, and of no other.
    #[cold]
    fn read_again(
        &mut self,
        payload: &str,
        spec: &ClaimSpec,
        claim: ClaimSlot,
    ) -> Result<(), Unreadable> {
        let allowances = Allowances::of(payload, spec);
        if allowances.get(claim).is_none() {
            return Err(Unreadable::Claim(claim));
        }
        *self = Self::default();
        self.read_with(payload, spec, &allowances)?;
        self.needed = allowances.needed;
        for (slot, allowance) in &allowances.all {
            match allowance {
                Allowance::Absent => {}
                Allowance::Integer(text) => {
                    let range = TextRange::of(payload, text);
                    let range = range.ok_or(Unreadable::Claim(*slot))?;
                    self.add_text(*slot, range, false)
                        .map_err(|_| Unreadable::Claim(*slot))?;
                }
                Allowance::Unreadable => self.mark_unreadable(*slot),
            }
        }
        Ok(())
    }

    fn read_with(
        &mut self,
        payload: &str,
        spec: &ClaimSpec,
        allowances: &Allowances<'_>,
    ) -> Result<(), Unreadable> {
        let mut pass = Pass::new(payload, spec, allowances, self);
        let result = pass.run(|_: IgnoredAny| ());
        result.map_err(|error| match pass.recorder.claim() {
            Some(claim) => Unreadable::Claim(claim),
            None if pass.is_object => Unreadable::Payload(error.column()),
            None => Unreadable::NoObject,
        })
    }

    /// Reads a payload, and in the same pass a `T`, or why the payload does not fit a `T`. That is put
    /// into `read`, and not returned: a `T` may be large, and costs to move.
    ///
    /// A payload that this pass refuses is read again without `T`, so that the verdict on a token never
    /// depends on it. Some types always take that way: raw JSON, numbers as member names.
    pub(crate) fn read_as<T: DeserializeOwned>(
        &mut self,
        payload: &str,
        spec: &ClaimSpec,
        read: &mut Option<Result<T, serde_json::Error>>,
    ) -> Result<(), Unreadable> {
        let strictly = Allowances::default();
        let mut pass = Pass::new(payload, spec, &strictly, self);
        if pass.run(|claims| *read = Some(Ok(claims))).is_ok() {
            return Ok(());
        }
        (*self, *read) = (Self::default(), None);
        self.read(payload, spec)?;
        *read = Some(self.to_app_type(payload));
        Ok(())
    }
}

/// The state of the pass.
pub(super) struct Pass<'p, 'de> {
    pub(super) recorder: Recorder<'p, 'de>,
    pub(super) sticky: Sticky,
    allowances: &'p Allowances<'p>,
    /// The required claims that have come, as bits.
    found: u64,
    /// Set once the payload turns out to be an object.
    pub(super) is_object: bool,
}

impl<'p, 'de> Pass<'p, 'de> {
    fn new(
        payload: &'de str,
        spec: &'p ClaimSpec,
        allowances: &'p Allowances<'_>,
        claims: &'p mut RegisteredClaims,
    ) -> Self {
        Self {
            allowances,
            recorder: Recorder::new(payload, spec, claims),
            sticky: Sticky::default(),
            found: 0,
            is_object: false,
        }
    }

    /// Reads a `T`, which counts only if this is `Ok`.
    fn run<T: Deserialize<'de>>(&mut self, keep: impl FnOnce(T)) -> Result<(), serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(self.recorder.payload);
        let payload = Watched::new(&mut deserializer, Place::Payload, self);
        keep(T::deserialize(payload)?);
        deserializer.end()?;
        if self.sticky.has_failed() || !self.is_object {
            return Err(serde_json::Error::custom("the type swallowed an error"));
        }
        self.recorder.claims.missing = self.recorder.spec.all_claims() & !self.found;
        match self.recorder.claims.has(ClaimSlot::ACTOR) {
            true => self.check_actor(),
            false => Ok(()),
        }
    }

    /// Checks what is inside of an `act`, now that the whole payload is known to be strict JSON.
    #[cold]
    fn check_actor(&mut self) -> Result<(), serde_json::Error> {
        let Recorder {
            payload,
            spec,
            ref mut claims,
            ..
        } = self.recorder;
        if claims.is_unreadable(ClaimSlot::ACTOR) || Actor::read(payload, None).is_ok() {
            return Ok(());
        }
        if spec.is_lenient(ClaimSlot::ACTOR) {
            claims.distrust_actor();
            return Ok(());
        }
        self.recorder.start(ClaimSlot::ACTOR);
        Err(serde_json::Error::custom(BadClaim))
    }

    /// Looks at the name of a member: finds the claim of a certain form that it names.
    pub(super) fn member(&mut self, name: &str) -> Option<ClaimSlot> {
        let spec = self.recorder.spec;
        let slot = spec.slot(name);
        let allowance = slot.and_then(|slot| self.allowances.get(slot));
        if allowance == Some(Allowance::Absent) {
            return None;
        }
        // Most names differ in their first byte.
        let first = name.as_bytes().first();
        let is_it = |own: &str| own.as_bytes().first() == first && own == name;
        if let Some(index) = spec.claims.iter().position(|own| is_it(own)) {
            self.found |= 1 << index;
        }
        slot.filter(|_| allowance.is_none())
    }
}
