//! The error of claims that are not those of the app's type.

use std::{any::type_name, fmt};

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{
    error::quoted,
    jose::{Text, position},
};

/// The payload is no `T`. The text tells where, and never what the claim contains.
#[derive(Debug, thiserror::Error)]
#[error("the claims do not fit `{wanted}`: {what} (column {column})")]
pub(super) struct ClaimsMismatch {
    wanted: &'static str,
    what: String,
    column: usize,
}

impl ClaimsMismatch {
    pub(super) fn new<T>(error: &serde_json::Error, payload: &str) -> Self {
        let (text, column) = (error.to_string(), error.column());
        // The name of a missing field comes from `T`; any other text may quote the payload.
        let what = match text.split_once(" at line ") {
            Some((what, _)) if what.starts_with("missing field") => what.to_owned(),
            _ => match claim_at(payload, column).filter(|_| error.line() == 1) {
                Some(name) => format!("the claim {} has another type", quoted(Some(&name))),
                None => "a claim has another type".to_owned(),
            },
        };
        Self {
            wanted: type_name::<T>(),
            what,
            column,
        }
    }
}

/// Finds the claim whose value is in this column, the first being 1.
fn claim_at(payload: &str, column: usize) -> Option<String> {
    let search = ClaimAt { payload, column };
    let mut reader = serde_json::Deserializer::from_str(payload);
    reader.deserialize_map(search).ok()?
}

struct ClaimAt<'p> {
    payload: &'p str,
    column: usize,
}

impl<'p> Visitor<'p> for ClaimAt<'p> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'p>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key_seed(Text)? {
            let value: &RawValue = map.next_value()?;
            // An error about the first character of a value counts the ones before it.
            let is_here = position(self.payload, value.get())
                .is_some_and(|(start, end)| (start as usize..=end as usize).contains(&self.column));
            if is_here {
                found = Some(name.into_owned());
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct User {
        sub: String,
        roles: Vec<String>,
    }

    fn told<T: for<'de> Deserialize<'de>>(payload: &str) -> String {
        let error = serde_json::from_str::<T>(payload).err().unwrap();
        let told = ClaimsMismatch::new::<T>(&error, payload).to_string();
        let (_, told) = told.split_once("`: ").unwrap();
        told.to_owned()
    }

    #[test]
    fn the_claim_is_named_and_no_value_is() {
        for (payload, claim) in [
            (r#"{"sub":42,"roles":[]}"#, "sub"),
            (r#"{"roles":[],"sub":42}"#, "sub"),
            (r#"{"roles":[], "sub": {"hunter2":1} }"#, "sub"),
            (r#"{"x":"hunter2","sub":"ada","roles":"hunter2"}"#, "roles"),
            (r#"{"sub":"ada","roles":["a","hunter2",7]}"#, "roles"),
            (r#"{"sub":"ada","roles":null}"#, "roles"),
        ] {
            let told = told::<User>(payload);
            let expected = format!(r#"the claim "{claim}" has another type (column "#);
            assert!(told.starts_with(&expected), "{payload}: {told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
        let missing = told::<User>(r#"{"sub":"ada"}"#);
        assert!(missing.starts_with("missing field `roles`"), "{missing}");
        let lines = told::<User>("{\n\"sub\":42}");
        assert!(lines.starts_with("a claim has another type"), "{lines}");
    }

    #[test]
    fn a_name_is_escaped_and_cut() {
        let name = "n\\n".repeat(200);
        let told = told::<BTreeMap<String, String>>(&format!(r#"{{"{name}":7}}"#));
        assert!(!told.contains('\n') && told.len() < 250, "{told}");
    }
}
