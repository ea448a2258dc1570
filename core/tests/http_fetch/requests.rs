//! Tests of the requests that are sent.

use std::{
    error::Error,
    io::{self, ErrorKind},
    sync::atomic::{AtomicUsize, Ordering},
};

use countersign::{
    remote::{Fetch, FetchErrorKind, FetchRequest, HttpFetch},
    testing::{JwksServer, ReceivedRequest},
};

use crate::setup::{ENOUGH, get, within};

async fn sent(fetch: &HttpFetch, etag: Option<&str>) -> ReceivedRequest {
    let server = JwksServer::start();
    let request = FetchRequest::new(server.url(), ENOUGH).unless(etag);
    assert_eq!(within(fetch.get(request)).await.unwrap().status(), 200);
    server.last_request(JwksServer::JWKS).unwrap()
}

#[tokio::test]
async fn a_request_asks_for_json_as_it_is() {
    let server = JwksServer::start();
    get(&server.url(), ENOUGH).await.unwrap();
    let request = server.last_request(JwksServer::JWKS).unwrap();
    assert_eq!((request.method(), request.target()), ("GET", "/jwks"));
    let host = server.address().to_string();
    for (name, value) in [
        ("accept", Some("application/json, application/jwk-set+json")),
        ("accept-encoding", Some("identity")),
        ("connection", Some("close")),
        ("host", Some(&*host)),
        (
            "user-agent",
            Some(concat!("countersign/", env!("CARGO_PKG_VERSION"))),
        ),
        ("authorization", None),
        ("cookie", None),
        ("if-none-match", None),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn the_query_of_a_url_is_sent_too() {
    let server = JwksServer::start();
    let url = format!("{}?appid=1&a=%20", server.url());
    assert_eq!(get(&url, ENOUGH).await.unwrap().status(), 200);
    let request = server.last_request(JwksServer::JWKS).unwrap();
    assert_eq!(request.target(), "/jwks?appid=1&a=%20");
}

#[tokio::test]
async fn headers_of_ones_own_are_sent() {
    let fetch = HttpFetch::builder()
        .header("X-Api-Key", "secret 1")
        .header("authorization", "Basic YTpi")
        .user_agent("shop/2")
        .build()
        .unwrap();
    let request = sent(&fetch, None).await;
    assert_eq!(request.header("x-api-key"), Some("secret 1"));
    assert_eq!(request.header("authorization"), Some("Basic YTpi"));
    assert_eq!(request.header("user-agent"), Some("shop/2"));
    assert_eq!(request.header("accept-encoding"), Some("identity"));
}

#[tokio::test]
async fn the_value_of_a_header_is_asked_for_at_each_request() {
    let count = AtomicUsize::new(0);
    let fetch = HttpFetch::builder()
        .header_from("authorization", move || {
            match count.fetch_add(1, Ordering::SeqCst) {
                0 | 1 => Ok(format!("Bearer token-{}", count.load(Ordering::SeqCst))),
                2 => Err(io::Error::new(ErrorKind::NotFound, "the file is gone")),
                3 => Ok("hunter2\r\nx-injected: 1".into()),
                4 => panic!("hunter2"),
                _ => Ok("Bearer again".into()),
            }
        })
        .build()
        .unwrap();
    for expected in ["Bearer token-1", "Bearer token-2"] {
        let request = sent(&fetch, None).await;
        assert_eq!(request.header("authorization"), Some(expected));
    }
    // Without the value, nothing is sent.
    let server = JwksServer::start();
    let refused = async || {
        let request = FetchRequest::new(server.url(), ENOUGH);
        let error = within(fetch.get(request)).await.unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Header);
        error.source().unwrap().to_string()
    };
    assert_eq!(refused().await, "the file is gone");
    assert_eq!(refused().await, "it is not visible ASCII");
    let panicked = refused().await;
    assert!(!panicked.contains("hunter2"), "{panicked}");
    assert_eq!(server.requests(JwksServer::JWKS), 0);
    let request = sent(&fetch, None).await;
    assert_eq!(request.header("authorization"), Some("Bearer again"));
}

#[tokio::test]
async fn what_cannot_be_an_etag_is_not_sent() {
    let fetch = HttpFetch::default();
    for bad in ["\"a\r\nx-injected: 1\"", "\"a\0\"", "\"a\n\""] {
        let request = sent(&fetch, Some(bad)).await;
        assert_eq!(request.header("if-none-match"), None);
        assert_eq!(request.header("x-injected"), None);
    }
    let request = sent(&fetch, Some("W/\"a b\"")).await;
    assert_eq!(request.header("if-none-match"), Some("W/\"a b\""));
}

#[tokio::test]
async fn no_connection_is_kept_between_requests() {
    let server = JwksServer::start();
    let fetch = HttpFetch::default();
    for count in 1..=3 {
        let request = FetchRequest::new(server.url(), ENOUGH);
        within(fetch.get(request)).await.unwrap();
        within(server.disconnected()).await;
        assert_eq!(server.requests(JwksServer::JWKS), count);
    }
}

#[tokio::test]
async fn requests_at_the_same_time_do_not_wait_for_each_other() {
    let server = JwksServer::start();
    let gate = server.hold(JwksServer::JWKS);
    let fetch = HttpFetch::default();
    let ask = || fetch.get(FetchRequest::new(server.url(), ENOUGH));
    let release = async {
        server.requested(JwksServer::JWKS, 3).await;
        assert_eq!(server.connections(), 3);
        gate.release();
    };
    let (a, b, c, ()) = within(async { tokio::join!(ask(), ask(), ask(), release) }).await;
    for answer in [a, b, c] {
        assert_eq!(answer.unwrap().status(), 200);
    }
}
