//! Tests of forms that are posted.

use std::error::Error;

use countersign::{
    remote::{Fetch, FetchError, FetchErrorKind, FetchResponse, FormRequest, HttpFetch},
    testing::{Fault, JwksServer},
};

use crate::setup::{ENOUGH, within};

const BASIC: &str = "Basic YTpi";

async fn post(fetch: &HttpFetch, server: &JwksServer) -> Result<FetchResponse, FetchError> {
    let request = FormRequest::new(server.url(), "grant_type=x&secret=y", ENOUGH);
    within(fetch.post(request.with_authorization(Some(BASIC)))).await
}

#[tokio::test]
async fn a_form_is_sent_with_its_type_and_the_credentials() {
    let server = JwksServer::start();
    let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    server.fault(JwksServer::JWKS, Fault::Raw(ok.to_vec()));
    let fetch = HttpFetch::builder()
        .header("authorization", "Basic for-the-keys")
        .header("x-api-key", "secret 1")
        .build()
        .unwrap();
    assert_eq!(post(&fetch, &server).await.unwrap().status(), 200);
    let request = server.last_request(JwksServer::JWKS).unwrap();
    assert_eq!(request.method(), "POST");
    for (name, value) in [
        ("accept", Some("application/json")),
        ("authorization", Some(BASIC)),
        ("content-length", Some("21")),
        ("content-type", Some("application/x-www-form-urlencoded")),
        ("x-api-key", Some("secret 1")),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
}

#[tokio::test]
async fn the_reason_of_a_refusal_is_read_and_no_other_page() {
    for (status, is_read) in [
        (400, true),
        (401, true),
        (403, false),
        (500, false),
        (302, false),
    ] {
        let server = JwksServer::start();
        let text = format!(
            "HTTP/1.1 {status} x\r\ncontent-length: 2\r\nlocation: http://127.0.0.1/\r\n\r\n{{}}"
        );
        server.fault(JwksServer::JWKS, Fault::Raw(text.into()));
        let answer = post(&HttpFetch::default(), &server).await.unwrap();
        assert_eq!(answer.status(), status);
        assert_eq!(answer.body() == b"{}", is_read, "{status}");
    }
}

#[tokio::test]
async fn no_form_goes_to_a_url_that_is_not_protected() {
    let fetch = HttpFetch::default();
    for url in [
        "http://id.example/token",
        "https://169.254.169.254/",
        "file:///etc",
        "http://10.0.0.1/",
    ] {
        let request = FormRequest::new(url, "secret=y", ENOUGH);
        let error = within(fetch.post(request)).await.unwrap_err();
        assert_eq!(error.kind(), FetchErrorKind::Forbidden, "{url}");
    }
    // A name that leads to a public address, with plain http allowed in private networks only.
    let request = FormRequest::new("http://1.1.1.1/token", "secret=y", ENOUGH).with_private_http();
    let error = within(fetch.post(request)).await.unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Forbidden);
}

#[tokio::test]
async fn credentials_that_are_no_header_are_not_shown() {
    let server = JwksServer::start();
    let request = FormRequest::new(server.url(), "", ENOUGH);
    let request = request.with_authorization(Some("Basic hunter2\r\nx: y"));
    let error = within(HttpFetch::default().post(request))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), FetchErrorKind::Header);
    assert!(!format!("{error} {error:?} {:?}", error.source()).contains("hunter2"));
}
