//! Many calls at once.

use std::time::Duration;

use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::endpoint::{Endpoint, Mode};

#[tokio::test(start_paused = true)]
async fn a_thousand_calls_are_one_request() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    for round in 1..=3 {
        let mut calls = JoinSet::new();
        for _ in 0..1_000 {
            let client = client.clone();
            calls.spawn(async move { client.token().await.unwrap().as_str().to_owned() });
        }
        let tokens = calls.join_all().await;
        assert!(
            tokens
                .iter()
                .all(|token| *token == format!("token-{round}"))
        );
        assert_eq!(endpoint.requests(), round);
        sleep(Duration::from_secs(300)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_stops_waiting_ends_the_attempt_of_nobody_else() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    let impatient = timeout(Duration::from_millis(5), client.token()).await;
    assert!(impatient.is_err());
    assert_eq!(client.token().await.unwrap().as_str(), "token-1");
    assert_eq!(endpoint.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_calls_of_a_failing_endpoint_are_one_request() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    endpoint.set(Mode::Away);
    let mut calls = JoinSet::new();
    for _ in 0..1_000 {
        let client = client.clone();
        calls.spawn(async move { client.token().await.is_err() });
    }
    assert!(calls.join_all().await.into_iter().all(|failed| failed));
    assert_eq!(endpoint.requests(), 1);
}

#[test]
fn an_attempt_whose_runtime_is_gone_is_made_again() {
    let endpoint = Endpoint::new();
    let client = endpoint.client();
    let run = |work: &mut dyn FnMut(&tokio::runtime::Runtime)| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        work(&runtime);
    };
    run(&mut |runtime| {
        let given_up = runtime.block_on(async {
            timeout(Duration::from_millis(5), client.token())
                .await
                .is_err()
        });
        assert!(given_up);
    });
    run(&mut |runtime| {
        let began = Instant::now();
        assert!(runtime.block_on(client.token()).is_ok());
        assert!(began.elapsed() < Duration::from_secs(5));
    });
    assert_eq!(endpoint.requests(), 2);
}
