//! Tests of invented key ids.

use std::time::Duration;

use tokio::{task::JoinSet, time::Instant};

use crate::provider::{Provider, check, key, pass, token, token_naming, unknown};

#[tokio::test(start_paused = true)]
async fn ten_thousand_invented_ids_are_at_most_three_fetches_in_ten_seconds() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    provider.state().latency = Duration::from_millis(50);
    let (_keys, verifier) = provider.start().await;
    let start = Instant::now();
    for n in 0..10_000 {
        let id = format!("invented-{n}");
        // The signature does not matter here.
        let token = token_naming(&key, Some(&id));
        let before = Instant::now();
        assert_eq!(check(&verifier, &token).await, "unknown_key");
        assert!(before.elapsed() <= Duration::from_millis(2_100));
        tokio::time::sleep(Duration::from_millis(1)).await;
        if n % 100 == 0 {
            let before = Instant::now();
            assert_eq!(check(&verifier, &self::token(&key)).await, "accepted");
            assert_eq!(before.elapsed(), Duration::ZERO);
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let first = (provider.state().log.iter())
        .filter(|(at, _)| at.duration_since(start) < Duration::from_secs(10))
        .count();
    assert!(first <= 3, "{first}");
    #[allow(clippy::cast_precision_loss)] // small numbers
    let allowed = 3.0 + seconds / 10.0;
    #[allow(clippy::cast_precision_loss)]
    let fetches = provider.fetches() as f64;
    assert!(fetches <= allowed, "{fetches} in {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_found_in_a_flood_within_ten_seconds() {
    let (old, new) = (key("old"), key("new"));
    let provider = Provider::new(&[&old]);
    let (_keys, verifier) = provider.start().await;
    for n in 0..10 {
        check(&verifier, &unknown(&format!("invented-{n}"))).await;
    }
    provider.publish(&[&old, &new]);
    assert_eq!(check(&verifier, &token(&new)).await, "unknown_key");
    pass(9).await;
    // It waits for the next fetch that is allowed.
    assert_eq!(check(&verifier, &token(&new)).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn one_client_with_an_old_token_does_not_use_up_what_all_share() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let (_keys, verifier) = provider.start().await;
    for _ in 0..300 {
        assert_eq!(check(&verifier, &unknown("gone")).await, "unknown_key");
        pass(1).await;
    }
    assert!(provider.fetches() <= 1 + 30, "{}", provider.fetches());
    let new = self::key("new");
    provider.publish(&[&key, &new]);
    assert_eq!(check(&verifier, &token(&new)).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn requests_that_wait_share_one_fetch() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let (_keys, verifier) = provider.start().await;
    provider.state().latency = Duration::from_millis(100);
    let mut requests = JoinSet::new();
    for n in 0..500 {
        let (verifier, token) = (verifier.clone(), unknown(&format!("invented-{n}")));
        requests.spawn(async move { check(&verifier, &token).await });
    }
    for verdict in requests.join_all().await {
        assert_eq!(verdict, "unknown_key");
    }
    assert_eq!(provider.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn tokens_without_a_key_id_are_held_by_the_same_limit() {
    let (key, stranger) = (key("a"), key("b"));
    let provider = Provider::new(&[&key]);
    let (_keys, verifier) = provider.start().await;
    let bad = token_naming(&stranger, None);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        assert_eq!(check(&verifier, &bad).await, "bad_signature");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(provider.fetches() <= 3 + 6, "{}", provider.fetches());
    assert_eq!(
        check(&verifier, &token_naming(&key, None)).await,
        "accepted"
    );
}
