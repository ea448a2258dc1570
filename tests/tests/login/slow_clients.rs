//! Tests of clients that stop in the middle of a request.

use countersign_tests::{
    Request,
    server::{Body, Connection},
};

use crate::servers::{PROGRAMS, log_in, start};

#[test]
fn clients_that_stop_within_their_body_are_told_408_and_hold_no_login_up() {
    const CLIENTS: usize = 100;
    const LOGIN: &[u8] = br#"{"email":"user@example.com","password":"password123"}"#;
    for program in PROGRAMS {
        let server = start(program);
        let kinds: Vec<_> = ["/token/login", "/session/login", "/spa/login"]
            .into_iter()
            .flat_map(|path| [(path, Body::Sized(LOGIN)), (path, Body::Chunked(LOGIN))])
            .collect();
        let stalled: Vec<_> = kinds
            .iter()
            .cycle()
            .take(CLIENTS)
            .map(|(path, body)| {
                let request = Request::post(path).header("content-type", "application/json");
                let mut connection = Connection::open(server.address());
                connection.stall(&request, *body);
                connection
            })
            .collect();
        let _ = log_in(&server);
        for mut connection in stalled {
            assert_eq!(connection.answer().status, 408, "{program}");
            assert_eq!(connection.header("connection"), Some("close"), "{program}");
            let policy = connection.header("content-security-policy");
            assert!(policy.is_some(), "{program}");
            assert_eq!(connection.rest(), "", "{program}");
        }
    }
}

#[test]
fn a_client_that_stops_within_the_head_is_disconnected() {
    for program in PROGRAMS {
        let server = start(program);
        let mut connection = Connection::open(server.address());
        connection.write(b"GET /api/profile HTTP/1.1\r\nhost: a\r\ncook");
        let told = connection.rest();
        assert!(
            told.is_empty() || told.starts_with("HTTP/1.1 408 "),
            "{told}"
        );
    }
}
