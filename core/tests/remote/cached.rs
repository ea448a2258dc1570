//! Tests of cached tokens with the keys of a provider.

use countersign::{TokenCache, remote::FetchErrorKind};

use crate::provider::{Provider, check, key, pass, token, verifier};

#[tokio::test(start_paused = true)]
async fn a_key_that_its_provider_withdraws_ends_cached_tokens_at_the_next_fetch() {
    let (leaving, staying) = (key("a"), key("b"));
    let provider = Provider::new(&[&leaving, &staying]);
    let (keys, _) = provider.start().await;
    let verifier = verifier(&keys).with_cache(TokenCache::new());
    let tokens = [token(&leaving), token(&staying)];
    for _ in 0..5 {
        for token in &tokens {
            assert_eq!(check(&verifier, token).await, "accepted");
        }
    }
    provider.publish(&[&staying]);
    pass(600).await;
    assert_eq!(check(&verifier, &tokens[0]).await, "unknown_key");
    assert_eq!(check(&verifier, &tokens[1]).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_too_stale_end_cached_tokens_with_503() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let (keys, _) = provider.start().await;
    let cache = TokenCache::new();
    let verifier = verifier(&keys).with_cache(cache.clone());
    let token = token(&key);
    for _ in 0..5 {
        assert_eq!(check(&verifier, &token).await, "accepted");
    }
    provider.state().fault = Some(FetchErrorKind::Connect);
    // Ten minutes fresh, an hour stale.
    pass(600 + 3_599).await;
    assert_eq!(check(&verifier, &token).await, "accepted");
    pass(2).await;
    let error = verifier.verify(&token).await.unwrap_err();
    assert_eq!(error.challenge().status(), 503);
    assert_eq!(cache.len(), 1);

    // With the provider, the same keys come back, so the tokens they verified are accepted again.
    provider.state().fault = None;
    pass(11).await;
    assert_eq!(check(&verifier, &token).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn a_token_whose_key_had_to_be_fetched_is_cached() {
    let (old, new) = (key("a"), key("b"));
    let provider = Provider::new(&[&old]);
    let (keys, _) = provider.start().await;
    let cache = TokenCache::new();
    let verifier = verifier(&keys).with_cache(cache.clone());
    provider.publish(&[&old, &new]);
    let token = token(&new);
    let fetches = provider.fetches();
    for _ in 0..5 {
        assert_eq!(check(&verifier, &token).await, "accepted");
    }
    assert_eq!((provider.fetches(), cache.len()), (fetches + 1, 1));
}
