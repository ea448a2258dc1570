//! Tests of keys saved by an earlier run.

use countersign::{
    remote::{FetchErrorKind, KeysState, SavedKeys},
    testing::FixedClock,
};
use tokio::time::Instant;

use crate::provider::{NOW, Provider, check, key, pass, token, verifier};

async fn saved(provider: &Provider) -> SavedKeys {
    let (keys, _verifier) = provider.start().await;
    let text = serde_json::to_string(&keys.saved().unwrap()).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_server_restarts_while_the_provider_is_away() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let saved = saved(&provider).await;
    provider.state().fault = Some(FetchErrorKind::Connect);
    let keys = provider.keys().warm(saved).build().unwrap();
    let start = Instant::now();
    assert_eq!(check(&verifier(&keys), &token(&key)).await, "accepted");
    assert_eq!(start.elapsed().as_nanos(), 0);
    assert_eq!(keys.status().state(), KeysState::Fresh);
    // The bound counts from the time at which they were fetched.
    pass(4_201).await;
    assert_eq!(
        check(&verifier(&keys), &token(&key)).await,
        "keys_unavailable"
    );
}

#[tokio::test(start_paused = true)]
async fn newer_keys_replace_saved_ones() {
    let (old, new) = (key("old"), key("new"));
    let provider = Provider::new(&[&old]);
    let saved = saved(&provider).await;
    provider.publish(&[&new]);
    let keys = provider.keys().warm(saved).build().unwrap();
    pass(1).await;
    assert_eq!(check(&verifier(&keys), &token(&old)).await, "unknown_key");
    assert_eq!(check(&verifier(&keys), &token(&new)).await, "accepted");
}

#[tokio::test(start_paused = true)]
async fn saved_keys_that_are_too_old_are_not_used() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let saved = saved(&provider).await;
    provider.state().fault = Some(FetchErrorKind::Connect);
    for (clock, expected) in [
        (NOW + 4_199, "accepted"),
        (NOW + 4_200, "keys_unavailable"),
        (NOW - 1, "keys_unavailable"),
    ] {
        let keys = provider
            .keys()
            .clock(FixedClock::at(clock))
            .warm(saved.clone())
            .build()
            .unwrap();
        assert_eq!(
            check(&verifier(&keys), &token(&key)).await,
            expected,
            "{clock}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn saved_keys_of_no_use_are_left_out() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let saved = serde_json::to_value(saved(&provider).await).unwrap();
    for (member, value, expected) in [
        ("url", "https://id.example/other", "accepted"),
        ("source", "https://id.example", "keys_unavailable"),
        ("jwks", "{}", "keys_unavailable"),
        ("jwks", "", "keys_unavailable"),
    ] {
        let mut other = saved.clone();
        other[member] = value.into();
        let other: SavedKeys = serde_json::from_value(other).unwrap();
        provider.state().fault = Some(FetchErrorKind::Connect);
        let keys = provider.keys().warm(other).build().unwrap();
        assert_eq!(
            check(&verifier(&keys), &token(&key)).await,
            expected,
            "{member}"
        );
        // The next fetch returns good ones.
        provider.state().fault = None;
        pass(20).await;
        assert_eq!(check(&verifier(&keys), &token(&key)).await, "accepted");
    }
}
