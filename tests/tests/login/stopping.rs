//! Tests of stopping a server, and of an operator who does not read its output.

use countersign_tests::{
    Request,
    server::{Body, Connection, Deaf, free_address},
};

use crate::servers::{PROGRAMS, command, start};

#[test]
fn it_serves_when_nobody_reads_what_it_says() {
    for program in PROGRAMS {
        let address = free_address();
        let mut server = Deaf::start(command(program).args([
            "--store",
            "memory",
            "--listen",
            &address.to_string(),
        ]));
        let mut connection = server.connect(address);
        let answer = connection.send(&Request::get().target("/api/profile"), Body::None);
        assert_eq!(answer.status, 401, "{program}");
    }
}

#[cfg(unix)]
#[test]
fn sigterm_ends_it_well() {
    for program in PROGRAMS {
        let server = start(program);
        // The connection stays open.
        let mut connection = Connection::open(server.address());
        let page = Request::get().target("/");
        assert_eq!(connection.send(&page, Body::None).status, 200);
        server.terminate();
        assert_eq!(server.end().code, Some(0), "{program}");
    }
}

#[cfg(unix)]
#[test]
fn sigterm_ends_it_well_as_soon_as_it_says_where_it_listens() {
    for program in PROGRAMS {
        let server = start(program);
        server.terminate();
        assert_eq!(server.end().code, Some(0), "{program}");
    }
}

#[cfg(unix)]
#[test]
fn a_client_that_never_ends_its_request_does_not_hold_up_sigterm() {
    for program in PROGRAMS {
        let server = start(program);
        let mut connection = Connection::open(server.address());
        let login = Request::post("/token/login").header("content-type", "application/json");
        connection.begin(&login, Body::Sized(b"{}"));
        server.terminate();
        assert_eq!(server.end().code, Some(0), "{program}");
        drop(connection);
    }
}
