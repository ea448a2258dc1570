//! The end of a stream.

use std::time::Duration;

use axum::body::Body;
use countersign::session::{ClientInfo, Identity};
use http::Request;
use http_body_util::BodyExt;
use tokio::{sync::broadcast, time::Instant};
use tower::ServiceExt;

use crate::{bed::sessions, guide::streams::streams};

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_token_does() {
    let sessions = sessions();
    let pair = sessions
        .start(&Identity::new("ada", ()), ClientInfo::new())
        .await
        .unwrap();
    let (news, _) = broadcast::channel(1);
    let app = streams(sessions, news.clone()).unwrap();
    let cookie = format!("__Host-access={}", pair.access_token().as_str());
    let request = Request::get("/api/events").header("cookie", cookie);
    let response = app
        .oneshot(request.body(Body::empty()).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), 200);

    let start = Instant::now();
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        frame.unwrap(); // what keeps it alive
    }
    // 15 minutes, and the leeway of the verifier.
    let lived = start.elapsed();
    assert!(
        lived.abs_diff(Duration::from_secs(930)) < Duration::from_secs(1),
        "{lived:?}"
    );
}
