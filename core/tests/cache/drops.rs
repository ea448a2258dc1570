//! Tests of dropping cached claims: they are of the app's type, whose `Drop` can do anything.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use countersign::{Clock, TokenCache, testing::FixedClock};
use serde::Deserialize;

use crate::lab::Lab;

thread_local! {
    /// The action of the next `Drop` of a [`Meddler`], and of that one alone.
    static WHEN_DROPPED: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Claims that run an action when they are dropped.
struct Meddler;

impl<'de> Deserialize<'de> for Meddler {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer)?;
        Ok(Self)
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        if let Some(act) = WHEN_DROPPED.take() {
            act();
        }
    }
}

/// Runs an action on a thread of its own, and fails if it hangs.
#[track_caller]
fn in_time(act: impl FnOnce() + Send + 'static) {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(act));
        let _ = done.send(result.is_ok());
    });
    assert_eq!(is_done.recv_timeout(Duration::from_secs(30)), Ok(true));
}

/// Returns a cache in one part, full of small tokens that are read as a [`Meddler`], so that a
/// [large](large) one needs the room of several.
fn full() -> (Lab, Vec<String>) {
    let cache = TokenCache::builder().entries(10_000).bytes(64 << 10);
    let lab = Lab::with(cache.build().unwrap(), |builder| builder);
    let tokens: Vec<String> = (0..200)
        .map(|n| lab.issuer.token().claim("n", n).sign())
        .collect();
    for token in &tokens {
        let token = lab.verifier.verify_now(token).unwrap();
        token.claims::<Meddler>().unwrap();
    }
    (lab, tokens)
}

/// Returns a token that needs the room of many small ones.
fn large(lab: &Lab) -> String {
    let token = lab.issuer.token().claim("pad", "x".repeat(2_700));
    token.sign()
}

/// Makes the next `Drop` count itself, and then run an action.
fn when_dropped(act: impl FnOnce() + 'static) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    WHEN_DROPPED.set(Some(Box::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        act();
    })));
    count
}

#[test]
fn claims_that_make_room_may_verify_tokens() {
    in_time(|| {
        let (lab, tokens) = full();
        let large = large(&lab);
        let verifier = lab.verifier.clone();
        let count = when_dropped(move || {
            for token in &tokens {
                verifier.verify_now(token).unwrap();
            }
        });
        lab.verifier.verify_now(&large).unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn claims_that_are_cleared_may_verify_tokens_and_find_none_of_before() {
    in_time(|| {
        let (lab, tokens) = full();
        let lab = Arc::new(lab);
        let verifying = Arc::clone(&lab);
        let count = when_dropped(move || {
            for token in &tokens {
                assert!(!verifying.is_hit(token));
            }
        });
        lab.cache.clear();
        assert_eq!(count.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn a_panic_of_claims_that_make_room_breaks_nothing() {
    in_time(|| {
        let (lab, tokens) = full();
        let large = large(&lab);
        let count = when_dropped(|| panic!("as a test wants it"));
        let result = catch_unwind(AssertUnwindSafe(|| lab.verifier.verify_now(&large)));
        assert!(result.is_err());
        assert_eq!(count.load(Ordering::SeqCst), 1);
        for token in &tokens {
            lab.verifier.verify_now(token).unwrap();
        }
    });
}

#[test]
fn a_panic_of_claims_that_are_cleared_breaks_nothing() {
    in_time(|| {
        let (lab, tokens) = full();
        let count = when_dropped(|| panic!("as a test wants it"));
        assert!(catch_unwind(AssertUnwindSafe(|| lab.cache.clear())).is_err());
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert!(lab.cache.is_empty());
        assert!(!lab.is_hit(&tokens[0]));
        assert!(lab.is_hit(&tokens[0]));
    });
}

#[test]
fn claims_that_a_thread_has_at_hand_leave_at_its_first_look_after_a_clearing() {
    in_time(|| {
        let lab = Lab::new();
        let token = lab.issuer.token().sign();
        for _ in 0..5 {
            let token = lab.verifier.verify_now(&token).unwrap();
            token.claims::<Meddler>().unwrap();
        }
        lab.cache.clear();
        let count = when_dropped(|| ());
        let other = lab.issuer.token().claim("n", 1).sign();
        assert_eq!(count.load(Ordering::SeqCst), 0);
        lab.verifier.verify_now(&other).unwrap();
        assert_eq!(count.load(Ordering::SeqCst), 1);
    });
}

/// A clock that runs an action the next time it is read.
#[derive(Clone)]
struct Busy {
    clock: FixedClock,
    next: Next,
}

type Next = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

impl Clock for Busy {
    fn now(&self) -> i64 {
        let act = self.next.lock().unwrap().take();
        if let Some(act) = act {
            act();
        }
        self.clock.now()
    }
}

#[test]
fn no_token_gets_past_a_clearing_in_the_midst_of_its_request() {
    for before in 1..6 {
        let now = 1_800_000_000;
        let next = Next::default();
        let busy = Busy {
            clock: FixedClock::at(now),
            next: Arc::clone(&next),
        };
        let lab = Lab::with(TokenCache::new(), |builder| builder.clock(busy));
        lab.issuer.clock().set(now);
        let (token, other) = (
            lab.issuer.token().sign(),
            lab.issuer.token().claim("n", 1).sign(),
        );
        for _ in 0..before {
            lab.verifier.verify_now(&token).unwrap();
        }
        let (cache, verifier) = (lab.cache.clone(), lab.verifier.clone());
        *next.lock().unwrap() = Some(Box::new(move || {
            cache.clear();
            verifier.verify_now(&other).unwrap();
        }));
        lab.verifier.verify_now(&token).unwrap();
        assert!(next.lock().unwrap().is_none());
        assert!(!lab.is_hit(&token), "{before}");
    }
}
