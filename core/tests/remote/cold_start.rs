//! Tests of the first fetch of keys.

use std::time::Duration;

use countersign::{
    SigningKey, Verifier,
    remote::{FetchErrorKind, KeysState},
};
use tokio::{task::JoinSet, time::Instant};

use crate::provider::{
    Provider, check, key, pass, token, token_naming, token_of, unknown, verifier,
};

#[tokio::test(start_paused = true)]
async fn a_thousand_first_requests_are_one_fetch() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    provider.state().latency = Duration::from_millis(500);
    let keys = provider.keys().build().unwrap();
    assert_eq!(keys.status().state(), KeysState::Starting);
    let verifier = verifier(&keys);
    let token = token(&key);
    let mut requests = JoinSet::new();
    for _ in 0..1_000 {
        let (verifier, token) = (verifier.clone(), token.clone());
        requests.spawn(async move { check(&verifier, &token).await });
    }
    for verdict in requests.join_all().await {
        assert_eq!(verdict, "accepted");
    }
    assert_eq!(provider.fetches(), 1);
    assert_eq!(keys.status().state(), KeysState::Fresh);
    assert_eq!(keys.status().generation(), 1);
}

/// Starts a fetch of the first keys, whose provider has already answered and then publishes another
/// key.
async fn answered_too_early(old: &SigningKey, new: &SigningKey) -> (Provider, Verifier) {
    let provider = Provider::new(&[old]);
    provider.state().latency = Duration::from_millis(500);
    let verifier = verifier(&provider.keys().build().unwrap());
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(provider.fetches(), 1);
    provider.publish(&[old, new]);
    (provider, verifier)
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_newer_than_the_first_keys_is_asked_for_as_well() {
    let (old, new) = (key("old"), key("new"));
    let (provider, verifier) = answered_too_early(&old, &new).await;
    let mut requests = JoinSet::new();
    for _ in 0..100 {
        for key in [&old, &new] {
            let (verifier, token) = (verifier.clone(), token(key));
            requests.spawn(async move { check(&verifier, &token).await });
        }
    }
    for verdict in requests.join_all().await {
        assert_eq!(verdict, "accepted");
    }
    assert_eq!(provider.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_nobody_has_is_asked_for_once_after_the_first_keys() {
    let (old, new) = (key("old"), key("new"));
    let (provider, verifier) = answered_too_early(&old, &new).await;
    let start = Instant::now();
    let mut requests = JoinSet::new();
    for n in 0..100 {
        let (verifier, token) = (verifier.clone(), unknown(&format!("invented-{n}")));
        requests.spawn(async move { check(&verifier, &token).await });
    }
    for verdict in requests.join_all().await {
        assert_eq!(verdict, "unknown_key");
    }
    assert_eq!(provider.fetches(), 2);
    assert_eq!(start.elapsed(), Duration::from_millis(900));
    // A key that the provider did not have is not asked for again at once.
    assert_eq!(
        check(&verifier, &unknown("invented-0")).await,
        "unknown_key"
    );
    assert_eq!(provider.fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_bad_token_before_the_first_keys_asks_for_no_others() {
    let (old, new) = (key("old"), key("new"));
    let (provider, verifier) = answered_too_early(&old, &new).await;
    let forged = token_naming(&new, Some("old"));
    assert_eq!(check(&verifier, &forged).await, "bad_signature");
    let of_another = token_of(&new, "https://another.example");
    assert_eq!(check(&verifier, &of_another).await, "unknown_key");
    assert_eq!(provider.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_outage_after_the_first_keys_leaves_open_whether_a_key_is_newer() {
    let (old, new) = (key("old"), key("new"));
    let (provider, verifier) = answered_too_early(&old, &new).await;
    provider.state().fault = Some(FetchErrorKind::Connect);
    assert_eq!(check(&verifier, &token(&new)).await, "keys_unavailable");
    assert_eq!(check(&verifier, &token(&old)).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn without_keys_the_answer_is_503_and_when_to_come_back() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    provider.state().fault = Some(FetchErrorKind::Connect);
    let keys = provider.keys().build().unwrap();
    assert!(keys.ready().await.is_err());
    let verifier = verifier(&keys);
    let start = Instant::now();
    let error = verifier.verify(&token(&key)).await.unwrap_err();
    assert!(start.elapsed() <= Duration::from_secs(2));
    assert_eq!(error.challenge().status(), 503);
    assert!(error.challenge().retry_after().unwrap() >= 1);
    let status = keys.status();
    assert_eq!(status.state(), KeysState::Unavailable);
    assert_eq!(status.last_error(), Some("connect"));
    assert!(!status.is_ready());

    provider.state().fault = None;
    pass(20).await;
    assert_eq!(check(&verifier, &token(&key)).await, "accepted");
    assert_eq!(keys.status().failures(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_the_next_try_when_it_is_near() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    provider.state().fault = Some(FetchErrorKind::Connect);
    let (_keys, verifier) = provider.start().await;
    provider.state().fault = None;
    assert_eq!(check(&verifier, &token(&key)).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn one_failure_is_not_the_end_of_a_request() {
    let (old, new) = (key("old"), key("new"));
    let provider = Provider::new(&[&old]);
    let (_keys, verifier) = provider.start().await;
    provider.state().fault = Some(FetchErrorKind::Read);
    provider.publish(&[&old, &new]);
    let request = {
        let (verifier, token) = (verifier.clone(), token(&new));
        tokio::spawn(async move { check(&verifier, &token).await })
    };
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(provider.fetches(), 2);
    provider.state().fault = None;
    assert_eq!(request.await.unwrap(), "accepted");
    assert_eq!(provider.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_does_not_cancel_the_fetch() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    provider.state().latency = Duration::from_secs(1);
    let keys = provider.keys().build().unwrap();
    let verifier = verifier(&keys);
    let token = token(&key);
    let left = tokio::time::timeout(Duration::from_millis(10), verifier.verify(&token)).await;
    assert!(left.is_err());
    pass(1).await;
    assert_eq!(provider.fetches(), 1);
    verifier.verify_now(&token).unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_the_last_handle() {
    let provider = Provider::new(&[&key("a")]);
    let (keys, verifier) = provider.start().await;
    let count = || std::sync::Arc::strong_count(provider.counted());
    let with_task = count();
    drop(verifier);
    drop(keys);
    pass(1).await;
    assert_eq!(count(), with_task - 1);
}

#[test]
fn keys_outlive_their_runtime_for_a_while_and_say_so() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (keys, verifier) = runtime.block_on(provider.start());
    drop(runtime);
    verifier.verify_now(&token(&key)).unwrap();
    let verdict = futures_executor::block_on(check(&verifier, &unknown("b")));
    assert_eq!(verdict, "keys_unavailable");
    assert_eq!(keys.status().state(), KeysState::Stopped);
    assert!(!keys.status().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_panics_ends_nothing_but_itself() {
    struct Panics;

    impl countersign::remote::Fetch for Panics {
        async fn get(
            &self,
            _: countersign::remote::FetchRequest,
        ) -> Result<countersign::remote::FetchResponse, countersign::remote::FetchError> {
            panic!("a mistake of the app")
        }
    }
    let keys = countersign::RemoteKeys::jwks("https://id.example/jwks")
        .fetch(Panics)
        .build()
        .unwrap();
    assert!(keys.ready().await.is_err());
    assert_eq!(
        check(&verifier(&keys), &token(&key("a"))).await,
        "keys_unavailable"
    );
    assert_eq!(keys.status().last_error(), Some("panicked"));
    assert_eq!(keys.status().state(), KeysState::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn who_will_not_start_without_keys_can_ask_again() {
    let provider = Provider::new(&[&key("a")]);
    provider.state().fault = Some(FetchErrorKind::Connect);
    let keys = provider.keys().build().unwrap();
    let mut asked = 0;
    while keys.ready().await.is_err() {
        asked += 1;
        assert_eq!(provider.fetches(), asked, "it waits for the next fetch");
        if asked == 3 {
            provider.state().fault = None;
        }
    }
    assert_eq!(asked, 3);
}

#[test]
fn a_request_may_come_from_outside_of_the_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let key = key("a");
    let provider = Provider::new(&[&key]);
    provider.state().latency = Duration::from_millis(50);
    let (_keys, verifier) = runtime.block_on(provider.start());
    let verdict = futures_executor::block_on(check(&verifier, &unknown("b")));
    assert_eq!(verdict, "unknown_key");
    let new = crate::provider::key("new");
    provider.publish(&[&key, &new]);
    let verdict = futures_executor::block_on(check(&verifier, &token(&new)));
    assert_eq!(verdict, "accepted");
}
