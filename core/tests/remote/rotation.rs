//! Tests of keys that are added and removed.

use std::time::Duration;

use countersign::{remote::KeysState, testing::FixedClock};
use tokio::{task::JoinSet, time::Instant};

use crate::provider::{Provider, check, key, pass, token, token_naming, unknown};

#[tokio::test(start_paused = true)]
async fn the_first_token_of_a_new_key_passes() {
    let (old, new) = (key("old"), key("new"));
    let provider = Provider::new(&[&old]);
    let (keys, verifier) = provider.start().await;
    provider.state().latency = Duration::from_millis(300);
    provider.publish(&[&old, &new]);
    let mut requests = JoinSet::new();
    for _ in 0..100 {
        let (verifier, token) = (verifier.clone(), token(&new));
        requests.spawn(async move { check(&verifier, &token).await });
    }
    for verdict in requests.join_all().await {
        assert_eq!(verdict, "accepted");
    }
    assert_eq!(provider.fetches(), 2);
    assert_eq!(keys.status().generation(), 2);
    assert_eq!(check(&verifier, &token(&old)).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_began_before_the_key_was_published_does_not_decide() {
    let (old, new) = (key("old"), key("new"));
    let provider = Provider::new(&[&old]);
    let (_keys, verifier) = provider.start().await;
    provider.state().latency = Duration::from_millis(500);
    let early = {
        let verifier = verifier.clone();
        tokio::spawn(async move { check(&verifier, &unknown("nobody")).await })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    provider.publish(&[&old, &new]);
    assert_eq!(check(&verifier, &token(&new)).await, "accepted");
    assert_eq!(early.await.unwrap(), "unknown_key");
    assert_eq!(provider.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_left_the_set_is_refused_at_the_next_refresh() {
    let (old, new) = (key("old"), key("new"));
    let provider = Provider::new(&[&old, &new]);
    let (keys, verifier) = provider.start().await;
    provider.publish(&[&new]);
    assert_eq!(check(&verifier, &token(&old)).await, "accepted");
    pass(510).await;
    assert_eq!(provider.fetches(), 2);
    assert_eq!(check(&verifier, &token(&old)).await, "unknown_key");
    assert_eq!(check(&verifier, &token(&new)).await, "accepted");
    assert_eq!(keys.status().keys(), 1);
}

#[tokio::test(start_paused = true)]
async fn keys_are_renewed_ahead_of_time() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    provider.state().headers = vec![("cache-control", "max-age=1000".into())];
    let start = Instant::now();
    let (_keys, verifier) = provider.start().await;
    for _ in 0..50 {
        pass(100).await;
        verifier.verify_now(&token(&key)).unwrap();
    }
    let times: Vec<_> = (provider.state().log.iter())
        .map(|(at, _)| *at - start)
        .collect();
    assert!((6..=7).contains(&times.len()), "{times:?}");
    for pair in times.windows(2) {
        let pause = (pair[1] - pair[0]).as_secs();
        assert!((750..=850).contains(&pause), "{pause}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_that_did_not_change_is_not_sent_again() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    provider.state().headers = vec![("etag", "\"1\"".into())];
    let (keys, verifier) = provider.start().await;
    {
        let mut state = provider.state();
        state.status = Some(304);
        state.body = Some(String::new());
    }
    pass(2_000).await;
    let etags: Vec<_> = (provider.state().log.iter())
        .map(|(_, request)| request.etag().map(str::to_owned))
        .collect();
    assert_eq!(etags[0], None);
    assert!(etags.len() > 3);
    assert!(
        etags[1..]
            .iter()
            .all(|etag| etag.as_deref() == Some("\"1\""))
    );
    verifier.verify_now(&token(&key)).unwrap();
    assert_eq!(keys.status().generation(), 1);
    assert!(keys.status().age().unwrap() < Duration::from_secs(600));
}

#[tokio::test(start_paused = true)]
async fn unchanged_without_a_question_is_a_failure() {
    let provider = Provider::new(&[&key("a")]);
    provider.state().status = Some(304);
    let (keys, _verifier) = provider.start().await;
    assert_eq!(keys.status().last_error(), Some("status"));
}

#[tokio::test(start_paused = true)]
async fn a_key_without_a_name_is_found_too() {
    let (old, new) = (key("old"), key("new"));
    let provider = Provider::new(&[&old]);
    let (_keys, verifier) = provider.start().await;
    provider.publish(&[&new]);
    assert_eq!(
        check(&verifier, &token_naming(&new, None)).await,
        "accepted"
    );
    assert_eq!(provider.fetches(), 2);
    // A known id causes no fetch: the key refuses.
    assert_eq!(
        check(&verifier, &token_naming(&old, Some("new"))).await,
        "bad_signature"
    );
    assert_eq!(provider.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_was_asked_for_too_early_is_found_a_little_later() {
    let (old, new) = (key("old"), key("new"));
    let provider = Provider::new(&[&old]);
    let (_keys, verifier) = provider.start().await;
    assert_eq!(check(&verifier, &token(&new)).await, "unknown_key");
    provider.publish(&[&old, &new]);
    assert_eq!(check(&verifier, &token(&new)).await, "unknown_key");
    assert_eq!(provider.fetches(), 2);
    pass(10).await;
    assert_eq!(check(&verifier, &token(&new)).await, "accepted");
    assert_eq!(provider.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn setting_the_clock_changes_nothing() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let clock = FixedClock::at(crate::provider::NOW);
    let keys = provider.keys().clock(clock.clone()).build().unwrap();
    keys.ready().await.unwrap();
    for now in [0, i64::MAX, i64::MIN, crate::provider::NOW] {
        clock.set(now);
        assert_eq!(keys.status().state(), KeysState::Fresh);
        assert_eq!(keys.status().age(), Some(Duration::ZERO));
        assert_eq!(provider.fetches(), 1);
    }
}
