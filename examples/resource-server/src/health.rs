//! The answer of `/readyz`.

use serde_json::{Value, json};

use crate::{issuers::Issuer, keys::IssuerKeys};

/// Tells whether requests can be authenticated: whether there are keys of every issuer.
#[derive(Clone, Debug)]
pub struct Readiness {
    is_ready: bool,
    issuers: Vec<Value>,
}

impl Readiness {
    pub(crate) fn of(issuers: &[Issuer]) -> Self {
        Self {
            is_ready: issuers.iter().all(|issuer| issuer.keys.are_ready()),
            issuers: issuers.iter().map(state).collect(),
        }
    }

    /// The status of the answer: 200, or 503 while there are no keys of an issuer.
    #[must_use]
    pub fn status(&self) -> u16 {
        if self.is_ready { 200 } else { 503 }
    }

    /// The body of the answer.
    #[must_use]
    pub fn json(&self) -> String {
        json!({ "ready": self.is_ready, "issuers": self.issuers }).to_string()
    }
}

fn state(issuer: &Issuer) -> Value {
    match &issuer.keys {
        IssuerKeys::Local(set) => json!({
            "issuer": issuer.label(),
            "state": "local",
            "keys": set.keys().len(),
            "age_seconds": null,
            "failures": 0,
            "last_error": null,
        }),
        IssuerKeys::Remote(keys) => {
            let status = keys.status();
            json!({
                "issuer": issuer.label(),
                "state": status.state().name(),
                "keys": status.keys(),
                "age_seconds": status.age().map(|age| age.as_secs()),
                "failures": status.failures(),
                "last_error": status.last_error(),
            })
        }
    }
}
