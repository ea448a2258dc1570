//! Tests of the hostile corpus, minted for another time: each case has the answer of the original.

#![allow(clippy::unwrap_used)] // helpers of tests can panic too

use std::collections::BTreeMap;

use countersign_tests::{
    Entry,
    hostile::{
        TestKeys, corpus,
        mint::{Mint, Minted},
    },
};

/// The number of cases without a time that could be moved: most of these have no token either.
const AS_THEY_STAND: usize = 31;
/// The number of cases with a signature that no key made.
const MOVED: usize = 21;

#[test]
fn a_minted_case_is_answered_as_the_original() {
    let keys = TestKeys::load();
    let mint = Mint::new(&keys);
    let mut objections = Vec::new();
    let mut counts = BTreeMap::<Minted, Vec<String>>::new();
    for case in corpus(&keys) {
        if case.has_proof() || case.refresh().is_some() {
            continue;
        }
        let Ok(authenticator) = case.authenticator(&keys) else {
            continue;
        };
        let recipe = mint.recipe(&case);
        counts
            .entry(recipe.minted())
            .or_default()
            .push(case.id.clone());
        let original = Entry::Core.send(&authenticator, &case.request());
        for later in [-40_000_001, 86_401] {
            let now = case.now() + later;
            let authenticator = case.authenticator_at(now, &keys).unwrap();
            let minted = Entry::Core.send(&authenticator, &recipe.request(now));
            if minted != original {
                objections.push(format!("{}: {minted:?}, not {original:?}", case.id));
            }
        }
    }
    for (minted, cases) in &counts {
        println!("{minted:?}: {}: {}", cases.len(), cases.join(" "));
    }
    assert!(objections.is_empty(), "{}", objections.join("\n"));
    assert_eq!(counts[&Minted::AsItStands].len(), AS_THEY_STAND);
    assert_eq!(counts[&Minted::Moved].len(), MOVED);
}
