//! Models of the key ring.

use std::sync::{
    Arc, LazyLock,
    atomic::Ordering::{Acquire, Release},
};

use super::signing_keys::SigningKeys;
use crate::{
    jose::SigningKey,
    keys::KeySource,
    models::{check, spawn},
    sync::AtomicBool,
};

const NOW: i64 = 1_800_000_000;

/// Made once, for all runs.
static KEYS: LazyLock<[SigningKey; 3]> =
    LazyLock::new(|| [(); 3].map(|()| SigningKey::generate_es256().unwrap()));

/// A ring in which the first key has retired, the second signs and the third comes next.
fn ring() -> SigningKeys {
    let [first, second, third] = &*KEYS;
    let ring = SigningKeys::new(first.clone());
    ring.publish(second).unwrap();
    ring.rotate(NOW).unwrap();
    ring.publish(third).unwrap();
    ring
}

fn ids(ring: &SigningKeys) -> Vec<String> {
    let keys = ring.verifying_keys();
    keys.iter()
        .filter_map(|key| key.id().map(str::to_owned))
        .collect()
}

/// Claim: of two changes at once, neither is lost.
#[test]
fn two_changes_at_once_are_both_made() {
    LazyLock::force(&KEYS);
    check(3, || {
        let ring = ring();
        let other = spawn({
            let ring = ring.clone();
            move || {
                ring.prune(NOW + 1);
                ring.prepare("at+jwt");
            }
        });
        ring.rotate(NOW + 2).unwrap();
        other.join().unwrap();
        let [_, second, third] = &*KEYS;
        assert_eq!(ids(&ring), [third.id(), second.id()]);
        let now = ring.now();
        assert_eq!(now.moment.active.id(), third.id());
        let header = now.header("at+jwt").expect("it was prepared");
        let fresh = SigningKeys::new(third.clone());
        fresh.prepare("at+jwt");
        assert_eq!(Some(header), fresh.now().header("at+jwt"));
    });
}

/// Claim: a key that was published takes over once. The second rotation fails, and no key that signed is
/// lost.
#[test]
fn a_published_key_takes_over_once() {
    LazyLock::force(&KEYS);
    check(3, || {
        let ring = ring();
        let other = spawn({
            let ring = ring.clone();
            move || ring.rotate(NOW).is_ok()
        });
        let own = ring.rotate(NOW).is_ok();
        assert_ne!(other.join().unwrap(), own);
        assert_eq!(ids(&ring).len(), 3);
    });
}

/// Claim: the set that a pruning left behind stays until there is another change, so that a second one at
/// once ends no verdict that a cache has.
#[test]
fn two_prunings_at_once_make_one_set() {
    LazyLock::force(&KEYS);
    check(3, || {
        let ring = ring();
        let other = spawn({
            let ring = ring.clone();
            move || {
                ring.prune(NOW + 1);
                ring.current_id()
            }
        });
        ring.prune(NOW + 1);
        let own = ring.current_id();
        assert!(other.join().unwrap() == own);
        assert!(ring.current_id() == own);
    });
}

/// Claim: the key that signs a token is in every set that is asked for later, even while keys take turns.
#[test]
fn what_signs_is_in_the_set() {
    LazyLock::force(&KEYS);
    check(3, || {
        let ring = ring();
        let rotated = Arc::new(AtomicBool::new(false));
        let other = spawn({
            let (ring, rotated) = (ring.clone(), Arc::clone(&rotated));
            move || {
                ring.rotate(NOW + 2).unwrap();
                rotated.store(true, Release);
            }
        });
        let is_rotated = rotated.load(Acquire);
        let signs = ring.now().moment.active.id().to_owned();
        assert!(!is_rotated || signs == KEYS[2].id());
        assert!(ring.snapshot().unwrap().has_key(&signs));
        other.join().unwrap();
    });
}
