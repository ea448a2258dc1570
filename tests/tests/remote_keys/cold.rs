//! Tests of the first requests of a server, and of a provider that does not answer, over a socket.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use actix_web::{
    App, HttpResponse,
    rt::System,
    test::{TestRequest, init_service},
    web,
};
use countersign::testing::{Fault, JwksServer};
use countersign_actix::JwtAuth;
use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use crate::{
    ALONE,
    bed::{Bed, answer, status},
};

const CROWD: usize = 1_000;
/// The longest time that a request with an unknown key waits.
const PATIENCE: Duration = Duration::from_secs(2);
/// The allowance for a slow machine.
const MARGIN: Duration = Duration::from_millis(1_500);

#[tokio::test]
async fn a_thousand_first_requests_to_axum_cause_one_fetch() {
    let _alone = ALONE.lock().await;
    let crowd = async |bed: &Bed| {
        let (app, token) = (bed.axum(), bed.token());
        join_all((0..CROWD).map(|_| status(&app, &token))).await
    };
    one_fetch_for_all("axum", crowd).await;
}

#[test]
fn a_thousand_first_requests_to_actix_web_cause_one_fetch() {
    System::new().block_on(async {
        let _alone = ALONE.lock().await;
        let crowd = async |bed: &Bed| {
            let app = App::new()
                .wrap(JwtAuth::new(bed.verifier.clone()))
                .default_service(web::to(HttpResponse::Ok));
            let app = init_service(app).await;
            let authorization = ("authorization", format!("Bearer {}", bed.token()));
            let requests = (0..CROWD).map(|_| {
                let request = TestRequest::default().insert_header(authorization.clone());
                actix_web::test::call_service(&app, request.to_request())
            });
            let responses = join_all(requests).await;
            let statuses = responses.iter().map(|response| response.status().as_u16());
            statuses.collect::<Vec<_>>()
        };
        one_fetch_for_all("actix-web", crowd).await;
    });
}

/// Releases the keys once all requests wait for them.
async fn one_fetch_for_all(name: &str, crowd: impl AsyncFnOnce(&Bed) -> Vec<u16>) {
    let server = JwksServer::start();
    let gate = server.hold(JwksServer::JWKS);
    let bed = Bed::on(server);
    let asked = Instant::now();
    let mut answers = pin!(crowd(&bed));
    let answered = first_look(&mut answers).await;
    assert!(answered.is_none(), "all of them wait");
    requested(&bed, 1).await;
    gate.release();
    let answers = answers.await;
    println!(
        "cold start: {name} {} requests at once, {} fetch, answered in {:.1?}",
        answers.len(),
        bed.fetches(),
        asked.elapsed(),
    );
    assert_eq!(answers.len(), CROWD);
    let refused = answers.into_iter().find(|status| *status != 200);
    assert_eq!(refused, None);
    assert_eq!(bed.fetches(), 1);
    assert_eq!(bed.server.requests(JwksServer::OPENID), 1);
}

#[tokio::test]
async fn a_provider_that_hangs_delays_nobody_with_a_known_key() {
    let _alone = ALONE.lock().await;
    let bed = Bed::start();
    bed.keys.ready().await.unwrap();
    let (app, known) = (bed.axum(), bed.token());
    bed.server.fault(JwksServer::JWKS, Fault::Hang);
    bed.server.rotate();
    let unknown = bed.token();

    let asked = Instant::now();
    let mut waiting = pin!(answer(&app, &unknown));
    assert!(first_look(&mut waiting).await.is_none(), "it waits");
    requested(&bed, 2).await;
    for _ in 0..CROWD {
        let answer = first_look(&mut pin!(status(&app, &known))).await;
        assert_eq!(answer, Some(200), "no request with a known key waits");
    }
    let response = waiting.await;
    let waited = asked.elapsed();
    println!("hanging provider: an unknown key is answered after {waited:.1?}");
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert!(waited < PATIENCE + MARGIN, "{waited:?}");
    let answer = first_look(&mut pin!(status(&app, &known))).await;
    assert_eq!(answer, Some(200));
}

#[tokio::test]
async fn a_provider_that_is_slow_is_waited_for() {
    let _alone = ALONE.lock().await;
    let bed = Bed::start();
    bed.keys.ready().await.unwrap();
    let app = bed.axum();
    let gate = bed.server.hold(JwksServer::JWKS);
    bed.server.rotate();
    let unknown = bed.token();
    let mut waiting = pin!(status(&app, &unknown));
    assert!(timeout(PATIENCE / 20, &mut waiting).await.is_err());
    gate.release();
    assert_eq!(waiting.await, 200);
}

/// Polls a future once, and returns its output, if it is ready.
async fn first_look<F: Future>(future: &mut Pin<&mut F>) -> Option<F::Output> {
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// Waits until this many requests for keys have reached the provider.
async fn requested(bed: &Bed, count: usize) {
    let requested = bed.server.requested(JwksServer::JWKS, count);
    let patience = Duration::from_secs(10);
    timeout(patience, requested)
        .await
        .expect("a request for keys");
}
