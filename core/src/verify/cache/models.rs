//! Models of the cache: L1, L2, epochs, key sets.

use std::sync::{
    Arc, LazyLock,
    atomic::Ordering::{Acquire, Release},
};

use super::{
    key::{CacheScope, VerifierId},
    token_cache::TokenCache,
};
use crate::{
    claims::VerifiedToken,
    keys::{KeySet, KeySetId, KeySource, Keys, KeysUnavailable},
    models::{check, spawn},
    sync::{ArcSwap, AtomicBool},
    testing::TestIssuer,
    verify::Verifier,
};

/// A token that was verified once, for all runs.
struct Sample {
    text: String,
    token: VerifiedToken,
    scope: CacheScope,
}

static SAMPLE: LazyLock<Sample> = LazyLock::new(|| {
    let issuer = TestIssuer::new();
    let text = issuer.token().sign();
    Sample {
        token: issuer.verifier().verify_now(&text).unwrap(),
        text,
        scope: CacheScope {
            verifier: VerifierId::new(),
            keys: KeySet::new([]).id(),
        },
    }
});

impl Sample {
    fn keep(&self, cache: &TokenCache) {
        cache.keep(&self.text, self.scope, &self.token);
    }

    fn is_in(&self, cache: &TokenCache) -> bool {
        cache
            .get(self.text.as_bytes(), self.scope, |_| true)
            .is_some()
    }
}

/// Claim: a look that begins after a clearing has ended finds nothing that was kept before it, whatever the
/// same thread put into its own table meanwhile.
#[test]
fn nothing_from_before_a_clearing_is_served_after_it() {
    LazyLock::force(&SAMPLE);
    check(3, || {
        let cache = TokenCache::new();
        let done = Arc::new(AtomicBool::new(false));
        SAMPLE.keep(&cache);
        let reader = spawn({
            let (cache, done) = (cache.clone(), Arc::clone(&done));
            move || {
                SAMPLE.is_in(&cache);
                let is_done = done.load(Acquire);
                let is_served = SAMPLE.is_in(&cache);
                assert!(!(is_done && is_served));
            }
        });
        cache.clear();
        done.store(true, Release);
        reader.join().unwrap();
        assert!(!SAMPLE.is_in(&cache));
    });
}

/// Keys that are replaced while tokens are verified.
struct Rotating(Arc<ArcSwap<KeySet>>);

impl KeySource for Rotating {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        Ok(Arc::clone(&self.0.load()))
    }

    fn current_id(&self) -> Option<KeySetId> {
        Some(self.0.load().id())
    }

    fn can_refresh(&self) -> bool {
        false
    }
}

/// Claim: once a key has left the set, no verdict by it is served, not even one that was reached while
/// it left.
#[test]
fn no_verdict_by_a_key_that_has_left_is_served() {
    let issuer = TestIssuer::new();
    let text = issuer.token().sign();
    check(3, move || {
        let with_key = KeySet::new([issuer.key().verifying_key()]);
        let keys = Arc::new(ArcSwap::from_pointee(with_key));
        let verifier = Verifier::builder(Keys::from_source(Rotating(Arc::clone(&keys))))
            .issuer(TestIssuer::ISSUER)
            .audience(TestIssuer::AUDIENCE)
            .clock(issuer.clock().clone())
            .cache(TokenCache::new())
            .build()
            .unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let reader = spawn({
            let (verifier, done, text) = (verifier.clone(), Arc::clone(&done), text.clone());
            move || {
                for _ in 0..2 {
                    let is_done = done.load(Acquire);
                    let verdict = verifier.verify_now(&text);
                    assert!(!is_done || verdict.is_err());
                }
            }
        });
        keys.store(Arc::new(KeySet::new([])));
        done.store(true, Release);
        reader.join().unwrap();
    });
}
