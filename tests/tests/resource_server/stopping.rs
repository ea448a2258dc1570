//! Tests of SIGTERM: requests under way are answered, and no new ones begin.

use std::{
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use countersign::testing::JwksServer;
use countersign_tests::{
    Request,
    server::{Body, Connection},
};
use tokio::time::sleep;

use crate::{
    providers::{readiness, serve, token, url_of},
    servers::{FRAMEWORKS, ask, within},
};

const ISSUER: &str = "https://id.example";

#[test]
fn a_request_that_waits_for_keys_is_still_answered() {
    for framework in FRAMEWORKS {
        let provider = JwksServer::start();
        let (server, _folder) = serve(framework, &[(ISSUER, &url_of(&provider))]);
        // Before that, the answer to its first request can be under way.
        readiness(&server, 200, |_| true);
        requested(&provider, 1);

        // The key is new to the server, which asks for it. The answer is delayed.
        provider.rotate();
        let gate = provider.hold(JwksServer::JWKS);
        let mut connection = Connection::open(server.address());
        let request = Request::bearer(&token(ISSUER, &provider.key())).target("/v1/me");
        connection.send_only(&request, Body::None);
        requested(&provider, 2);

        server.terminate();
        until_nobody_listens(server.address());
        assert_eq!(ask(&server, "/healthz").status, 200, "{framework}");
        gate.release();
        let answer = connection.answer();
        assert_eq!(answer.status, 200, "{framework}: {answer:?}");
        assert!(answer.body.contains("ada"), "{framework}: {answer:?}");
        let ended = server.end();
        assert_eq!(ended.code, Some(0), "{framework}: {}", ended.stderr);
    }
}

#[test]
fn a_connection_without_a_request_does_not_hold_it_up() {
    for framework in FRAMEWORKS {
        let (server, _folder) = serve(framework, &[(ISSUER, &url_of(&JwksServer::start()))]);
        let mut connection = Connection::open(server.address());
        let answer = connection.send(&Request::get().target("/v1/feed"), Body::None);
        assert_eq!(answer.status, 200);
        server.terminate();
        assert_eq!(server.end().code, Some(0), "{framework}");
    }
}

fn requested(provider: &JwksServer, count: usize) {
    within(provider.requested(JwksServer::JWKS, count));
}

fn until_nobody_listens(address: SocketAddr) {
    within(async {
        while TcpStream::connect(address).is_ok() {
            sleep(Duration::from_millis(5)).await; // nothing signals that a process has stopped
        }
    });
}
