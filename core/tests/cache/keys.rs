//! Tests of cached tokens when keys are removed, added or unavailable.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use countersign::{
    AuthErrorKind, Issuer, KeySet, Keys, SigningKey, SigningKeys, TokenCache, Verifier,
    keys::{KeySetId, KeySource, KeysUnavailable},
    testing::TestIssuer,
};
use futures_executor::block_on;

use crate::lab::{Lab, WARM, refusal};

#[test]
fn a_key_that_leaves_the_set_ends_the_tokens_it_verified() {
    for warm in WARM {
        let lab = Lab::new();
        let other = SigningKey::generate_es256().unwrap();
        let token = lab.issuer.token().sign();
        lab.warm(&token, warm);
        let before = lab.keys.put(Some(KeySet::new([other.verifying_key()])));
        for _ in 0..3 {
            assert_eq!(lab.refusal(&token), Some(AuthErrorKind::UnknownKey));
        }
        // Its twin: the key is back.
        lab.keys.put(before);
        assert_eq!(lab.refusal(&token), None);
    }
}

#[test]
fn another_key_under_the_same_id_ends_them_too() {
    for warm in WARM {
        let lab = Lab::new();
        let id = lab.issuer.key().id();
        let other = SigningKey::generate_es256().unwrap().with_id(id);
        let token = lab.issuer.token().sign();
        lab.warm(&token, warm);
        lab.keys.put(Some(KeySet::new([other.verifying_key()])));
        assert_eq!(lab.refusal(&token), Some(AuthErrorKind::BadSignature));
    }
}

#[test]
fn after_a_rotation_each_token_is_verified_once_more() {
    for warm in WARM {
        let lab = Lab::new();
        let token = lab.issuer.token().sign();
        lab.warm(&token, warm);
        let next = SigningKey::generate_es256().unwrap();
        let keys = [lab.issuer.key().verifying_key(), next.verifying_key()];
        lab.keys.put(Some(KeySet::new(keys)));
        assert!(!lab.is_hit(&token));
        assert!(lab.is_hit(&token));
    }
}

#[test]
fn a_clone_of_a_set_is_that_set_and_an_equal_one_is_not() {
    let lab = Lab::new();
    let token = lab.issuer.token().sign();
    lab.warm(&token, 1);
    let set = lab.keys.put(None).unwrap();
    lab.keys.put(Some(set.clone()));
    assert!(lab.is_hit(&token));
    lab.keys.put(Some(KeySet::new(set.keys().to_vec())));
    assert!(!lab.is_hit(&token));
}

#[test]
fn without_usable_keys_a_cached_token_is_answered_with_503() {
    for warm in WARM {
        let lab = Lab::new();
        let token = lab.issuer.token().sign();
        lab.warm(&token, warm);
        let set = lab.keys.put(None);
        for _ in 0..3 {
            assert_eq!(lab.refusal(&token), Some(AuthErrorKind::KeysUnavailable));
            let error = block_on(lab.verifier.verify(&token)).unwrap_err();
            assert_eq!(error.challenge().status(), 503);
        }
        // Its twin: the keys are available again.
        lab.keys.put(set);
        assert!(lab.is_hit(&token));
    }
}

#[test]
fn a_key_that_is_removed_from_a_ring_ends_its_tokens_at_once() {
    for warm in WARM {
        let ring = SigningKeys::new(SigningKey::generate_es256().unwrap());
        let issuer = TestIssuer::new();
        let old = ring.verifying_keys()[0].id().unwrap().to_owned();
        let own = issuing(&ring, &issuer);
        let verifiers = [
            own.verifier().with_cache(TokenCache::new()),
            Verifier::builder(ring.clone())
                .issuer(TestIssuer::ISSUER)
                .audience(TestIssuer::AUDIENCE)
                .clock(issuer.clock().clone())
                .cache(TokenCache::new())
                .build()
                .unwrap(),
        ];
        let token = own.issue(&serde_json::json!({})).unwrap();
        let token = token.as_str();
        for verifier in &verifiers {
            for _ in 0..=warm {
                verifier.verify_now(token).unwrap();
            }
        }
        ring.publish(&SigningKey::generate_es256().unwrap())
            .unwrap();
        ring.rotate(i64::MAX).unwrap();
        for verifier in &verifiers {
            assert_eq!(refusal(verifier, token), None);
        }
        ring.remove(&old).unwrap();
        for verifier in &verifiers {
            assert_eq!(refusal(verifier, token), Some(AuthErrorKind::UnknownKey));
        }
    }
}

#[test]
fn an_active_key_that_is_replaced_ends_its_tokens_at_once() {
    for warm in WARM {
        let ring = SigningKeys::new(SigningKey::generate_es256().unwrap());
        let issuer = TestIssuer::new();
        let own = issuing(&ring, &issuer);
        let verifier = own.verifier().with_cache(TokenCache::new());
        let issued = || own.issue(&serde_json::json!({})).unwrap();
        let old = issued();
        for _ in 0..=warm {
            verifier.verify_now(old.as_str()).unwrap();
        }
        ring.replace_active(&SigningKey::generate_es256().unwrap())
            .unwrap();
        let refused = refusal(&verifier, old.as_str());
        assert_eq!(refused, Some(AuthErrorKind::UnknownKey));
        assert_eq!(refusal(&verifier, issued().as_str()), None);
    }
}

#[test]
fn a_retired_key_ends_its_tokens_in_time_though_nobody_prunes_the_ring() {
    let issuer = TestIssuer::new();
    let now = countersign::Clock::now(issuer.clock());
    for warm in WARM {
        issuer.clock().set(now);
        let ring = SigningKeys::new(SigningKey::generate_es256().unwrap());
        let own = issuing(&ring, &issuer);
        let verifier = own.verifier().with_cache(TokenCache::new());
        let token = own.issue(&serde_json::json!({})).unwrap();
        ring.publish(&SigningKey::generate_es256().unwrap())
            .unwrap();
        ring.rotate(now + 60).unwrap();
        for _ in 0..=warm {
            verifier.verify_now(token.as_str()).unwrap();
        }
        issuer.clock().set(now + 60);
        assert_eq!(refusal(&verifier, token.as_str()), None);
        issuer.clock().set(now + 61);
        assert_eq!(
            verifier.verify_now(token.as_str()).unwrap_err().kind(),
            AuthErrorKind::UnknownKey
        );
    }
}

/// A ring that counts how often its keys verify a token.
struct Counted(SigningKeys, Arc<AtomicUsize>);

impl KeySource for Counted {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.snapshot()
    }

    fn current_id(&self) -> Option<KeySetId> {
        self.0.current_id()
    }
}

#[test]
fn what_changes_no_key_of_a_ring_ends_no_token() {
    let issuer = TestIssuer::new();
    let now = countersign::Clock::now(issuer.clock());
    let ring = SigningKeys::new(SigningKey::generate_es256().unwrap());
    ring.publish(&SigningKey::generate_es256().unwrap().with_id("second"))
        .unwrap();
    ring.rotate(now + 60).unwrap();
    let own = issuing(&ring, &issuer);
    let uses = Arc::new(AtomicUsize::new(0));
    let verifier = verifier(&issuer, Counted(ring.clone(), Arc::clone(&uses)));
    let token = own.issue(&serde_json::json!({})).unwrap();
    verifier.verify_now(token.as_str()).unwrap();

    let (set, used) = (ring.current_id(), uses.load(Ordering::SeqCst));
    let nothings: [&dyn Fn(); 7] = [
        &|| drop(own.jwks()),
        &|| drop(issuing(&ring, &issuer)),
        &|| drop(issuing_type("at+jwt", &ring, &issuer)),
        &|| assert!(ring.remove("absent").is_err()),
        // The signing key stays.
        &|| assert!(ring.remove("second").is_err()),
        &|| ring.prune(now + 60),
        &|| assert!(ring.rotate(0).is_err()),
    ];
    for (index, nothing) in nothings.into_iter().enumerate() {
        nothing();
        assert_eq!(ring.current_id(), set, "{index}");
        verifier.verify_now(token.as_str()).unwrap();
        assert_eq!(uses.load(Ordering::SeqCst), used, "{index}");
    }
}

#[test]
fn every_change_of_its_keys_makes_another_set_of_a_ring() {
    let issuer = TestIssuer::new();
    let now = countersign::Clock::now(issuer.clock());
    let ring = SigningKeys::new(SigningKey::generate_es256().unwrap().with_id("first"));
    let own = issuing(&ring, &issuer);
    let publish = |id| {
        let key = SigningKey::generate_es256().unwrap().with_id(id);
        ring.publish(&key).unwrap();
    };
    let changes: [&dyn Fn(); 9] = [
        &|| publish("second"),
        &|| ring.rotate(now).unwrap(),
        &|| publish("third"),
        &|| ring.remove("third").unwrap(),
        &|| ring.prune(now + 1),
        &|| publish("fourth"),
        &|| own.rotate().unwrap(),
        &|| ring.remove("second").unwrap(),
        &|| publish("fifth"),
    ];
    let mut seen = vec![ring.current_id()];
    for (index, change) in changes.into_iter().enumerate() {
        change();
        assert!(!seen.contains(&ring.current_id()), "{index}");
        seen.push(ring.current_id());
    }
    assert_eq!(ring.verifying_keys().len(), 2);
}

fn issuing(ring: &SigningKeys, issuer: &TestIssuer) -> Issuer {
    issuing_type("JWT", ring, issuer)
}

fn issuing_type(typ: &str, ring: &SigningKeys, issuer: &TestIssuer) -> Issuer {
    Issuer::builder(TestIssuer::ISSUER, ring.clone())
        .token_type(typ)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .build()
        .unwrap()
}

/// A source that identifies its set by taking a snapshot, the default of the trait.
struct Plain(Arc<KeySet>, Arc<AtomicBool>);

impl KeySource for Plain {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        match self.1.load(Ordering::SeqCst) {
            true => Err(KeysUnavailable::default()),
            false => Ok(Arc::clone(&self.0)),
        }
    }
}

#[test]
fn a_source_of_ones_own_needs_nothing_but_its_snapshot() {
    let issuer = TestIssuer::new();
    let set = Arc::new(KeySet::new([issuer.key().verifying_key()]));
    let away = Arc::new(AtomicBool::new(false));
    let source = Plain(Arc::clone(&set), Arc::clone(&away));
    assert_eq!(source.current_id(), Some(set.id()));
    let verifier = verifier(&issuer, source);
    let token = issuer.token().sign();
    for is_away in [false, false, true, false] {
        away.store(is_away, Ordering::SeqCst);
        let expected = is_away.then_some(AuthErrorKind::KeysUnavailable);
        assert_eq!(refusal(&verifier, &token), expected);
    }
}

/// A source that rotates its keys after each look at its set.
struct Rotating(Arc<KeySet>, KeySet, AtomicBool);

impl KeySource for Rotating {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        match self.2.swap(true, Ordering::SeqCst) {
            false => Ok(Arc::clone(&self.0)),
            true => Ok(Arc::new(self.1.clone())),
        }
    }

    fn current_id(&self) -> Option<KeySetId> {
        Some(self.1.id())
    }
}

#[test]
fn a_token_is_kept_for_the_set_that_verified_it_and_for_no_later_one() {
    let issuer = TestIssuer::new();
    let other = SigningKey::generate_es256().unwrap();
    let cache = TokenCache::new();
    let source = Rotating(
        Arc::new(KeySet::new([issuer.key().verifying_key()])),
        KeySet::new([other.verifying_key()]),
        // The builder looks first.
        AtomicBool::new(true),
    );
    let source = Arc::new(source);
    let verifier = Verifier::builder(Keys::from_source(Shared(Arc::clone(&source))))
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .cache(cache.clone())
        .build()
        .unwrap();
    source.2.store(false, Ordering::SeqCst);
    let token = issuer.token().sign();
    verifier.verify_now(&token).unwrap();
    assert_eq!(cache.len(), 1);
    for _ in 0..3 {
        assert_eq!(
            verifier.verify_now(&token).unwrap_err().kind(),
            AuthErrorKind::UnknownKey
        );
    }
}

struct Shared(Arc<Rotating>);

impl KeySource for Shared {
    fn snapshot(&self) -> Result<Arc<KeySet>, KeysUnavailable> {
        self.0.snapshot()
    }

    fn current_id(&self) -> Option<KeySetId> {
        self.0.current_id()
    }
}

fn verifier(issuer: &TestIssuer, source: impl KeySource) -> Verifier {
    Verifier::builder(Keys::from_source(source))
        .issuer(TestIssuer::ISSUER)
        .audience(TestIssuer::AUDIENCE)
        .clock(issuer.clock().clone())
        .cache(TokenCache::new())
        .build()
        .unwrap()
}
