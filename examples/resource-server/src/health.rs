//! The answer of `/readyz`: whether there are keys of every issuer.

use demo::Readiness;
use serde_json::{Map, Value, json};

use crate::{issuers::Issuer, keys::IssuerKeys, tenants::TenantIssuers};

pub(crate) fn readiness(issuers: &[Issuer], tenants: Option<&TenantIssuers>) -> Readiness {
    let states = issuers.iter().map(state).collect();
    let mut details = Map::from_iter([("issuers".to_owned(), Value::Array(states))]);
    if let Some(tenants) = tenants {
        // One that is away is no reason to take the server out of service for the others.
        let known = tenants.issuers().len();
        details.insert("tenants".to_owned(), json!({ "known": known }));
    }
    Readiness {
        is_ready: issuers.iter().all(|issuer| issuer.keys.are_ready()),
        details,
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
        IssuerKeys::Remote(remote) => {
            let status = remote.keys().status();
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
