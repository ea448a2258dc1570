//! Tests of actors: read strictly, decided by, written by a method of its own.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod chains;
mod issuing;
mod log;
mod policies;
mod reading;
mod scopes;

use countersign::{
    VerifiedToken,
    claims::Actor,
    testing::{TestIssuer, TestToken},
};
use serde_json::{Value, json};

/// Makes a token of ada's with this `act`.
fn acting(issuer: &TestIssuer, act: impl Into<Value>) -> TestToken<'_> {
    issuer.token().subject("ada").claim("act", act)
}

fn verify(issuer: &TestIssuer, token: TestToken<'_>) -> VerifiedToken {
    issuer.verifier().verify_now(&token.sign()).unwrap()
}

/// Makes an `act` of so many actors, the last one innermost: `a0`, `a1`, ..
fn nested(actors: usize) -> Value {
    (0..actors).rev().fold(Value::Null, |inner, at| {
        let mut actor = json!({ "sub": format!("a{at}") });
        if !inner.is_null() {
            actor["act"] = inner;
        }
        actor
    })
}

/// Values of `act` that nobody can read, each with the nearest one that is good.
fn twins() -> Vec<(Value, Value)> {
    let good = || json!({"sub": "svc"});
    vec![
        (Value::Null, good()),
        (json!(true), good()),
        (json!(7), good()),
        (json!("svc"), good()),
        (json!([]), good()),
        (json!([{"sub": "svc"}]), good()),
        (json!(["svc"]), good()),
        (json!({}), good()),
        (json!({"sub": ""}), good()),
        (json!({"sub": null}), good()),
        (json!({"sub": 7}), json!({"sub": "7"})),
        (json!({"sub": ["svc"]}), good()),
        (
            json!({"client_id": "svc"}),
            json!({"sub": "svc", "client_id": "svc"}),
        ),
        (
            json!({"sub": "svc", "client_id": 7}),
            json!({"sub": "svc", "client_id": "7"}),
        ),
        (json!({"sub": "svc", "client_id": null}), good()),
        (json!({"sub": "svc", "iss": null}), good()),
        (json!({"sub": "svc", "iss": ""}), good()),
        (
            json!({"sub": "svc", "iss": {}}),
            json!({"sub": "svc", "iss": "https://id.test"}),
        ),
        (json!({"sub": "svc", "act": null}), good()),
        (
            json!({"sub": "svc", "act": {}}),
            json!({"sub": "svc", "act": {"sub": "earlier"}}),
        ),
        (
            json!({"sub": "svc", "act": ["earlier"]}),
            json!({"sub": "svc", "act": {"sub": "earlier"}}),
        ),
        (
            json!({"sub": "svc", "act": "earlier"}),
            json!({"sub": "svc", "act": {"sub": "earlier"}}),
        ),
        (
            json!({"act": {"sub": "svc"}}),
            json!({"sub": "svc", "act": {"sub": "svc"}}),
        ),
        (nested(Actor::MAX_CHAIN + 1), nested(Actor::MAX_CHAIN)),
    ]
}
