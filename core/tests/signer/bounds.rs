//! Tests of the number of signatures at once.

use std::time::Duration;

use countersign::{
    Algorithm, MemoryStore, Sessions,
    session::{ClientInfo, Identity},
};
use serde_json::json;

use crate::{
    issuer,
    service::{Mode, Service},
};

/// A thousand logins at once: as many as may be are in the service, and never one more.
#[tokio::test]
async fn a_crowd_of_logins_is_in_the_service_by_and_by() {
    const AT_ONCE: usize = 20;
    let service = Service::start();
    let key = service.key(Algorithm::ES256, "1").external();
    let key = key
        .signatures_at_once(AT_ONCE)
        .longest_wait(Duration::from_secs(60))
        .time_limit(Duration::from_secs(60));
    let issuer = issuer(key.await.unwrap());
    let sessions = Sessions::builder(issuer, MemoryStore::new())
        .build()
        .unwrap();
    service.take_asked();
    // Each of them waits until all of them are there.
    service.set(Mode::InBatches(AT_ONCE));
    let logins: Vec<_> = (0..1_000)
        .map(|number| {
            let sessions = sessions.clone();
            tokio::spawn(async move {
                let user = Identity::new(format!("user-{number}"), json!({}));
                sessions.start(&user, ClientInfo::new()).await
            })
        })
        .collect();
    for login in logins {
        let pair = login.await.unwrap().unwrap();
        let token = sessions
            .verifier()
            .verify(pair.access_token().as_str())
            .await;
        assert_eq!(token.unwrap().subject(), Some(pair.session().subject()));
    }
    assert_eq!(service.most_at_once(), AT_ONCE);
    assert_eq!(service.take_asked(), 1_000);
}

/// While the service hangs, those who wait for their turn are sent away in time.
#[tokio::test]
async fn nobody_waits_for_ever_for_a_turn() {
    let service = Service::start();
    let key = service.key(Algorithm::ES256, "1").external();
    let issuer = issuer(key.signatures_at_once(1).await.unwrap());
    service.set(Mode::Hangs);
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let tokens = [(); 5].map(|()| tokio::spawn(issuer.issue_async(&json!({ "sub": "ada" }))));
    for token in tokens {
        assert!(token.await.unwrap().unwrap_err().is_unavailable());
    }
    assert_eq!(began.elapsed().as_secs(), 5);
    tokio::time::resume();
    service.set(Mode::Good);
    assert!(issuer.issue_async(&json!({ "sub": "ada" })).await.is_ok());
}

/// A request that goes away gives its turn back.
#[tokio::test]
async fn a_request_that_is_dropped_makes_room() {
    let service = Service::start();
    let key = service.key(Algorithm::ES256, "1").external();
    let issuer = issuer(key.signatures_at_once(1).await.unwrap());
    service.set(Mode::Hangs);
    let mut token = Box::pin(issuer.issue_async(&json!({ "sub": "ada" })));
    assert!(waits(&mut token).await);
    drop(token);
    service.set(Mode::Good);
    assert!(issuer.issue_async(&json!({ "sub": "ada" })).await.is_ok());
}

/// Polls a future once, and returns whether it waits.
async fn waits(future: &mut (impl Future + Unpin)) -> bool {
    std::future::poll_fn(|cx| {
        let poll = std::pin::Pin::new(&mut *future).poll(cx);
        std::task::Poll::Ready(poll.is_pending())
    })
    .await
}
