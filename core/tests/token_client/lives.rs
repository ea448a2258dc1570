//! The life of a token: kept, renewed ahead of time, given up.

use std::time::Duration;

use countersign::remote::{FetchResponse, TokenErrorKind};
use tokio::time::{advance, sleep};

use crate::endpoint::{Endpoint, Mode};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Waits until an attempt in the background is over.
async fn settle() {
    sleep(SETTLED).await;
}

const SETTLED: Duration = Duration::from_millis(50);

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_and_renewed_before_it_expires() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    assert_eq!(client.token().await.unwrap().as_str(), "token-1");
    advance(secs(224)).await;
    assert_eq!(client.token().await.unwrap().as_str(), "token-1");
    assert_eq!(endpoint.requests(), 1);
    // From three quarters of 300 seconds on, and 30 seconds later at the latest.
    advance(secs(32)).await;
    assert_eq!(client.token().await.unwrap().as_str(), "token-1");
    settle().await;
    assert_eq!(client.token().await.unwrap().as_str(), "token-2");
    assert_eq!(endpoint.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_nobody_asks_for_is_not_renewed() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    client.token().await.unwrap();
    sleep(secs(3_600)).await;
    assert_eq!(endpoint.requests(), 1);
    assert_eq!(client.token().await.unwrap().as_str(), "token-2");
}

#[tokio::test(start_paused = true)]
async fn the_present_token_goes_on_through_an_outage() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    client.token().await.unwrap();
    endpoint.set(Mode::Away);
    // 300 seconds, less ten for the way to the service.
    for _ in 0..289 {
        advance(secs(1) - SETTLED).await;
        assert_eq!(client.token().await.unwrap().as_str(), "token-1");
        settle().await;
    }
    advance(secs(2)).await;
    let error = client.token().await.unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::Unavailable);
    assert!(error.is_unavailable());
    // After one second, then twice as long each time, up to a minute.
    assert!(
        (4..=9).contains(&endpoint.requests()),
        "{}",
        endpoint.requests()
    );
    endpoint.set(Mode::Grant(300));
    let wait = error.retry_after().unwrap();
    advance(wait + secs(1)).await;
    assert_eq!(client.token().await.unwrap().as_str(), "token-2");
}

#[tokio::test(start_paused = true)]
async fn a_failing_endpoint_is_left_alone_and_callers_hear_at_once() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    endpoint.set(Mode::Answer(
        FetchResponse::new(503, "").header("retry-after", "20"),
    ));
    for _ in 0..100 {
        assert!(client.token().await.unwrap_err().is_unavailable());
    }
    assert_eq!(endpoint.requests(), 1);
    endpoint.set(Mode::Grant(300));
    advance(secs(19)).await;
    assert!(client.token().await.is_err());
    advance(secs(1)).await;
    assert!(client.token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_with_its_code() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    endpoint.refuse("invalid_client");
    for _ in 0..10 {
        let error = client.token().await.unwrap_err();
        assert_eq!(error.kind(), TokenErrorKind::Refused);
        assert_eq!(error.code(), Some("invalid_client"));
        assert!(!error.is_unavailable());
    }
    assert_eq!(endpoint.requests(), 1);
    endpoint.set(Mode::Grant(300));
    advance(secs(1)).await;
    assert!(client.token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_says_nothing_is_an_outage_after_five_seconds() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    endpoint.set(Mode::Silent);
    let began = tokio::time::Instant::now();
    assert!(client.token().await.unwrap_err().is_unavailable());
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_http_client_is_an_outage_and_not_for_ever() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    endpoint.set(Mode::Panic);
    assert!(client.token().await.unwrap_err().is_unavailable());
    endpoint.set(Mode::Grant(300));
    assert!(client.token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_token_that_a_service_refuses_is_replaced_once_it_is_settled() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    let first = client.token().await.unwrap();
    first.reject();
    assert_eq!(client.token().await.unwrap().as_str(), "token-1");
    advance(secs(10)).await;
    first.reject();
    assert_eq!(client.token().await.unwrap().as_str(), "token-2");
    // Of an old token: the present one is another.
    first.reject();
    assert_eq!(client.token().await.unwrap().as_str(), "token-2");
    assert_eq!(endpoint.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_better_than_none() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    let first = client.token().await.unwrap();
    advance(secs(10)).await;
    endpoint.set(Mode::Away);
    first.reject();
    for _ in 0..10 {
        assert_eq!(client.token().await.unwrap().as_str(), "token-1");
    }
    assert_eq!(endpoint.requests(), 2);
    advance(secs(280)).await;
    assert!(client.token().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn short_lives_are_usable_too() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    endpoint.set(Mode::Grant(2));
    client.token().await.unwrap();
    advance(Duration::from_millis(1_400)).await;
    assert_eq!(client.token().await.unwrap().as_str(), "token-1");
    advance(Duration::from_millis(450)).await;
    assert_eq!(client.token().await.unwrap().as_str(), "token-2");
}
