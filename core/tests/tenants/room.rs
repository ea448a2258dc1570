//! Tests of the room for issuers: who is evicted, and who never is.

use std::time::Duration;

use countersign::AuthErrorKind;
use tokio::time::advance;

use crate::app::{App, issuer, refusal};

const FULL: Option<AuthErrorKind> = Some(AuthErrorKind::IssuerUnavailable);

#[tokio::test(start_paused = true)]
async fn the_one_that_was_not_used_for_longest_makes_room_and_none_that_is_in_use() {
    let app = App::new(&["a", "b", "c", "d"]);
    let idle = Duration::from_secs(600);
    let (tenants, authenticator) = app.start(|own| own.capacity(2).idle_after(idle));
    assert_eq!(refusal(&authenticator, &app.token("a")).await, None);
    advance(Duration::from_secs(120)).await;
    assert_eq!(refusal(&authenticator, &app.token("b")).await, None);
    // Both were used a moment ago. The resolver is not even asked.
    assert_eq!(refusal(&authenticator, &app.token("c")).await, FULL);
    assert_eq!(app.asked(), 2);
    advance(Duration::from_secs(560)).await;
    assert_eq!(refusal(&authenticator, &app.token("c")).await, None);
    assert_eq!(tenants.len(), 2);
    assert_eq!(refusal(&authenticator, &app.token("b")).await, None);
    assert_eq!(app.asked(), 3);
    assert_eq!(refusal(&authenticator, &app.token("a")).await, FULL);

    // Used every minute, one is in use for ever.
    for _ in 0..60 {
        advance(Duration::from_secs(60)).await;
        assert_eq!(refusal(&authenticator, &app.token("b")).await, None);
    }
    assert_eq!(refusal(&authenticator, &app.token("d")).await, None);
    assert_eq!(app.asked(), 4);
    assert_eq!(refusal(&authenticator, &app.token("b")).await, None);
    assert_eq!(app.asked(), 4);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_refused_keep_no_issuer_here() {
    let app = App::new(&["a", "b", "c"]);
    let (tenants, authenticator) = app.start(|own| own.capacity(2));
    assert_eq!(refusal(&authenticator, &app.token("a")).await, None);
    let bad = app.keys.token().issuer(&issuer("b")).by_a_stranger();
    assert_eq!(
        refusal(&authenticator, &bad).await,
        Some(AuthErrorKind::BadSignature)
    );
    assert_eq!(refusal(&authenticator, &app.token("c")).await, None);
    assert_eq!(tenants.len(), 2);
    // Which of them is gone?
    let asked = app.asked();
    assert_eq!(refusal(&authenticator, &app.token("a")).await, None);
    assert_eq!(app.asked(), asked);
    assert_eq!(refusal(&authenticator, &app.token("b")).await, FULL);
}

#[tokio::test(start_paused = true)]
async fn questions_under_way_take_up_room() {
    let app = App::new(&["a", "b"]);
    let (tenants, authenticator) = app.start(|own| own.capacity(1));
    let gate = app.close();
    let first = tokio::spawn({
        let (authenticator, token) = (authenticator.clone(), app.token("a"));
        async move { refusal(&authenticator, &token).await }
    });
    while app.asked() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(refusal(&authenticator, &app.token("b")).await, FULL);
    gate.notify_one();
    assert_eq!(first.await.unwrap(), None);
    assert_eq!((tenants.len(), app.asked()), (1, 1));
    let other = app.verifier(&issuer("b")).build().unwrap();
    crate::app::names(tenants.add(&other), "`capacity`");
    // In place of itself, there is always room.
    let same = app.verifier(&issuer("a")).build().unwrap();
    tenants.add(&same).unwrap();
    assert_eq!(tenants.len(), 1);
}
