//! Proofs that come again, and a store that is away.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use countersign::{
    adapter::RequestHead,
    keys::BoxFuture,
    proof::{Dpop, MemoryReplayStore, ReplayKey, ReplayStore},
    session::store::StoreError,
    testing::ProofKey,
};
use futures_executor::block_on;

use crate::{Head, URL, World, check, reason};

#[test]
fn a_proof_is_accepted_once_for_as_long_as_it_could_be() {
    let world = World::new();
    let (authenticator, token) = (world.authenticator(), world.token());
    let head = Head::dpop(&token, world.client.proof("GET", URL).token(&token).sign());
    assert_eq!(reason(&authenticator, &head), "accepted");
    for _ in 0..60 {
        let error = check(&authenticator, &head).unwrap_err();
        assert_eq!(error.reason(), "proof_replayed");
        assert_eq!(error.challenge().error_code(), Some("invalid_dpop_proof"));
        world.pass(1);
    }
    world.pass(1);
    assert_eq!(
        reason(&authenticator, &head),
        "invalid_proof",
        "too old by now"
    );
}

#[test]
fn a_refused_request_uses_nothing_up() {
    let world = World::new();
    let (authenticator, token) = (world.authenticator(), world.token());
    let proof = world.client.proof("GET", URL).token(&token).sign();
    // To another route, by a thief, and for another token.
    let mut elsewhere = Head::dpop(&token, proof.clone());
    elsewhere.path = "/v1/other";
    assert_eq!(reason(&authenticator, &elsewhere), "invalid_proof");
    let other_token = world.token();
    assert_ne!(token, other_token);
    assert_eq!(
        reason(&authenticator, &Head::dpop(&other_token, proof.clone())),
        "invalid_proof"
    );
    assert_eq!(
        reason(&authenticator, &Head::dpop(&token, proof)),
        "accepted"
    );
}

#[test]
fn the_same_jti_of_another_key_is_another_proof() {
    let world = World::new();
    let authenticator = world.authenticator();
    let other = ProofKey::new(world.issuer.clock());
    for client in [&world.client, &other] {
        let token = world.issuer.token().claim("cnf", client.cnf()).sign();
        let proof = client
            .proof("GET", URL)
            .token(&token)
            .claim("jti", "1")
            .sign();
        assert_eq!(
            reason(&authenticator, &Head::dpop(&token, proof)),
            "accepted"
        );
    }
}

/// A store that fails while it is told to.
#[derive(Clone)]
struct Flaky {
    store: Arc<MemoryReplayStore>,
    is_away: Arc<AtomicBool>,
}

impl ReplayStore for Flaky {
    fn insert(&self, key: ReplayKey, now: i64, until: i64) -> BoxFuture<Result<bool, StoreError>> {
        if self.is_away.load(Ordering::Relaxed) {
            return Box::pin(async { Err(StoreError::new("the disk burns")) });
        }
        let answer = self.store.insert(key, now, until);
        Box::pin(async move {
            // Not at the first poll: as over a network.
            let mut polled = false;
            std::future::poll_fn(|context| {
                context.waker().wake_by_ref();
                match std::mem::replace(&mut polled, true) {
                    true => std::task::Poll::Ready(()),
                    false => std::task::Poll::Pending,
                }
            })
            .await;
            answer.await
        })
    }
}

#[test]
fn a_store_that_is_away_is_an_outage_and_nothing_is_accepted_twice() {
    let world = World::new();
    let store = Flaky {
        store: Arc::new(MemoryReplayStore::new()),
        is_away: Arc::default(),
    };
    let dpop = Dpop::builder()
        .external_url("https://api.test")
        .replay(store.clone())
        .build()
        .unwrap();
    let authenticator = countersign::Authenticator::new(world.issuer.verifier()).dpop(dpop);
    let token = world.token();
    let head = || Head::dpop(&token, world.client.proof("GET", URL).token(&token).sign());

    let (used, lost) = (head(), head());
    assert_eq!(reason(&authenticator, &used), "accepted");
    store.is_away.store(true, Ordering::Relaxed);
    for head in [&used, &lost] {
        let error = check(&authenticator, head).unwrap_err();
        assert_eq!(error.reason(), "replay_unavailable");
        let challenge = error.challenge();
        assert_eq!(
            (challenge.status(), challenge.www_authenticate()),
            (503, None)
        );
    }
    store.is_away.store(false, Ordering::Relaxed);
    assert_eq!(reason(&authenticator, &used), "proof_replayed");
    assert_eq!(reason(&authenticator, &lost), "accepted");
}

#[test]
fn of_many_requests_with_one_proof_one_is_accepted() {
    let world = World::new();
    let (authenticator, token) = (world.authenticator(), world.token());
    for round in 0..50 {
        let head = Head::dpop(&token, world.client.proof("GET", URL).token(&token).sign());
        let accepted: usize = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        usize::from(
                            block_on(authenticator.check(&head as &dyn RequestHead)).is_ok(),
                        )
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).sum()
        });
        assert_eq!(accepted, 1, "round {round}");
    }
}
