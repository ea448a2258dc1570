//! Random schedules on three nodes that read changes at different times: all publish the same keys at every second, and
//! take each other's tokens.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::LazyLock,
};

use countersign::{
    Issuer, SigningKey, SigningKeys,
    issue::{RingDocument, RingKeyState},
    testing::FixedClock,
};
use proptest::prelude::*;
use serde_json::json;

use super::{LIFETIME, NOW, RELOAD, issuer, published, times};

/// An act of an operator.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Prunes the ring.
    Prune,
    /// Replaces one of the keys: the active one, or another.
    Replace(usize),
    /// Starts a node anew.
    Restart(usize),
    Rotate,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => Just(Act::Prune),
        2 => (0..4_usize).prop_map(Act::Replace),
        2 => (0..3_usize).prop_map(Act::Restart),
        5 => Just(Act::Rotate),
    ]
}

struct Node {
    keys: SigningKeys,
    issuer: Issuer,
    clock: FixedClock,
    /// The seconds between two looks at the document, and the first one.
    interval: i64,
    phase: i64,
}

impl Node {
    fn start(document: &RingDocument, now: i64, interval: i64, phase: i64) -> Self {
        let clock = FixedClock::at(now);
        let keys = SigningKeys::from_document(document.clone(), clock.clone()).unwrap();
        let issuer = issuer(&keys, &clock);
        Self {
            keys,
            issuer,
            clock,
            interval,
            phase,
        }
    }
}

static SPARE: LazyLock<Vec<SigningKey>> = LazyLock::new(|| {
    (0..64)
        .map(|_| SigningKey::generate_es256().unwrap())
        .collect()
});

const SECONDS: Range<i64> = NOW..NOW + 700;

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, ..ProptestConfig::default() })]

    #[test]
    fn all_nodes_publish_one_set_and_take_every_good_token(
        acts in prop::collection::btree_map(SECONDS, act(), 0..24),
        intervals in prop::array::uniform3((1..=RELOAD, 0..RELOAD)),
    ) {
        let mut spare = SPARE.iter();
        let mut next_key = || spare.next().unwrap();
        let mut document = RingDocument::new(next_key(), times(), NOW).unwrap();
        let mut nodes = intervals.map(|(interval, phase)| Node::start(&document, NOW, interval, phase));
        // Each with its text and its last second; and the keys that were replaced, each with its end.
        let mut tokens: Vec<(String, String, i64)> = Vec::new();
        let mut replaced: Vec<(String, i64)> = Vec::new();
        for now in SECONDS {
            for node in &nodes {
                node.clock.set(now);
            }
            match acts.get(&now) {
                None => {}
                Some(Act::Prune) => drop(document.prune(now).unwrap()),
                Some(Act::Replace(which)) => {
                    let ids: Vec<_> = document.keys(now).map(|key| key.id).collect();
                    let id = &ids[ids.len().saturating_sub(which + 1)];
                    // A key can be replaced once.
                    if let Ok(at) = document.replace(id, next_key(), now) {
                        replaced.push((id.clone(), at));
                    }
                }
                Some(Act::Restart(which)) => {
                    let Node { interval, phase, .. } = nodes[*which];
                    nodes[*which] = Node::start(&document, now, interval, phase);
                }
                // One that is on its way is enough.
                Some(Act::Rotate) => drop(document.rotate(next_key(), now)),
            }
            for node in &nodes {
                if (now + node.phase) % node.interval == 0 {
                    node.keys.adopt(document.clone()).unwrap();
                }
            }

            let sets = [0, 1, 2].map(|index| published(&nodes[index].keys));
            prop_assert!(sets[0] == sets[1] && sets[1] == sets[2], "{now}: {sets:?}");
            let which = usize::try_from(now).unwrap() % 3;
            if now % 2 == 0 {
                let token = nodes[which].issuer.issue(&json!({})).unwrap();
                let verifier = nodes[(which + 1) % 3].issuer.verifier();
                let verified = verifier.verify_now(token.as_str()).unwrap();
                let id = verified.header().key_id().unwrap().to_owned();
                prop_assert!(sets[0].contains(&id), "{now}: {id} signs, published are {sets:?}");
                tokens.push((token.as_str().to_owned(), id, token.expires_at()));
            }

            if now % 10 == 0 {
                let ended: BTreeSet<&str> = (replaced.iter())
                    .filter(|(_, at)| *at <= now)
                    .map(|(id, _)| &**id)
                    .collect();
                tokens.retain(|(_, _, expires_at)| *expires_at > now);
                for (token, id, _) in tokens.iter().step_by(5) {
                    let result = nodes[(which + 2) % 3].issuer.verifier().verify_now(token);
                    prop_assert_eq!(result.is_ok(), !ended.contains(&**id), "{}: {}: {:?}", now, id, result);
                }
            }
        }
        prop_assert!(tokens.len() > 100);
    }
}

/// A document whose three keys have about the times that they should have.
fn perturbed() -> impl Strategy<Value = (serde_json::Value, bool)> {
    let shift = || prop_oneof![8 => Just(0_i64), 1 => -3..4_i64, 1 => -400..400_i64];
    let shifts = prop::collection::vec(shift(), 9);
    let flags = prop::collection::vec(prop::bool::weighted(0.15), 9);
    let revoked = prop::option::weighted(0.3, (0..3_usize, -100..500_i64));
    (shifts, flags, revoked).prop_map(|(shifts, flags, revoked)| {
        let mut document = RingDocument::new(&SPARE[0], times(), NOW - 400).unwrap();
        document.rotate(&SPARE[1], NOW - 200).unwrap();
        document.rotate(&SPARE[2], NOW - 10).unwrap();
        let mut json: serde_json::Value =
            serde_json::from_str(&document.to_json().unwrap()).unwrap();
        for index in 0..3 {
            let key = &mut json["keys"][index];
            for (place, name) in ["publish_from", "sign_from", "until"]
                .into_iter()
                .enumerate()
            {
                if let Some(time) = key[name].as_i64() {
                    key[name] = json!(time + shifts[index * 3 + place]);
                }
            }
            if flags[index * 3] {
                key["emergency"] = json!(true);
            }
            if flags[index * 3 + 1] {
                key.as_object_mut().unwrap().remove("d");
            }
            if flags[index * 3 + 2] {
                key.as_object_mut().unwrap().remove("until");
            }
        }
        if let Some((which, at)) = revoked {
            json["revoked"] = json!({ (SPARE[which].id()): NOW + at });
        }
        (
            json,
            shifts.iter().all(|shift| *shift == 0) && !flags.contains(&true) && revoked.is_none(),
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Whatever is accepted has a key that signs at every second, and that verifies until its last token has expired.
    #[test]
    fn a_document_that_is_accepted_has_a_good_key_at_every_second((json, is_unchanged) in perturbed()) {
        let document = match RingDocument::from_json(&json.to_string(), NOW) {
            Ok(document) => document,
            Err(error) => {
                prop_assert!(!is_unchanged, "{error}");
                return Ok(());
            }
        };
        let mut signed: BTreeMap<String, i64> = BTreeMap::new();
        for now in (NOW..NOW + 1_000).step_by(3) {
            let keys: Vec<_> = document.keys(now).collect();
            let active: Vec<_> = keys.iter().filter(|key| key.state == RingKeyState::Active).collect();
            prop_assert_eq!(active.len(), 1, "{}: {:?}", now, keys);
            prop_assert!(active[0].is_private && active[0].publish_from <= now);
            signed.insert(active[0].id.clone(), now);
            for key in &keys {
                let has_tokens = signed.get(&key.id).is_some_and(|last| last + LIFETIME >= now);
                let is_revoked = json["revoked"].get(&key.id).is_some();
                prop_assert!(
                    !has_tokens || is_revoked || key.state != RingKeyState::Gone,
                    "{now}: the tokens of {key:?} live"
                );
            }
        }
    }
}
