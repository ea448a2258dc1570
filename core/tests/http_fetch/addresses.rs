//! Tests of the addresses that requests are sent to.

use std::{
    error::Error,
    io::{Write, stderr},
    net::TcpStream,
};

use countersign::{
    remote::{Fetch, FetchErrorKind, FetchRequest, HttpFetch},
    testing::JwksServer,
};

use crate::setup::{ENOUGH, get, within};

#[tokio::test]
async fn an_address_that_may_not_be_asked_is_not_asked() {
    let server = JwksServer::start();
    let address = server.address();
    let port = address.port();
    for bad in [
        String::new(),
        "/jwks".into(),
        format!("{address}/jwks"),
        format!("HTTP://{address}/jwks"),
        format!("ftp://{address}/jwks"),
        format!("http://user@{address}/jwks"),
        format!("http://user:password@{address}/jwks"),
        format!("http://{address}/jwks#fragment"),
        format!("http://{address}/jwks\r\nhost: other"),
        format!("http://{address}\\@login.example/jwks"),
        format!("http://127.1:{port}/jwks"),
        format!("http://2130706433:{port}/jwks"),
        format!("http://0.0.0.0:{port}/jwks"),
        format!("http://[::]:{port}/jwks"),
        format!("http://[::ffff:127.0.0.1]:{port}/jwks"),
        format!("http://localhost.:{port}/jwks"),
        "http://login.example/jwks".into(),
        "http://10.0.0.7/jwks".into(),
        "http://169.254.169.254/latest/meta-data".into(),
        "https://169.254.169.254/latest/meta-data".into(),
        "https://[fe80::1]/jwks".into(),
        "https://0.0.0.0/jwks".into(),
        "file:///etc/passwd".into(),
    ] {
        let refused = get(&bad, ENOUGH).await.unwrap_err();
        assert_eq!(refused.kind(), FetchErrorKind::Forbidden, "{bad}");
        assert!(refused.source().is_some(), "{bad}");
    }
    assert_eq!(server.requests(JwksServer::JWKS), 0);
    for good in [
        format!("http://{address}/jwks"),
        format!("http://localhost:{port}/jwks"),
        format!("http://LOCALHOST:{port}/jwks"),
    ] {
        assert_eq!(get(&good, ENOUGH).await.unwrap().status(), 200, "{good}");
    }
}

/// A name that leads elsewhere is in the tests of the resolver.
#[tokio::test]
async fn plain_http_reaches_a_private_address_where_that_is_allowed() {
    let server = JwksServer::start();
    let port = server.address().port();
    let fetch = HttpFetch::default();
    let private = |url: String| {
        let request = FetchRequest::new(url, ENOUGH).with_private_http();
        within(fetch.get(request))
    };
    // This machine by an address that is no loopback address to anybody but the operating system.
    let url = format!("http://[::ffff:127.0.0.1]:{port}/jwks");
    let refused = get(&url, ENOUGH).await.unwrap_err();
    assert_eq!(refused.kind(), FetchErrorKind::Forbidden);
    if TcpStream::connect(("::ffff:127.0.0.1", port)).is_err() {
        let why = "there is no IPv6 on this machine";
        writeln!(stderr(), "left out: plain http to a private address: {why}").unwrap();
        return;
    }
    assert_eq!(private(url).await.unwrap().status(), 200);
    assert_eq!(server.requests(JwksServer::JWKS), 1);
    for bad in [
        format!("http://192.0.2.1:{port}/jwks"),
        format!("http://[2001:db8::1]:{port}/jwks"),
        "http://169.254.169.254/latest/meta-data".into(),
    ] {
        let refused = private(bad.clone()).await.unwrap_err();
        assert_eq!(refused.kind(), FetchErrorKind::Forbidden, "{bad}");
    }
}

#[tokio::test]
async fn nobody_listens_is_said_with_its_cause() {
    let url = JwksServer::start().url();
    let refused = get(&url, ENOUGH).await.unwrap_err();
    assert_eq!(refused.kind(), FetchErrorKind::Connect);
    assert_eq!(refused.to_string(), "there is no connection");
    let mut causes = std::iter::successors(refused.source(), |&cause| cause.source());
    assert!(causes.any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
    }));
}

#[tokio::test]
async fn a_server_without_tls_is_no_https_server() {
    let server = JwksServer::start();
    let url = server.url().replace("http://", "https://");
    let refused = get(&url, ENOUGH).await.unwrap_err();
    assert_eq!(refused.kind(), FetchErrorKind::Connect);
    assert_eq!(server.requests(JwksServer::JWKS), 0);
}
