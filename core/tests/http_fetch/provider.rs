//! Tests of the provider of the test kit.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use countersign::{
    KeySet, SigningKey,
    testing::{Fault, JwksServer},
};
use serde_json::Value;

use crate::setup::{ENOUGH, get, get_with, within};

async fn body(url: &str) -> String {
    let answer = get(url, ENOUGH).await.unwrap();
    assert_eq!(answer.status(), 200, "{url}");
    String::from_utf8(answer.body().to_vec()).unwrap()
}

/// Returns the ids of the good keys.
async fn ids(server: &JwksServer) -> Vec<String> {
    let set = KeySet::from_remote_json(&body(&server.url()).await).unwrap();
    let ids = set.keys().iter().map(|key| key.id().unwrap().to_owned());
    ids.collect()
}

#[tokio::test]
async fn keys_come_and_go() {
    let server = JwksServer::start();
    let first = server.key();
    assert_eq!(ids(&server).await, [first.id()]);

    server.rotate();
    let second = server.key();
    assert_eq!(ids(&server).await, [first.id(), second.id()]);

    server.remove(first.id());
    assert_eq!(ids(&server).await, [second.id()]);

    let secret = SigningKey::generate_hs256().unwrap();
    server.publish([first.verifying_key(), secret.verifying_key()]);
    assert_eq!(ids(&server).await, [first.id()]);
}

#[tokio::test]
async fn faults_of_a_set_are_those_they_are_named_for() {
    let server = JwksServer::start();
    let first = server.key();
    server.rotate();
    let (first, second) = (first.id(), server.key().id().to_owned());
    for (fault, expected) in [
        (Fault::DuplicateKid, vec![first]),
        (Fault::PrivateMembers, vec![first]),
        (Fault::Oct, vec![first, &second]),
    ] {
        server.fault(JwksServer::JWKS, fault.clone());
        assert_eq!(ids(&server).await, expected, "{fault:?}");
        let set = KeySet::from_remote_json(&body(&server.url()).await).unwrap();
        assert!(!set.skipped().is_empty(), "{fault:?}");
    }
    server.heal(JwksServer::JWKS);
    assert_eq!(ids(&server).await, [first, &second]);

    for fault in [
        Fault::EmptySet,
        Fault::OnlyOct,
        Fault::Html,
        Fault::Body("{}".into()),
    ] {
        server.fault(JwksServer::JWKS, fault.clone());
        let set = KeySet::from_remote_json(&body(&server.url()).await);
        assert!(set.is_err(), "{fault:?}");
    }
}

#[tokio::test]
async fn a_document_has_another_etag_when_it_is_another() {
    let server = JwksServer::start();
    let etag = || async {
        let answer = get(&server.url(), ENOUGH).await.unwrap();
        answer.values("etag").next().unwrap().to_owned()
    };
    let good = etag().await;
    assert_eq!(etag().await, good);
    server.fault(JwksServer::JWKS, Fault::Oct);
    assert_ne!(etag().await, good);
}

#[tokio::test]
async fn metadata_is_where_the_issuer_says() {
    for path in ["", "/", "/realms/shop"] {
        let server = JwksServer::start_at(path);
        assert_eq!(server.issuer(), server.url_of(path));
        let trimmed = path.trim_end_matches('/');
        for place in [
            format!("{trimmed}{}", JwksServer::OPENID),
            format!("{}{trimmed}", JwksServer::OAUTH),
            format!("{}{trimmed}", JwksServer::OPENID),
        ] {
            let metadata: Value =
                serde_json::from_str(&body(&server.url_of(&place)).await).unwrap();
            assert_eq!(metadata["issuer"], server.issuer(), "{place}");
            assert_eq!(metadata["jwks_uri"], server.url(), "{place}");
        }
        let elsewhere = get(&server.url_of("/elsewhere"), ENOUGH).await.unwrap();
        assert_eq!(elsewhere.status(), 404);
    }
}

#[tokio::test]
async fn metadata_can_be_wrong() {
    let server = JwksServer::start();
    server.metadata("jwks_uri", 7);
    let url = server.url_of(JwksServer::OPENID);
    let metadata: Value = serde_json::from_str(&body(&url).await).unwrap();
    assert_eq!(metadata["jwks_uri"], 7);

    server.fault(JwksServer::OPENID, Fault::WrongIssuer);
    let metadata: Value = serde_json::from_str(&body(&url).await).unwrap();
    assert_eq!(metadata["issuer"], "https://another.test");
    // The other path works.
    let url = server.url_of(JwksServer::OAUTH);
    let metadata: Value = serde_json::from_str(&body(&url).await).unwrap();
    assert_eq!(metadata["issuer"], server.issuer());
}

#[tokio::test]
async fn faults_that_happen_once_happen_in_order_and_before_the_lasting_one() {
    let server = JwksServer::start();
    server.fault(JwksServer::JWKS, Fault::Status(500));
    server.fault_once(JwksServer::JWKS, Fault::Status(501));
    server.fault_once(JwksServer::JWKS, Fault::Status(502));
    for status in [501, 502, 500, 500] {
        assert_eq!(get(&server.url(), ENOUGH).await.unwrap().status(), status);
    }
    server.fault_once(JwksServer::JWKS, Fault::Status(501));
    server.heal(JwksServer::JWKS);
    assert_eq!(get(&server.url(), ENOUGH).await.unwrap().status(), 200);
    assert_eq!(server.requests(JwksServer::JWKS), 5);
    assert_eq!(server.requests(JwksServer::OPENID), 0);
    assert_eq!(server.last_request(JwksServer::OPENID), None);
}

#[tokio::test]
async fn what_a_held_answer_says_is_decided_when_the_request_comes() {
    let server = JwksServer::start();
    let before = server.key();
    let gate = server.hold(JwksServer::JWKS);
    let rotate = async {
        server.requested(JwksServer::JWKS, 1).await;
        server.rotate();
        gate.release();
    };
    let (held, ()) = within(async { tokio::join!(ids(&server), rotate) }).await;
    assert_eq!(held, [before.id()]);
    assert_eq!(ids(&server).await.len(), 2);
}

#[tokio::test]
async fn a_gate_holds_its_own_path_only() {
    let server = JwksServer::start();
    let _gate = server.hold(JwksServer::JWKS);
    body(&server.url_of(JwksServer::OPENID)).await;
}

/// Sends one request and leaves the connection open.
fn ask(server: &JwksServer, method: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(stream, "{method} /jwks HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    stream
}

#[tokio::test]
async fn only_get_is_answered() {
    let server = JwksServer::start();
    for (method, status) in [("POST", "405"), ("HEAD", "405"), ("GET", "200")] {
        let mut start = [0; 12];
        ask(&server, method).read_exact(&mut start).unwrap();
        assert_eq!(start, format!("HTTP/1.1 {status}").as_bytes());
    }
}

#[tokio::test]
async fn a_server_that_is_dropped_ends_whatever_it_does() {
    let hour = Duration::from_secs(3_600);
    for fault in [
        None,
        Some(Fault::Hang),
        Some(Fault::HangAfterHeaders),
        Some(Fault::Drip(hour)),
        Some(Fault::OutOfOrder),
        Some(Fault::ChunkedWithoutEnd),
    ] {
        let server = JwksServer::start();
        if let Some(fault) = fault.clone() {
            server.fault(JwksServer::JWKS, fault);
        }
        // `OutOfOrder` and the gate delay the answer, the others are in the middle of it.
        let gate = fault.is_none().then(|| server.hold(JwksServer::JWKS));
        let mut client = ask(&server, "GET");
        within(server.requested(JwksServer::JWKS, 1)).await;
        let address = server.address();
        drop(server);
        // It ends, with or without an error.
        let _ = client.read_to_end(&mut Vec::new());
        assert!(TcpStream::connect(address).is_err(), "{fault:?}");
        drop(gate);
    }
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let server = JwksServer::start();
    let mut client = ask(&server, "GET");
    within(server.requested(JwksServer::JWKS, 1)).await;
    write!(client, "GET /jwks HTTP/1.1\r\nconnection: close\r\n\r\n").unwrap();
    let mut answers = String::new();
    client.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 2);
}

#[tokio::test]
async fn a_fault_on_a_path_without_a_document_answers_all_the_same() {
    let server = JwksServer::start();
    server.fault("/other", Fault::Body("{}".into()));
    assert_eq!(body(&server.url_of("/other")).await, "{}");
    let answer = get_with(Fault::Body(String::new()), ENOUGH).await.unwrap();
    assert_eq!(answer.body(), b"");
}
