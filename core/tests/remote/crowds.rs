//! Tests of more requests at once than can wait.

use std::time::Duration;

use countersign::Verifier;
use tokio::{task::JoinSet, time::Instant};

use crate::provider::{Provider, check, key, pass, token, token_naming, unknown, verifier};

/// The most requests of one source that wait at once.
const MOST_WAITING: usize = 4_096;

/// The results of requests that came at once.
#[derive(Debug, Default)]
struct Count {
    accepted: usize,
    unknown: usize,
    /// Refused at once, because there are no keys.
    turned_away: usize,
}

/// Sends one request for each token, all at once.
async fn crowd(verifier: &Verifier, tokens: impl IntoIterator<Item = String>) -> Count {
    let mut requests = JoinSet::new();
    let start = Instant::now();
    for token in tokens {
        let verifier = verifier.clone();
        requests.spawn(async move { (check(&verifier, &token).await, start.elapsed()) });
    }
    let mut count = Count::default();
    for (verdict, took) in requests.join_all().await {
        assert!(took <= Duration::from_secs(2), "{verdict} after {took:?}");
        match verdict {
            "accepted" => count.accepted += 1,
            "unknown_key" => count.unknown += 1,
            "keys_unavailable" if took.is_zero() => count.turned_away += 1,
            other => panic!("{other} after {took:?}"),
        }
    }
    count
}

/// Checks that the most requests waited, and that the others were turned away.
#[track_caller]
fn assert_full(waited: usize, turned_away: usize, came: usize) {
    assert_eq!((waited, turned_away), (MOST_WAITING, came - MOST_WAITING));
}

#[tokio::test(start_paused = true)]
async fn a_crowd_before_the_first_keys_waits_up_to_a_number() {
    let key = key("a");
    for came in [MOST_WAITING, 6_000] {
        let provider = Provider::new(&[&key]);
        provider.state().latency = Duration::from_secs(1);
        let keys = provider.keys().build().unwrap();
        let verifier = verifier(&keys);
        let token = token(&key);
        let count = crowd(&verifier, vec![token.clone(); came]).await;
        assert_full(count.accepted, count.turned_away, came);
        assert_eq!(provider.fetches(), 1);
        assert_eq!(check(&verifier, &token).await, "accepted");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_with_a_new_key_waits_up_to_a_number() {
    let (old, new) = (key("old"), key("new"));
    for came in [MOST_WAITING, 6_000] {
        let provider = Provider::new(&[&old]);
        let (keys, verifier) = provider.start().await;
        provider.state().latency = Duration::from_secs(1);
        provider.publish(&[&old, &new]);
        let count = crowd(&verifier, vec![token(&new); came]).await;
        assert_full(count.accepted, count.turned_away, came);
        assert_eq!(provider.fetches(), 2);
        assert_eq!(keys.status().failures(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_with_invented_ids_holds_up_no_known_key_and_is_gone_with_its_fetch() {
    let (old, new) = (key("old"), key("new"));
    let provider = Provider::new(&[&old]);
    let (_keys, verifier) = provider.start().await;
    provider.state().latency = Duration::from_secs(1);
    // The signature does not matter here.
    let invented: Vec<String> = (0..6_000)
        .map(|n| token_naming(&old, Some(&format!("invented-{n}"))))
        .collect();
    let known = token(&old);
    let meanwhile = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let start = Instant::now();
        assert_eq!(check(&verifier, &known).await, "accepted");
        assert_eq!(check(&verifier, &unknown("late")).await, "keys_unavailable");
        assert_eq!(start.elapsed(), Duration::ZERO);
    };
    let (count, ()) = tokio::join!(crowd(&verifier, invented), meanwhile);
    assert_full(count.unknown, count.turned_away, 6_000);
    assert_eq!(provider.fetches(), 2);

    // Later requests wait as usual.
    provider.publish(&[&old, &new]);
    assert_eq!(check(&verifier, &token(&new)).await, "accepted");
    assert_eq!(provider.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_crowd_at_a_provider_that_hangs_is_gone_after_two_seconds() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    provider.state().latency = Duration::from_secs(1_000_000);
    let keys = provider.keys().build().unwrap();
    let verifier = verifier(&keys);
    let token = token(&key);
    let mut requests = JoinSet::new();
    let start = Instant::now();
    for _ in 0..6_000 {
        let (verifier, token) = (verifier.clone(), token.clone());
        requests.spawn(async move { (check(&verifier, &token).await, start.elapsed()) });
    }
    let verdicts = requests.join_all().await;
    assert!(verdicts.iter().all(|(it, _)| *it == "keys_unavailable"));
    let waited = (verdicts.iter())
        .filter(|(_, took)| *took == Duration::from_secs(2))
        .count();
    let turned_away = verdicts.iter().filter(|(_, took)| took.is_zero()).count();
    assert_full(waited, turned_away, 6_000);
    assert_eq!(provider.fetches(), 1);
    provider.state().latency = Duration::ZERO;
    pass(10).await;
    assert_eq!(check(&verifier, &token).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn clients_that_leave_make_room() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    provider.state().latency = Duration::from_secs(1);
    let keys = provider.keys().build().unwrap();
    let verifier = verifier(&keys);
    let token = token(&key);
    let mut requests = JoinSet::new();
    for _ in 0..6_000 {
        let (verifier, token) = (verifier.clone(), token.clone());
        requests.spawn(async move { check(&verifier, &token).await });
    }
    pass_millis(100).await;
    assert_eq!(check(&verifier, &token).await, "keys_unavailable");
    requests.shutdown().await;
    let start = Instant::now();
    assert_eq!(check(&verifier, &token).await, "accepted");
    assert_eq!(start.elapsed(), Duration::from_millis(900));
    assert_eq!(provider.fetches(), 1);
}

async fn pass_millis(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}
