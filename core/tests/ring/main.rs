//! Tests of a ring of signing keys that follows a document: over restarts, and on several nodes.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

mod documents;
mod folder;
mod follow;
mod refusals;
mod schedules;
mod sealed;
mod sealing_keys;

use std::{sync::LazyLock, time::Duration};

use countersign::{
    ConfigError, Issuer, SigningKey, SigningKeys,
    issue::{RingDocument, RingTimes},
    testing::FixedClock,
};

const NOW: i64 = 1_800_000_000;

/// Short times: a change is read within 10 s, a key is published for 60 s, a token accepted for 300 s.
const RELOAD: i64 = 10;
const LEAD: i64 = 60;
const LIFETIME: i64 = 300;

/// Keys with the ids `a` to `h`.
static KEYS: LazyLock<[SigningKey; 8]> = LazyLock::new(|| {
    ["a", "b", "c", "d", "e", "f", "g", "h"]
        .map(|id| SigningKey::generate_es256().unwrap().with_id(id))
});

fn times() -> RingTimes {
    RingTimes::new()
        .reload(Duration::from_secs(10))
        .lead(Duration::from_secs(60))
        .token_lifetime(Duration::from_secs(300))
}

/// A document in which `a` signs.
fn document() -> RingDocument {
    RingDocument::new(&KEYS[0], times(), NOW).unwrap()
}

fn issuer(keys: &SigningKeys, clock: &FixedClock) -> Issuer {
    issuer_of(keys, clock, 270).unwrap()
}

/// Builds an issuer whose tokens live so long; the leeway is 30 s.
fn issuer_of(keys: &SigningKeys, clock: &FixedClock, ttl: u64) -> Result<Issuer, ConfigError> {
    Issuer::builder("https://id.test", keys.clone())
        .audience("orders")
        .ttl(Duration::from_secs(ttl))
        .max_ttl(Duration::from_secs(ttl))
        .clock(clock.clone())
        .build()
}

/// Returns the ids of the JWK set, in order.
fn published(keys: &SigningKeys) -> Vec<String> {
    let set: serde_json::Value = serde_json::from_str(&keys.jwks()).unwrap();
    let keys = set["keys"].as_array().unwrap().iter();
    let mut ids: Vec<_> = keys
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

fn signing(issuer: &Issuer) -> String {
    let token = issuer.issue(
        &[("sub", "ada")]
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>(),
    );
    let verified = issuer
        .verifier()
        .verify_now(token.unwrap().as_str())
        .unwrap();
    verified.header().key_id().unwrap().to_owned()
}
