//! Tests of bodies that are too long, too slow, cut off or compressed.

use std::time::Duration;

use countersign::{
    remote::{Fetch, FetchErrorKind, FetchRequest, HttpFetch},
    testing::{Fault, JwksServer},
};

use crate::setup::{ENOUGH, document, get, get_raw, get_with, within};

const HEAD: &str = "HTTP/1.1 200 OK\r\n";

#[tokio::test]
async fn a_body_is_as_long_as_allowed_and_no_longer() {
    let server = JwksServer::start();
    let (whole, length) = document(&server).await;
    for fault in [Fault::NoEtag, Fault::Chunked] {
        server.fault(JwksServer::JWKS, fault.clone());
        let answer = get(&server.url(), length).await.unwrap();
        assert_eq!(answer.body(), whole, "{fault:?}");
        let refused = get(&server.url(), length - 1).await.unwrap_err();
        assert_eq!(refused.kind(), FetchErrorKind::TooLarge, "{fault:?}");
    }
    within(server.disconnected()).await;
}

#[tokio::test]
async fn a_body_without_any_length_ends_with_the_connection() {
    let raw = format!("{HEAD}\r\n{}", "a".repeat(1_000));
    assert_eq!(
        get_raw(raw.as_str(), 1_000).await.unwrap().body().len(),
        1_000
    );
    let refused = get_raw(raw.as_str(), 999).await.unwrap_err();
    assert_eq!(refused, FetchErrorKind::TooLarge);
}

#[tokio::test]
async fn a_body_that_is_announced_as_huge_is_not_read() {
    let exactly = get_with(Fault::Huge(ENOUGH), ENOUGH).await.unwrap();
    assert_eq!(exactly.body().len(), ENOUGH);
    for huge in [ENOUGH + 1, 1 << 40] {
        let refused = get_with(Fault::Huge(huge), ENOUGH).await.unwrap_err();
        assert_eq!(refused, FetchErrorKind::TooLarge);
    }
    // Only the head was sent, so the head was enough.
    for announced in [ENOUGH + 1, 1 << 62] {
        let raw = format!("{HEAD}content-length: {announced}\r\n\r\n");
        let refused = get_raw(raw, ENOUGH).await.unwrap_err();
        assert_eq!(refused, FetchErrorKind::TooLarge);
    }
}

#[tokio::test]
async fn chunks_without_end_are_read_up_to_the_limit() {
    let refused = get_with(Fault::ChunkedWithoutEnd, ENOUGH)
        .await
        .unwrap_err();
    assert_eq!(refused, FetchErrorKind::TooLarge);
    let chunked = get_with(Fault::Chunked, ENOUGH).await.unwrap();
    assert_eq!(chunked.status(), 200);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_answer() {
    let refused = get_with(Fault::Truncated, ENOUGH).await.unwrap_err();
    assert_eq!(refused, FetchErrorKind::Read);

    let chunked = |body: &str| format!("{HEAD}transfer-encoding: chunked\r\n\r\n{body}");
    let whole = get_raw(chunked("2\r\n{}\r\n0\r\n\r\n"), ENOUGH).await;
    assert_eq!(whole.unwrap().body(), b"{}");
    for bad in [
        "",
        "2\r\n{}\r\n",
        "2\r\n{}\r\n0\r\n",
        "2\r\n{",
        "x\r\n{}\r\n0\r\n\r\n",
        "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n",
    ] {
        let refused = get_raw(chunked(bad), ENOUGH).await.unwrap_err();
        assert_eq!(refused, FetchErrorKind::Read, "{bad:?}");
    }
}

#[tokio::test]
async fn a_packed_body_is_refused_unread() {
    for fault in [Fault::Gzip, Fault::GzipBomb] {
        let refused = get_with(fault, ENOUGH).await.unwrap_err();
        assert_eq!(refused, FetchErrorKind::Encoded);
    }
    let named = |coding: &str| {
        let header = ("content-encoding".to_owned(), coding.to_owned());
        get_with(Fault::Headers(vec![header]), ENOUGH)
    };
    for bad in [
        "gzip",
        "GZIP",
        "br",
        "zstd",
        "identity, gzip",
        "gzip,identity",
        "none",
    ] {
        assert_eq!(
            named(bad).await.unwrap_err(),
            FetchErrorKind::Encoded,
            "{bad}"
        );
    }
    for good in ["identity", "Identity", "", "identity, identity"] {
        assert_eq!(named(good).await.unwrap().status(), 200, "{good}");
    }
    let raw =
        |codings: &str| format!("{HEAD}transfer-encoding: {codings}\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
    let refused = get_raw(raw("gzip, chunked"), ENOUGH).await.unwrap_err();
    assert_eq!(refused, FetchErrorKind::Encoded);
    assert_eq!(get_raw(raw("Chunked"), ENOUGH).await.unwrap().body(), b"{}");
}

/// The caller gives up while the client waits: the request must leave nothing behind.
#[tokio::test]
async fn a_request_that_is_given_up_ends_its_connection() {
    let hour = Duration::from_secs(3_600);
    for fault in [Fault::Hang, Fault::HangAfterHeaders, Fault::Drip(hour)] {
        let server = JwksServer::start();
        server.fault(JwksServer::JWKS, fault.clone());
        let fetch = HttpFetch::default();
        let answer = fetch.get(FetchRequest::new(server.url(), ENOUGH));
        tokio::select! {
            _ = answer => panic!("{fault:?} gave an answer"),
            () = within(server.requested(JwksServer::JWKS, 1)) => {}
        }
        within(server.disconnected()).await;
    }
}

#[tokio::test]
async fn a_slow_body_is_as_good_as_a_fast_one() {
    let server = JwksServer::start();
    let (whole, length) = document(&server).await;
    server.fault(JwksServer::JWKS, Fault::Drip(Duration::ZERO));
    assert_eq!(get(&server.url(), length).await.unwrap().body(), whole);
    let refused = get(&server.url(), length - 1).await.unwrap_err();
    assert_eq!(refused.kind(), FetchErrorKind::TooLarge);
}
