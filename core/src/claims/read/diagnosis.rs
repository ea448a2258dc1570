//! The diagnosis of a payload that is no set of claims.

use serde_json::{Map, Value};

use super::spec::ClaimSpec;
use crate::{claims::RegisteredClaims, error::Mismatch, jose::json};

/// The claims of a payload in which some have another form than they must have.
///
/// Explains a refusal, and decides nothing.
pub(crate) struct Diagnosis {
    /// Those in another form.
    pub(crate) wrong: Vec<Mismatch>,
    /// The payload without them.
    pub(crate) payload: String,
    /// The claims of that payload.
    pub(crate) claims: RegisteredClaims,
}

impl Diagnosis {
    /// Reads each claim by itself. `None` when the payload is no JSON object without duplicates: then
    /// nothing in it has one meaning. Also when each claim is good by itself, as a float may be that was
    /// rounded once more.
    pub(crate) fn of(payload: &str, spec: &ClaimSpec) -> Option<Self> {
        json::check(payload).ok()?;
        let whole = payload;
        let mut members: Map<String, Value> = serde_json::from_str(whole).ok()?;
        let mut wrong = Vec::new();
        // The required claims among them, as bits.
        let mut present = 0;
        members.retain(|name, value| {
            if spec.slot(name).is_none() {
                return true;
            }
            let alone = Value::from(Map::from_iter([(name.clone(), value.clone())])).to_string();
            match RegisteredClaims::parse(&alone, spec) {
                Ok(_) => true,
                Err(unreadable) => {
                    let own = spec.claims.iter().position(|own| **own == **name);
                    present |= own.map_or(0, |at| 1 << at);
                    wrong.push(unreadable.mismatch(whole, spec));
                    false
                }
            }
        });
        if wrong.is_empty() {
            return None;
        }
        let payload = Value::from(members).to_string();
        let mut claims = RegisteredClaims::parse(&payload, spec).ok()?;
        claims.missing &= !present;
        Some(Self {
            wrong,
            payload,
            claims,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{AuthErrorKind, claims::read::unreadable::Unreadable};

    fn wanted() -> ClaimSpec {
        let mut wanted = ClaimSpec::new(vec!["tenant".into()]);
        wanted.text("azp");
        wanted.scopes("scp");
        wanted
    }

    fn json() -> impl Strategy<Value = String> {
        let name = "(iss|sub|aud|exp|nbf|scope|scp|azp|cnf|tenant|x)";
        let value = r#"(1|-1|1e300|true|null|\{\}|\[\]|"a"|"a b"|"\t"|"\\t"|\["a"\]|\["a b"\]|\["",1\]|\{"a":\[\{\}\]\}|\{"a":1,"a":2\}|x|")"#;
        prop::collection::vec((name, value), 0..6).prop_map(|all| {
            let all = all
                .iter()
                .map(|(name, value)| format!("\"{name}\":{value}"));
            format!("{{{}}}", all.collect::<Vec<_>>().join(","))
        })
    }

    proptest! {
        /// A payload has a diagnosis exactly when it cannot be read.
        #[test]
        fn a_diagnosis_finds_what_reading_found(payload in json()) {
            let wanted = wanted();
            let diagnosis = Diagnosis::of(&payload, &wanted);
            match RegisteredClaims::parse(&payload, &wanted) {
                Ok(_) => prop_assert!(diagnosis.is_none()),
                Err(unreadable) => {
                    let first = unreadable.mismatch(&payload, &wanted);
                    match diagnosis {
                        Some(diagnosis) => {
                            prop_assert_eq!(unreadable.kind(), AuthErrorKind::InvalidClaim);
                            prop_assert!(diagnosis.wrong.contains(&first), "{first} {:?}", diagnosis.wrong);
                        }
                        None => prop_assert!(matches!(
                            unreadable,
                            Unreadable::Claim(_) | Unreadable::Payload(_)
                        )),
                    }
                }
            }
        }
    }
}
