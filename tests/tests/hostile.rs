//! Tests of the hostile corpus through every entry: no case is wrongly accepted or refused.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
};

use countersign::{
    Authenticator, ConfigError, Issuer, MemoryStore, SessionRoutes, Sessions, SigningKey,
    TokenCache,
    session::{Identity, SignIn},
};
use countersign_tests::{
    Entry,
    hostile::{Case, TestKeys, corpus},
};

/// The number of good tokens in a cache before a case arrives.
const GOOD: usize = 5;
/// The number of cases in the corpus. A case that gets lost must be noticed.
const CASES: usize = 427;
/// The number of cases that present their token at the refresh endpoint.
const REFRESHES: usize = 1;
/// The number of cases whose key is refused as it is loaded, so that nothing is let in.
const KEY_REFUSED: usize = 20;
/// The cases with control bytes in a header, which no HTTP library builds.
const UNBUILDABLE: [&str; 2] = ["fmt-nl-inside", "tr-ctl"];

#[test]
fn every_case_is_answered_as_the_corpus_asks_through_every_entry() {
    let keys = TestKeys::load();
    let cases = corpus(&keys);
    assert_eq!(cases.len(), CASES);

    let mut objections = Vec::new();
    let routes = session_routes();
    let mut key_refused = 0;
    let mut refreshes = 0;
    let mut unbuildable = BTreeSet::new();
    for case in &cases {
        if let Some(request) = case.refresh() {
            refreshes += 1;
            for entry in Entry::ALL {
                let answer = entry.call(&routes, &request);
                if let Some(objection) = case.objection_to_refresh(&answer) {
                    objections.push(format!("{} through {entry:?}: {objection}", case.id));
                }
            }
            continue;
        }
        if case.authenticator(&keys).is_err() {
            key_refused += 1;
            if let Some(objection) = case.objection_to_no_key() {
                objections.push(format!("{}: {objection}", case.id));
            }
            continue;
        }
        let answers = Entry::ALL.map(|entry| {
            // One each: a proof is accepted once.
            let authenticator = case.authenticator(&keys).unwrap();
            if case.is_repeated() {
                assert_eq!(entry.send(&authenticator, &case.request()).status, 200);
            }
            (entry, entry.send(&authenticator, &case.request()))
        });
        for (entry, answer) in &answers {
            if let Some(objection) = case.objection(answer) {
                objections.push(format!("{} through {entry:?}: {objection}", case.id));
            }
            if !answer.was_built() {
                unbuildable.insert(&*case.id);
            }
            let (_, first) = &answers[0];
            if answer != first && answer.was_built() && first.was_built() {
                objections.push(format!(
                    "{}: {entry:?} answers {answer:?}, not {first:?}",
                    case.id
                ));
            }
        }
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
    assert_eq!(key_refused, KEY_REFUSED);
    assert_eq!(refreshes, REFRESHES);
    assert!(unbuildable.into_iter().eq(UNBUILDABLE));
}

/// The contents of a cache let no other token in, and a repeated case gets the same answer.
#[test]
fn every_case_is_answered_alike_with_a_cache() {
    let keys = TestKeys::load();
    let cases = corpus(&keys);
    let cache = TokenCache::new();
    let mut objections = Vec::new();
    let mut kept = 0;
    for case in &cases {
        if case.has_proof() || case.refresh().is_some() {
            continue;
        }
        let Ok(authenticator) = case.cached_authenticator(&keys, &cache) else {
            continue;
        };
        cache.clear();
        let good = cases.iter().filter(|other| other.is_good_for(case));
        for good in good.take(GOOD) {
            for _ in 0..4 {
                let _ = Entry::Core.send(&authenticator, &good.request());
            }
        }
        kept += usize::from(!cache.is_empty());
        let before = cache.len();
        let plain = Entry::Core.send(&case.authenticator(&keys).unwrap(), &case.request());
        for entry in [Entry::Core, Entry::Tower, Entry::Core, Entry::Core] {
            let answer = entry.send(&authenticator, &case.request());
            if let Some(objection) = case.objection(&answer) {
                objections.push(format!("{} through {entry:?}: {objection}", case.id));
            }
            if answer != plain && answer.was_built() {
                objections.push(format!("{}: {answer:?}, not {plain:?}", case.id));
            }
        }
        // With 403, the token is good, but a policy refuses.
        if !matches!(plain.status, 200 | 403) && cache.len() != before {
            objections.push(format!("{} is refused, and kept", case.id));
        }
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
    assert!(kept > cases.len() / 2, "{kept}");
}

/// The cases that a tolerance for values of claims is for: each with the answer that it then gets.
const TOLERATED: [(&str, u16); 3] = [
    // A number as `sub`.
    ("claim-sub-number", 200),
    // Null counts as absent.
    ("claim-sub-null", 200),
    ("time-nbf-null", 200),
];

/// The cases that are for `any-audience`: other audiences, and other kinds of tokens that only `aud` tells apart.
const ANY_AUDIENCE: [&str; 11] = [
    "claim-aud-case",
    "claim-aud-comma",
    "claim-aud-empty-array",
    "claim-aud-null",
    "claim-aud-prefix",
    "claim-aud-slash",
    "claim-aud-substring",
    "claim-aud-wrong",
    "client-assertion-as-at",
    "idtoken-as-at",
    "refresh-as-access-aud",
];

/// The cases that are for `any-issuer`.
const ANY_ISSUER: [&str; 6] = [
    "claim-iss-case",
    "claim-iss-homograph",
    "claim-iss-http",
    "claim-iss-slash",
    "claim-iss-space",
    "claim-iss-wrong",
];

#[test]
fn every_case_is_answered_alike_with_every_tolerance_but_those_that_it_is_for() {
    let owned = |(id, status): (&str, u16)| (id.to_owned(), status);
    let mut expected: BTreeMap<_, _> = TOLERATED.map(owned).into();
    assert_eq!(differences(Case::tolerant_authenticator), expected);
    let nameless = ANY_AUDIENCE.into_iter().chain(ANY_ISSUER);
    expected.extend(nameless.map(|id| owned((id, 200))));
    assert_eq!(differences(Case::nameless_authenticator), expected);
}

/// Returns the cases with another answer than that of the strict authenticator, and its status.
fn differences(
    tolerant: impl Fn(&Case, &TestKeys) -> Result<Authenticator, ConfigError>,
) -> BTreeMap<String, u16> {
    let keys = TestKeys::load();
    let mut different = BTreeMap::new();
    for case in &corpus(&keys) {
        if case.has_proof() || case.refresh().is_some() {
            continue;
        }
        let Ok(strict) = case.authenticator(&keys) else {
            continue;
        };
        let tolerant = tolerant(case, &keys).unwrap();
        let strict = Entry::Core.send(&strict, &case.request());
        let tolerant = Entry::Core.send(&tolerant, &case.request());
        if strict.status != tolerant.status || strict.error() != tolerant.error() {
            different.insert(case.id.clone(), tolerant.status);
        }
    }
    different
}

/// Returns routes that accept any good credential.
fn session_routes() -> SessionRoutes {
    let issuer = Issuer::builder(
        "https://issuer.example",
        SigningKey::generate_es256().unwrap(),
    )
    .audience("https://api.example")
    .build()
    .unwrap();
    let sessions = Sessions::builder(issuer, MemoryStore::new())
        .build()
        .unwrap();
    SessionRoutes::json(sessions, async |_: SignIn<serde_json::Value>| {
        Ok::<_, Infallible>(Some(Identity::new("user-1", serde_json::json!({}))))
    })
}
