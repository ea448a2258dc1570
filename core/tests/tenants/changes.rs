//! Tests of tenants that are created, removed and changed while tokens come.

use std::{sync::Arc, time::Duration};

use countersign::{
    AuthErrorKind, Authenticator, Issuers, TokenCache,
    keys::{KeySource, KeysUnavailable, RefreshReason},
};
use tokio::{sync::Notify, task::yield_now, time::advance};

use crate::app::{App, ask, issuer, refusal};

const UNKNOWN: Option<AuthErrorKind> = Some(AuthErrorKind::UnknownIssuer);

#[tokio::test(start_paused = true)]
async fn a_removed_tenant_is_refused_from_the_next_request_on() {
    let app = App::new(&["a", "b"]);
    let (tenants, authenticator) = app.start(|own| own);
    let (a, b) = (app.token("a"), app.token("b"));
    assert_eq!(refusal(&authenticator, &a).await, None);
    assert_eq!(refusal(&authenticator, &b).await, None);
    tenants.remove(&issuer("a"));
    // Although the resolver, which reads a copy that lags, knows it still.
    assert_eq!(refusal(&authenticator, &a).await, UNKNOWN);
    assert_eq!(refusal(&authenticator, &b).await, None);
    assert_eq!((app.asked(), tenants.len()), (2, 1));
    app.delete("a");
    advance(Duration::from_secs(30)).await;
    assert_eq!(refusal(&authenticator, &a).await, UNKNOWN);
    assert_eq!(app.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_was_just_created_is_let_in_at_once() {
    let app = App::new(&[]);
    let (tenants, authenticator) = app.start(|own| own);
    let (a, b) = (app.token("a"), app.token("b"));
    for token in [&a, &b] {
        assert_eq!(refusal(&authenticator, token).await, UNKNOWN);
    }
    app.create("a");
    tenants.forget(&issuer("a"));
    assert_eq!(refusal(&authenticator, &a).await, None);
    // Without the resolver.
    let asked = app.asked();
    tenants
        .add(&app.verifier(&issuer("b")).build().unwrap())
        .unwrap();
    assert_eq!(refusal(&authenticator, &b).await, None);
    // Also after it was removed.
    tenants.remove(&issuer("b"));
    assert_eq!(refusal(&authenticator, &b).await, UNKNOWN);
    tenants
        .add(&app.verifier(&issuer("b")).build().unwrap())
        .unwrap();
    assert_eq!(refusal(&authenticator, &b).await, None);
    assert_eq!(app.asked(), asked);
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_before_a_removal_does_not_count() {
    let app = App::new(&["a"]);
    let (tenants, authenticator) = app.start(|own| own);
    let gate = app.close();
    let waiting = tokio::spawn({
        let (authenticator, token) = (authenticator.clone(), app.token("a"));
        async move { refusal(&authenticator, &token).await }
    });
    while app.asked() == 0 {
        yield_now().await;
    }
    app.delete("a");
    tenants.remove(&issuer("a"));
    gate.notify_one();
    app.open();
    assert_eq!(waiting.await.unwrap(), UNKNOWN);
    yield_now().await;
    assert_eq!((tenants.len(), app.asked()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_before_a_change_is_asked_for_again() {
    let app = App::new(&[]);
    let (tenants, authenticator) = app.start(|own| own);
    let gate = app.close();
    let waiting = tokio::spawn({
        let (authenticator, token) = (authenticator.clone(), app.token("a"));
        async move { refusal(&authenticator, &token).await }
    });
    while app.asked() == 0 {
        yield_now().await;
    }
    app.create("a");
    app.open();
    tenants.forget(&issuer("a"));
    assert_eq!(waiting.await.unwrap(), None);
    assert_eq!((tenants.len(), app.asked()), (1, 2));
    // The first question ends later, and nobody hears of it.
    gate.notify_one();
    yield_now().await;
    assert_eq!(refusal(&authenticator, &app.token("a")).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_token_in_a_cache_goes_with_its_tenant() {
    let app = App::new(&[]);
    let (tenants, authenticator) = app.start(|own| own);
    let cache = TokenCache::new();
    let verifier = app
        .verifier(&issuer("a"))
        .cache(cache.clone())
        .build()
        .unwrap();
    tenants.add(&verifier).unwrap();
    let token = app.token("a");
    for _ in 0..3 {
        assert_eq!(refusal(&authenticator, &token).await, None);
    }
    assert_eq!(cache.len(), 1);
    tenants.remove(&issuer("a"));
    assert_eq!(refusal(&authenticator, &token).await, UNKNOWN);
    // A new verifier finds nothing that another one has accepted.
    let strict = app
        .verifier(&issuer("a"))
        .cache(cache)
        .require_claim("org")
        .build();
    tenants.add(&strict.unwrap()).unwrap();
    let kind = refusal(&authenticator, &token).await;
    assert_eq!(kind, Some(AuthErrorKind::MissingClaim));
}

/// Keys that come when they are let.
struct LateKeys {
    set: Arc<countersign::KeySet>,
    is_there: Arc<std::sync::atomic::AtomicBool>,
    gate: Arc<Notify>,
}

impl KeySource for LateKeys {
    fn snapshot(&self) -> Result<Arc<countersign::KeySet>, KeysUnavailable> {
        match self.is_there.load(std::sync::atomic::Ordering::SeqCst) {
            true => Ok(Arc::clone(&self.set)),
            false => Ok(Arc::new(countersign::KeySet::new([
                countersign::SigningKey::generate_es256()
                    .unwrap()
                    .with_id("other")
                    .verifying_key(),
            ]))),
        }
    }

    fn can_refresh(&self) -> bool {
        true
    }

    fn refresh(
        &self,
        _: RefreshReason<'_>,
    ) -> Option<countersign::keys::BoxFuture<Result<(), KeysUnavailable>>> {
        let (gate, is_there) = (Arc::clone(&self.gate), Arc::clone(&self.is_there));
        Some(Box::pin(async move {
            gate.notified().await;
            is_there.store(true, std::sync::atomic::Ordering::SeqCst);
            Ok(())
        }))
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_waits_for_keys_goes_with_its_tenant() {
    let allowed = Arc::new(std::sync::atomic::AtomicBool::new(true));
    for change in ["none", "remove", "only", "evict", "evict, remove"] {
        let app = App::new(&[]);
        allowed.store(true, std::sync::atomic::Ordering::SeqCst);
        let list = Arc::clone(&allowed);
        let tenants = app
            .builder()
            .only(move |_| list.load(std::sync::atomic::Ordering::SeqCst));
        let tenants = tenants.capacity(1).build().unwrap();
        let authenticator = Authenticator::new(Issuers::dynamic(tenants.clone()));
        let key = app.keys.key().verifying_key();
        let gate = Arc::new(Notify::new());
        let keys = LateKeys {
            set: Arc::new(countersign::KeySet::new([key])),
            is_there: Arc::default(),
            gate: Arc::clone(&gate),
        };
        let verifier = countersign::Verifier::builder(countersign::Keys::from_source(keys))
            .issuer(issuer("a"))
            .audience(countersign::testing::TestIssuer::AUDIENCE)
            .clock(app.keys.clock().clone());
        tenants.add(&verifier.build().unwrap()).unwrap();
        let waiting = tokio::spawn({
            let token = app
                .keys
                .token()
                .issuer(&issuer("a"))
                .header("kid", app.keys.key().id());
            let (authenticator, token) = (authenticator.clone(), token.sign());
            async move {
                ask(&authenticator, &token)
                    .await
                    .err()
                    .map(|error| error.kind())
            }
        });
        yield_now().await;
        assert!(!waiting.is_finished());
        match change {
            "remove" => tenants.remove(&issuer("a")),
            "only" => allowed.store(false, std::sync::atomic::Ordering::SeqCst),
            // It was never used, so another one takes its place.
            "evict" | "evict, remove" => {
                app.create("a");
                let other = app.verifier(&issuer("b")).build().unwrap();
                tenants.add(&other).unwrap();
                if change == "evict, remove" {
                    tenants.remove(&issuer("a"));
                }
            }
            _ => {}
        }
        gate.notify_one();
        // Evicted alone, it is asked about again.
        let expected = UNKNOWN.filter(|_| change != "none" && change != "evict");
        assert_eq!(waiting.await.unwrap(), expected, "{change}");
        assert_eq!(app.asked(), usize::from(change == "evict"), "{change}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_goes_away_leaves_the_question_to_others() {
    let app = App::new(&["a"]);
    let (_, authenticator) = app.start(|own| own);
    let gate = app.close();
    let first = tokio::spawn({
        let (authenticator, token) = (authenticator.clone(), app.token("a"));
        async move { refusal(&authenticator, &token).await }
    });
    while app.asked() == 0 {
        yield_now().await;
    }
    first.abort();
    assert!(first.await.is_err());
    let others: Vec<_> = (0..50)
        .map(|_| {
            let (authenticator, token) = (authenticator.clone(), app.token("a"));
            tokio::spawn(async move { refusal(&authenticator, &token).await })
        })
        .collect();
    yield_now().await;
    gate.notify_one();
    for other in others {
        assert_eq!(other.await.unwrap(), None);
    }
    assert_eq!(app.asked(), 1);
}
