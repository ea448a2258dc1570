//! Tests of floods of invented issuers.

use std::time::Duration;

use countersign::AuthErrorKind;
use tokio::time::{Instant, advance};

use crate::app::{App, ask, refusal};

#[tokio::test(start_paused = true)]
async fn ten_thousand_invented_issuers_in_ten_seconds_cost_the_budget_and_nobody_notices() {
    let app = App::new(&["a", "b"]);
    let (tenants, authenticator) = app.start(|own| own.new_per_minute(60));
    assert_eq!(refusal(&authenticator, &app.token("a")).await, None);
    let good = app.token("a");
    let mut kinds = [0; 2];
    for n in 0..10_000 {
        match refusal(&authenticator, &app.token(&format!("invented-{n}"))).await {
            Some(AuthErrorKind::UnknownIssuer) => kinds[0] += 1,
            Some(AuthErrorKind::IssuerUnavailable) => kinds[1] += 1,
            other => panic!("{other:?}"),
        }
        advance(Duration::from_millis(1)).await;
        if n % 10 == 0 {
            assert_eq!(refusal(&authenticator, &good).await, None, "{n}");
        }
    }
    assert_eq!((app.asked(), kinds), (60, [59, 9_941]));
    assert_eq!(tenants.len(), 1);

    // A real one that is new has to wait for the budget, and is told how long.
    let refused = ask(&authenticator, &app.token("b")).await.unwrap_err();
    assert_eq!(refused.challenge().status(), 503);
    let after = refused.challenge().retry_after().unwrap();
    assert!((45..=60).contains(&after), "{after}");
    advance(Duration::from_secs(u64::from(after))).await;
    assert_eq!(refusal(&authenticator, &app.token("b")).await, None);
}

#[tokio::test(start_paused = true)]
async fn no_minute_has_more_questions_than_the_budget() {
    let app = App::new(&[]);
    let (_, authenticator) = app.start(|own| own.new_per_minute(7));
    let start = Instant::now();
    let mut asked_at = Vec::new();
    for n in 0..2_000 {
        let before = app.asked();
        let _ = refusal(&authenticator, &app.token(&format!("invented-{n}"))).await;
        asked_at.extend(std::iter::repeat_n(start.elapsed(), app.asked() - before));
        advance(Duration::from_millis(200)).await;
    }
    assert!(asked_at.len() >= 42, "{}", asked_at.len());
    for eight in asked_at.windows(8) {
        assert!(eight[7] - eight[0] >= Duration::from_secs(60));
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_requests_for_a_new_issuer_ask_once() {
    let app = App::new(&["a"]);
    let (_, authenticator) = app.start(|own| own.new_per_minute(1));
    let gate = app.close();
    let token = app.token("a");
    let requests: Vec<_> = (0..1_000)
        .map(|_| {
            let (authenticator, token) = (authenticator.clone(), token.clone());
            tokio::spawn(async move { refusal(&authenticator, &token).await })
        })
        .collect();
    while app.asked() == 0 {
        tokio::task::yield_now().await;
    }
    gate.notify_one();
    for request in requests {
        assert_eq!(request.await.unwrap(), None);
    }
    assert_eq!(app.asked(), 1);
}
