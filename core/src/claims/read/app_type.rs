//! The payload of an accepted token as the app's type.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Error, value::RawValue};

use crate::claims::{RegisteredClaims, Tolerance};

impl RegisteredClaims {
    /// Reads the payload as a `T`. An integer as `sub` that a tolerance let pass is what `T` reads there: the number, or
    /// its decimal text. So one type reads the tokens of an old issuer and those of its successor.
    pub(crate) fn to_app_type<T: DeserializeOwned>(&self, payload: &str) -> Result<T, Error> {
        let as_it_is = serde_json::from_str(payload);
        if as_it_is.is_err() && self.has_numeric_subject() {
            return serde_json::from_str(&with_subject_as_text(payload)?);
        }
        as_it_is
    }

    pub(crate) fn has_numeric_subject(&self) -> bool {
        self.needed.contain(Tolerance::NumericSubject)
    }
}

#[cold]
fn with_subject_as_text(payload: &str) -> Result<String, Error> {
    let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(payload)?;
    if let Some(subject) = members.get_mut("sub") {
        *subject = serde_json::value::to_raw_value(subject.get())?;
    }
    serde_json::to_string(&members)
}
