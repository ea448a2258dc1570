//! Tests of the headers of answers, including refusals and unknown paths.

use countersign_tests::{
    Request,
    server::{Body, Connection, Server},
};

use crate::servers::{PROGRAMS, command, log_in, start};

const HSTS: &str = "strict-transport-security";

/// Returns a request for each kind of answer, with its status.
fn requests(access: &str) -> Vec<(Request, u16)> {
    let get = |path: &str| Request::get().target(path);
    let signed = |path: &str| Request::bearer(access).target(path);
    let cookie = format!("__Host-access={access}");
    let logins = ["/session/login", "/spa/login", "/token/login"];
    let unreadable = logins.map(|path| (Request::post(path), 415));
    let others = [
        (get("/"), 200),
        (get("/app.js"), 200),
        (get("/nothing"), 404),
        (Request::post("/app.css"), 405),
        (get("/api/profile"), 401),
        (signed("/api/profile"), 200),
        (signed("/api/admin"), 403),
        (get("/api/token").header("cookie", &cookie), 200),
        (signed("/api/token"), 404),
        (get("/.well-known/jwks.json"), 200),
        (Request::bearer("a.b.c").target("/api/profile"), 401),
    ];
    unreadable.into_iter().chain(others).collect()
}

#[test]
fn every_answer_has_the_security_headers() {
    for program in PROGRAMS {
        let server = start(program);
        for (request, status) in requests(&log_in(&server).access) {
            let mut connection = Connection::open(server.address());
            let answer = connection.send(&request, Body::None);
            let what = format!("{program}: {} {}", request.method, request.target);
            // For a wrong method, axum answers 405 and actix-web 404.
            let is_expected = answer.status == status || (status, answer.status) == (405, 404);
            assert!(is_expected, "{what}: {answer:?}");
            let has = |name| connection.header(name).is_some();
            assert!(has("content-security-policy"), "{what}");
            assert!(has("cross-origin-opener-policy"), "{what}");
            let header = |name| connection.header(name);
            assert_eq!(header("x-content-type-options"), Some("nosniff"), "{what}");
            assert_eq!(header("referrer-policy"), Some("no-referrer"), "{what}");
            assert_eq!(header(HSTS), None, "{what}");
        }
    }
}

#[test]
fn nothing_of_the_api_is_to_be_stored() {
    for program in PROGRAMS {
        let server = start(program);
        let of_the_api = |(request, _): &(Request, u16)| request.target.starts_with("/api/");
        for (request, _) in requests(&log_in(&server).access)
            .into_iter()
            .filter(of_the_api)
        {
            let mut connection = Connection::open(server.address());
            let answer = connection.send(&request, Body::None);
            let told = connection.header("cache-control");
            assert_eq!(told, Some("no-store"), "{program}: {request:?}: {answer:?}");
        }
    }
}

#[test]
fn hsts_is_in_every_answer_once_it_is_asked_for() {
    for program in PROGRAMS {
        let mut command = command(program);
        let server = Server::start(command.args(["--store", "memory", "--hsts"]));
        for (request, _) in requests(&log_in(&server).access) {
            let mut connection = Connection::open(server.address());
            let answer = connection.send(&request, Body::None);
            let told = connection.header(HSTS);
            assert_eq!(told, Some("max-age=31536000"), "{program}: {answer:?}");
        }
    }
}
