//! Tests of a cache that several threads share.

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use countersign::{AuthErrorKind, KeySet, SigningKey, TokenCache, Verifier, testing::TestIssuer};
use serde::Deserialize;

use crate::lab::Lab;

#[test]
fn a_key_that_is_removed_is_removed_for_all_threads() {
    let lab = Lab::new();
    let other = SigningKey::generate_es256().unwrap();
    let token = lab.issuer.token().sign();
    let (warm, removed) = (Barrier::new(5), Barrier::new(5));
    thread::scope(|scope| {
        for times in 1..=4 {
            let (lab, token, warm, removed) = (&lab, &token, &warm, &removed);
            scope.spawn(move || {
                for _ in 0..times * 2 {
                    lab.verifier.verify_now(token).unwrap();
                }
                warm.wait();
                removed.wait();
                let error = lab.verifier.verify_now(token).unwrap_err();
                assert_eq!(error.kind(), AuthErrorKind::UnknownKey);
            });
        }
        warm.wait();
        lab.keys.put(Some(KeySet::new([other.verifying_key()])));
        removed.wait();
    });
}

#[test]
fn a_cache_that_is_cleared_is_empty_for_all_threads() {
    let lab = Lab::new();
    let token = lab.issuer.token().sign();
    let (warm, cleared) = (Barrier::new(3), Barrier::new(3));
    let before = thread::scope(|scope| {
        for _ in 0..2 {
            let (lab, token, warm, cleared) = (&lab, &token, &warm, &cleared);
            scope.spawn(move || {
                for _ in 0..5 {
                    lab.verifier.verify_now(token).unwrap();
                }
                warm.wait();
                cleared.wait();
                lab.verifier.verify_now(token).unwrap();
            });
        }
        warm.wait();
        let before = lab.keys.uses();
        lab.cache.clear();
        cleared.wait();
        before
    });
    // By one of the two at least, and by both if they came at once.
    assert!((1..=2).contains(&(lab.keys.uses() - before)));
}

#[test]
fn a_token_that_is_looked_for_while_the_cache_is_cleared_is_gone_after_it() {
    let cache = TokenCache::builder().entries(255).build().unwrap();
    let lab = Lab::with(cache, |builder| builder);
    let text = lab.issuer.token().sign();
    let others: Vec<String> = (0..100)
        .map(|n| lab.issuer.token().claim("n", n).sign())
        .collect();
    for round in 0..40 {
        lab.cache.clear();
        // There is one part, and it takes a while until it is this token's turn.
        let fill = |others: &[String]| {
            for other in others {
                lab.verifier.verify_now(other).unwrap();
            }
        };
        fill(&others[..50]);
        let old = lab.verifier.verify_now(&text).unwrap();
        fill(&others[50..]);
        let is_old = || {
            let token = lab.verifier.verify_now(&text).unwrap();
            token.payload().as_ptr() == old.payload().as_ptr()
        };
        let (looking, cleared) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !cleared.load(Ordering::Acquire) {
                    is_old();
                    looking.store(true, Ordering::Release);
                }
                assert!(!is_old(), "in round {round}");
            });
            while !looking.load(Ordering::Acquire) {
                thread::yield_now();
            }
            lab.cache.clear();
            cleared.store(true, Ordering::Release);
        });
    }
}

/// Claims that count how many instances exist.
struct Counted;

static ALIVE: AtomicUsize = AtomicUsize::new(0);

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer)?;
        ALIVE.fetch_add(1, Ordering::SeqCst);
        Ok(Self)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn with_the_cache_all_that_threads_keep_is_gone() {
    let issuer = TestIssuer::new();
    let cache = TokenCache::new();
    let verifier = issuer.verifier_builder().cache(cache.clone());
    let verifier: Arc<Verifier> = Arc::new(verifier.build().unwrap());
    let token = issuer.token().sign();
    let claims = || {
        for _ in 0..6 {
            let token = verifier.verify_now(&token).unwrap();
            token.claims::<Counted>().unwrap();
        }
    };
    claims();
    thread::scope(|scope| drop(scope.spawn(claims)));
    // One in the shared table, and one for each thread.
    assert_eq!(ALIVE.load(Ordering::SeqCst), 3);
    drop((cache, verifier));
    assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
}
