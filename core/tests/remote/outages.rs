//! Tests of a provider that is away, slow, or gives nonsense.

use std::time::Duration;

use countersign::{
    remote::{FetchErrorKind, KeysState},
    testing::sign_raw,
};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::provider::{ISSUER, NOW, Provider, check, jwk, key, pass, token, unknown, verifier};

#[tokio::test(start_paused = true)]
async fn the_last_good_keys_are_used_for_an_hour_and_no_longer() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let (keys, verifier) = provider.start().await;
    provider.state().fault = Some(FetchErrorKind::Connect);
    pass(599).await;
    assert_eq!(keys.status().state(), KeysState::Fresh);
    pass(2).await;
    assert_eq!(keys.status().state(), KeysState::Stale);
    assert!(keys.status().is_ready());
    pass(3_598).await;
    assert_eq!(check(&verifier, &token(&key)).await, "accepted");
    pass(2).await;
    assert_eq!(keys.status().state(), KeysState::Unavailable);
    let error = verifier.verify(&token(&key)).await.unwrap_err();
    assert_eq!(error.challenge().status(), 503);
    assert_eq!(
        verifier.verify_now(&token(&key)).unwrap_err().kind(),
        error.kind()
    );

    // Once the provider is back, the keys are too, without any request.
    provider.state().fault = None;
    pass(11).await;
    assert_eq!(keys.status().state(), KeysState::Fresh);
    assert_eq!(check(&verifier, &token(&key)).await, "accepted");
}

/// No key could make these tokens good, so none is looked for: neither now nor in an outage.
#[tokio::test(start_paused = true)]
async fn a_token_that_its_claims_refuse_asks_for_no_key() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let (_keys, verifier) = provider.start().await;
    let of = |member: &str, value: Value| {
        let mut claims = json!({"iss": ISSUER, "aud": "orders", "exp": NOW + 60});
        claims[member] = value;
        sign_raw(
            &key,
            r#"{"alg":"EdDSA","kid":"b"}"#,
            claims.to_string().as_bytes(),
        )
    };
    for outage in [None, Some(FetchErrorKind::Connect)] {
        provider.state().fault = outage;
        let before = provider.fetches();
        for (member, value) in [
            ("iss", json!("https://staging.example")),
            ("aud", json!("another")),
            ("exp", json!(NOW - 3_600)),
            ("nbf", json!(NOW + 3_600)),
            ("exp", json!("soon")),
        ] {
            let start = Instant::now();
            let verdict = check(&verifier, &of(member, value)).await;
            assert_eq!(verdict, "unknown_key", "{member}");
            assert_eq!(start.elapsed(), Duration::ZERO);
        }
        assert_eq!(provider.fetches(), before);
    }
    // Their twin: only the key is wrong, and clocks can differ a little.
    provider.state().fault = None;
    let new = crate::provider::key("new");
    provider.publish(&[&key, &new]);
    let late =
        json!({"iss": ISSUER, "aud": ["others", "orders"], "exp": NOW - 29, "nbf": NOW - 60});
    let late = sign_raw(
        &new,
        r#"{"alg":"EdDSA","kid":"new"}"#,
        late.to_string().as_bytes(),
    );
    assert_eq!(check(&verifier, &late).await, "accepted");
    assert_eq!(
        check(&verifier, &of("sub", json!("ada"))).await,
        "unknown_key"
    );
    assert_eq!(provider.fetches(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_says_nothing_new_counts_as_long_as_the_last_one() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    provider.state().headers = vec![
        ("etag", "\"1\"".into()),
        ("cache-control", "max-age=100".into()),
    ];
    let (keys, _verifier) = provider.start().await;
    {
        let mut state = provider.state();
        state.status = Some(304);
        state.headers.clear();
    }
    pass(1_000).await;
    assert!(provider.fetches() >= 11, "{}", provider.fetches());
    assert_eq!(keys.status().state(), KeysState::Fresh);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_is_503_as_long_as_nobody_can_tell() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let (_keys, verifier) = provider.start().await;
    provider.state().fault = Some(FetchErrorKind::Connect);
    let verdict = verifier.verify(&unknown("b")).await.unwrap_err();
    assert_eq!(verdict.challenge().status(), 503);
    assert_eq!(check(&verifier, &token(&key)).await, "accepted");
    provider.state().fault = None;
    pass(10).await;
    assert_eq!(check(&verifier, &unknown("b")).await, "unknown_key");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_holds_nobody_up_for_longer_than_two_seconds() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let (keys, verifier) = provider.start().await;
    provider.state().latency = Duration::from_secs(1_000_000);
    let waits = Instant::now();
    assert_eq!(check(&verifier, &unknown("b")).await, "keys_unavailable");
    assert_eq!(waits.elapsed(), Duration::from_secs(2));
    let known = Instant::now();
    assert_eq!(check(&verifier, &token(&key)).await, "accepted");
    assert_eq!(known.elapsed(), Duration::ZERO);
    // The fetch itself ends after five seconds, and another one follows.
    pass(4).await;
    assert_eq!(keys.status().last_error(), Some("timeout"));
    provider.state().latency = Duration::ZERO;
    pass(10).await;
    assert_eq!(check(&verifier, &unknown("c")).await, "unknown_key");
}

#[tokio::test(start_paused = true)]
async fn failures_are_further_and_further_apart() {
    let key = key("a");
    let provider = Provider::new(&[&key]);
    let (_keys, _verifier) = provider.start().await;
    provider.state().fault = Some(FetchErrorKind::Connect);
    pass(3_600).await;
    let times: Vec<Instant> = (provider.state().log.iter()).map(|(at, _)| *at).collect();
    let pauses: Vec<f64> = (times.windows(2).skip(1))
        .map(|pair| (pair[1] - pair[0]).as_secs_f64())
        .collect();
    for (n, pause) in pauses.iter().enumerate() {
        let longest = 2_f64.powi(i32::try_from(n).unwrap()).min(300.0);
        assert!((longest / 2.0..=longest).contains(pause), "{pauses:?}");
    }
    assert!(times.len() < 30, "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_provider_may_ask_to_be_left_alone() {
    for status in [429, 503] {
        let key = key("a");
        let provider = Provider::new(&[&key]);
        let (_keys, verifier) = provider.start().await;
        {
            let mut state = provider.state();
            state.status = Some(status);
            state.headers = vec![("retry-after", "40".into())];
        }
        assert_eq!(check(&verifier, &unknown("b")).await, "keys_unavailable");
        let error = verifier.verify(&unknown("c")).await.unwrap_err();
        assert_eq!(error.challenge().retry_after(), Some(40));
        pass(39).await;
        assert_eq!(provider.fetches(), 2);
        pass(2).await;
        assert_eq!(provider.fetches(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn nonsense_takes_no_key_away() {
    let key = key("a");
    let other = jwk(&crate::provider::key("b"));
    for (status, body, expected) in [
        (500, None, "status"),
        (404, None, "status"),
        (302, None, "redirect"),
        (204, None, "status"),
        (200, Some(String::new()), "invalid_keys"),
        (200, Some("{}".into()), "invalid_keys"),
        (200, Some(r#"{"keys":[]}"#.into()), "invalid_keys"),
        (200, Some(r#"{"keys":{}}"#.into()), "invalid_keys"),
        (200, Some("<html>sign in</html>".into()), "invalid_keys"),
        (200, Some(format!(r#"{{"keys":[{other}"#)), "invalid_keys"),
        (
            200,
            Some(format!(
                "{}{}",
                " ".repeat(256 << 10),
                json!({"keys": [other]})
            )),
            "too_large",
        ),
        (
            200,
            Some(json!({"keys": vec![other.clone(); 101]}).to_string()),
            "invalid_keys",
        ),
        (
            200,
            Some(format!(r#"{{"keys":[{other}],"keys":[]}}"#)),
            "invalid_keys",
        ),
        (
            200,
            Some(format!(
                r#"{{"keys":{}1{}}}"#,
                "[".repeat(5_000),
                "]".repeat(5_000)
            )),
            "invalid_keys",
        ),
    ] {
        let provider = Provider::new(&[&key]);
        let (keys, verifier) = provider.start().await;
        {
            let mut state = provider.state();
            state.status = Some(status);
            state.body = body.clone();
        }
        pass(520).await;
        let status = keys.status();
        assert_eq!(status.last_error(), Some(expected), "{body:?}");
        assert!(status.failures() > 0);
        assert_eq!(check(&verifier, &token(&key)).await, "accepted");
        // Its twin: an answer that makes sense.
        {
            let mut state = provider.state();
            state.status = None;
            state.body = None;
        }
        pass(300).await;
        assert_eq!(keys.status().last_error(), None, "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_without_a_usable_key_is_a_failure_from_the_start() {
    let provider = Provider::default();
    let keys = provider.keys().build().unwrap();
    assert!(
        timeout(Duration::from_secs(1), keys.ready())
            .await
            .unwrap()
            .is_err()
    );
    assert_eq!(
        check(&verifier(&keys), &token(&key("a"))).await,
        "keys_unavailable"
    );
}

#[tokio::test(start_paused = true)]
async fn an_older_answer_never_replaces_a_newer_one() {
    let (old, new) = (key("old"), key("new"));
    let provider = Provider::new(&[&old]);
    let (keys, verifier) = provider.start().await;
    // This answer was made before the rotation, and would arrive after it.
    provider.state().latency = Duration::from_secs(30);
    check(&verifier, &unknown("b")).await;
    provider.publish(&[&new]);
    provider.state().latency = Duration::ZERO;
    pass(20).await;
    assert_eq!(check(&verifier, &token(&new)).await, "accepted");
    pass(60).await;
    assert_eq!(check(&verifier, &token(&new)).await, "accepted");
    assert_eq!(keys.status().generation(), 2);
}
