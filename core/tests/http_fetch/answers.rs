//! Tests of statuses and headers.

use countersign::{
    remote::{Fetch, FetchErrorKind, FetchRequest, FetchResponse, HttpFetch},
    testing::{Fault, JwksServer},
};

use crate::setup::{ENOUGH, get, get_raw, get_with, within};

fn values<'r>(answer: &'r FetchResponse, name: &str) -> Vec<&'r str> {
    answer.values(name).collect()
}

#[tokio::test]
async fn a_document_arrives_as_it_was_sent() {
    let server = JwksServer::start();
    let answer = get(&server.url(), ENOUGH).await.unwrap();
    assert_eq!(answer.status(), 200);
    let expected = format!(
        r#"{{"keys":[{}]}}"#,
        server.key().verifying_key().to_jwk().unwrap()
    );
    assert_eq!(answer.body(), expected.as_bytes());
}

#[tokio::test]
async fn an_error_status_is_an_answer_without_a_body() {
    for status in [400, 401, 403, 404, 429, 500, 502] {
        let answer = get_with(Fault::Status(status), ENOUGH).await.unwrap();
        assert_eq!(answer.status(), status);
        assert!(answer.body().is_empty());
    }
    let answer = get_with(Fault::Unavailable(120), ENOUGH).await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(values(&answer, "retry-after"), ["120"]);
}

#[tokio::test]
async fn the_page_of_an_error_hides_nothing_however_long_or_packed() {
    for header in ["content-length: 1000000000000", "content-encoding: gzip"] {
        let head =
            |status: &str| format!("HTTP/1.1 {status}\r\nretry-after: 7\r\n{header}\r\n\r\n");
        let answer = get_raw(head("503 Away"), ENOUGH).await.unwrap();
        assert_eq!(answer.status(), 503);
        assert_eq!(values(&answer, "retry-after"), ["7"]);
        assert!(get_raw(head("200 OK"), ENOUGH).await.is_err());
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_its_target_is_not_asked() {
    let target = JwksServer::start();
    let server = JwksServer::start();
    for status in [301, 302, 303, 307, 308] {
        let head = format!(
            "HTTP/1.1 {status} Gone\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n",
            target.url()
        );
        server.fault_once(JwksServer::JWKS, Fault::Raw(head.into()));
        let answer = get(&server.url(), ENOUGH).await.unwrap();
        assert_eq!(answer.status(), status);
    }
    server.fault(JwksServer::JWKS, Fault::Redirect(target.url()));
    assert_eq!(get(&server.url(), ENOUGH).await.unwrap().status(), 302);
    assert_eq!(target.requests(JwksServer::JWKS), 0);

    assert_eq!(get(&target.url(), ENOUGH).await.unwrap().status(), 200);
    assert_eq!(target.requests(JwksServer::JWKS), 1);
}

#[tokio::test]
async fn a_document_that_is_known_is_not_sent_again() {
    let server = JwksServer::start();
    let fetch = HttpFetch::default();
    let ask = |etag: Option<&str>| fetch.get(FetchRequest::new(server.url(), ENOUGH).unless(etag));
    let first = ask(None).await.unwrap();
    let etag = first.values("etag").next().unwrap();

    let known = ask(Some(etag)).await.unwrap();
    assert_eq!((known.status(), known.body()), (304, &b""[..]));
    assert_eq!(values(&known, "etag"), [etag]);
    assert_eq!(ask(Some("\"another\"")).await.unwrap().status(), 200);

    server.rotate();
    let changed = ask(Some(etag)).await.unwrap();
    assert_eq!(changed.status(), 200);
    assert_ne!(values(&changed, "etag"), [etag]);
}

#[tokio::test]
async fn a_304_that_nobody_asked_for_is_an_answer() {
    let with = Some("\"1\"".to_owned());
    let answer = get_with(Fault::NotModified(with), ENOUGH).await.unwrap();
    assert_eq!(
        (answer.status(), values(&answer, "etag")),
        (304, vec!["\"1\""])
    );
    let answer = get_with(Fault::NotModified(None), ENOUGH).await.unwrap();
    assert_eq!((answer.status(), values(&answer, "etag")), (304, vec![]));
}

#[tokio::test]
async fn headers_are_passed_on_that_say_how_long_a_document_is_good() {
    let pairs = [
        ("Age", "7"),
        ("Cache-Control", "max-age=600"),
        ("Date", "Fri, 15 Jan 2027 08:00:00 GMT"),
        ("ETag", "W/\"1\""),
        ("Expires", "0"),
        ("Retry-After", "120"),
        ("Set-Cookie", "a=b"),
        ("Location", "/other"),
    ];
    let fault = Fault::Headers(
        pairs
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
    );
    let answer = get_with(fault, ENOUGH).await.unwrap();
    for (name, value) in &pairs[..6] {
        assert_eq!(values(&answer, name), [*value]);
    }
    for name in ["set-cookie", "location", "content-type", "content-length"] {
        assert!(values(&answer, name).is_empty(), "{name}");
    }
    let answer = get_with(Fault::CacheControl("no-store".into()), ENOUGH)
        .await
        .unwrap();
    assert_eq!(values(&answer, "cache-control"), ["no-store"]);
    let answer = get_with(Fault::NoEtag, ENOUGH).await.unwrap();
    assert!(values(&answer, "etag").is_empty());
}

#[tokio::test]
async fn a_header_that_comes_twice_is_passed_on_twice() {
    let raw = "HTTP/1.1 200 OK\r\ncache-control: no-cache\r\ncontent-length: 0\r\nCache-Control: \
               max-age=5\r\n\r\n";
    let answer = get_raw(raw, ENOUGH).await.unwrap();
    assert_eq!(values(&answer, "cache-control"), ["no-cache", "max-age=5"]);
}

#[tokio::test]
async fn a_value_that_is_not_ascii_is_dropped() {
    let raw = |value: &[u8]| {
        let mut raw = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\netag: ".to_vec();
        raw.extend(value);
        raw.extend(b"\r\n\r\n");
        raw
    };
    for bad in [&b"\"\xff\""[..], "\"\u{fc}\"".as_bytes()] {
        let answer = get_raw(raw(bad), ENOUGH).await.unwrap();
        assert!(values(&answer, "etag").is_empty());
    }
    let answer = get_raw(raw(b"\"u\""), ENOUGH).await.unwrap();
    assert_eq!(values(&answer, "etag"), ["\"u\""]);
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
    let good = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    assert_eq!(get_raw(good, ENOUGH).await.unwrap().body(), b"{}");
    for bad in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 2",
        "HTTP/1.1 20 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/9.9 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent length: 2\r\n\r\n{}",
        "SSH-2.0-OpenSSH_9.9\r\n",
        "{}",
    ] {
        let refused = get_raw(bad, ENOUGH).await.unwrap_err();
        assert_eq!(refused, FetchErrorKind::Read, "{bad:?}");
    }
}

#[tokio::test]
async fn a_head_without_end_is_not_read_to_its_end() {
    let long = |bytes: usize| {
        let value = "a".repeat(bytes);
        format!("HTTP/1.1 200 OK\r\nx: {value}\r\ncontent-length: 2\r\n\r\n{{}}")
    };
    assert!(get_raw(long(16 << 10), ENOUGH).await.is_ok());
    let refused = get_raw(long(1 << 20), ENOUGH).await.unwrap_err();
    assert_eq!(refused, FetchErrorKind::Read);

    let many = |count: usize| {
        let headers = "x: a\r\n".repeat(count);
        format!("HTTP/1.1 200 OK\r\n{headers}content-length: 2\r\n\r\n{{}}")
    };
    assert!(get_raw(many(99), ENOUGH).await.is_ok());
    let refused = get_raw(many(100), ENOUGH).await.unwrap_err();
    assert_eq!(refused, FetchErrorKind::Read);
}

#[tokio::test]
async fn an_answer_that_is_held_back_comes_after_a_later_one_and_is_older() {
    let server = JwksServer::start();
    server.fault_once(JwksServer::JWKS, Fault::OutOfOrder);
    let fetch = HttpFetch::default();
    let ask = || fetch.get(FetchRequest::new(server.url(), ENOUGH));

    let late = async {
        server.requested(JwksServer::JWKS, 1).await;
        server.rotate();
        ask().await
    };
    // Without the later request, the early one would never end.
    let (early, late) = within(async { tokio::join!(ask(), late) }).await;
    let (early, late) = (early.unwrap(), late.unwrap());
    let has_new_key =
        |answer: &FetchResponse| String::from_utf8_lossy(answer.body()).contains(server.key().id());
    assert!(has_new_key(&late));
    assert!(!has_new_key(&early));
}
