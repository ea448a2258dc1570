//! What an operator gets: keys, secrets, mistakes, the end.

use std::net::TcpListener;

use countersign::{Algorithm, KeySet, Verifier};
use countersign_tests::{
    Answer, Request,
    server::{Body, Connection, Deaf, Process, Server, free_address},
};
use serde_json::Value;

use crate::programs::{
    PASSWORD, PROGRAMS, Pair, SECRET, USER, body, command, credentials, forge, json_login, log_in,
};

/// The same as in `examples/demo`. To depend on that would choose the crypto backend of all tests.
const ISSUER: &str = "https://quickstart.example";
const AUDIENCE: &str = "quickstart";

#[test]
fn public_keys_are_published_and_verify_the_tokens() {
    for (algorithm, members) in [
        (
            Algorithm::ES256,
            &["alg", "crv", "kid", "kty", "use", "x", "y"][..],
        ),
        (Algorithm::EdDSA, &["alg", "crv", "kid", "kty", "use", "x"]),
        (Algorithm::RS256, &["alg", "e", "kid", "kty", "n", "use"]),
    ] {
        for program in PROGRAMS {
            let server = Server::start(command(program).args(["--alg", algorithm.name()]));
            let jwks = server.send(&jwks(), Body::None);
            assert_eq!(jwks.status, 200, "{program}");
            let media_type = jwks.content_type.as_deref();
            assert_eq!(media_type, Some("application/jwk-set+json"), "{program}");
            assert_eq!(members_of_keys(&jwks), [members], "{program}");

            let verifier = Verifier::builder(KeySet::from_json(&jwks.body).unwrap())
                .issuer(ISSUER)
                .audience(AUDIENCE)
                .build()
                .unwrap();
            let token = verifier.verify_now(&log_in(&server, USER)).unwrap();
            assert_eq!(token.header().algorithm(), algorithm, "{program}");
            assert_eq!(token.subject(), Some("user-1"), "{program}");
        }
    }
}

#[test]
fn a_secret_is_not_published() {
    let answer = Pair::start().send(&jwks(), Body::None);
    assert_eq!(answer.status, 404, "{answer:?}");
}

#[test]
fn servers_with_one_secret_take_the_tokens_of_each_other() {
    let [first, second] = [Pair::start(), Pair::start()];
    let servers: Vec<_> = first.0.into_iter().chain(second.0).collect();
    for issuing in &servers {
        let page = Request::bearer(&log_in(issuing, USER)).target("/protected");
        for server in &servers {
            assert_eq!(server.send(&page, Body::None).status, 200);
        }
    }
}

#[test]
fn without_a_secret_it_warns_that_tokens_end_with_the_process() {
    for program in PROGRAMS {
        let [mut one, other] = [program; 2].map(|program| Server::start(&mut command(program)));
        let page = Request::bearer(&log_in(&one, USER)).target("/protected");
        assert_eq!(one.send(&page, Body::None).status, 200, "{program}");
        assert_eq!(other.send(&page, Body::None).status, 401, "{program}");
        one.kill();
        assert_eq!(
            one.end().stderr,
            "warning: JWT_SECRET is not set, so the secret is a random one: \
             tokens end with this process\n",
            "{program}"
        );
    }
}

#[test]
fn refused_requests_are_logged_with_their_reason_and_nothing_of_theirs() {
    for mut server in Pair::start().0 {
        let forged = forge(&log_in(&server, USER), 1);
        for token in [&forged, "no.such.token"] {
            let page = Request::bearer(token).target("/protected");
            assert_eq!(server.send(&page, Body::None).status, 401);
        }
        server.kill();
        let ended = server.end();
        let told = "log: refused requests go to standard error, each with its reason";
        assert!(ended.stdout.iter().any(|line| line == told));
        let lines: Vec<_> = ended.stderr.lines().collect();
        let [bad_signature, malformed] = lines[..] else {
            panic!("{lines:?}");
        };
        let refused = "DEBUG countersign: request refused";
        let reason = format!(r#" {refused} reason="bad_signature" status=401 cause=signature: "#);
        assert!(bad_signature.contains(&reason), "{bad_signature}");
        let reason = format!(r#" {refused} reason="malformed_token" status=401"#);
        assert!(malformed.contains(&reason), "{malformed}");
        // The cause that follows is a check's, and no part of the token.
        for part in forged.split('.').chain(["no.such.token"]) {
            assert!(!ended.stderr.contains(part), "{}", ended.stderr);
        }
    }
}

#[test]
fn a_secret_that_is_too_short_is_refused_in_one_line() {
    for program in PROGRAMS {
        let mut command = command(program);
        let ended = Process::start(command.env("JWT_SECRET", "short")).end();
        assert_eq!(
            ended.stderr,
            "error: JWT_SECRET cannot be used: weak key: \
             an HS256 secret needs at least 32 bytes, this one has 5\n",
            "{program}"
        );
        assert_eq!((ended.code, ended.stdout.len()), (Some(2), 0), "{program}");
    }
}

#[test]
fn a_port_that_is_in_use_is_named_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for program in PROGRAMS {
        let mut command = command(program);
        let command = command.env("JWT_SECRET", SECRET);
        let ended = Process::start(command.args(["--listen", &address])).end();
        let line = ended.stderr.strip_suffix('\n').unwrap();
        let why = line.strip_prefix(&format!("error: cannot listen on {address}: "));
        // The words for it are those of the system.
        let why = why.and_then(|why| why.strip_suffix("; choose another address with --listen"));
        assert!(why.is_some_and(|why| !why.contains(['\n', '{'])), "{line}");
        assert_eq!((ended.code, ended.stdout.len()), (Some(2), 0), "{program}");
    }
}

#[test]
fn it_serves_when_nobody_reads_what_it_says() {
    for program in PROGRAMS {
        let address = free_address();
        let mut server = Deaf::start(command(program).args(["--listen", &address.to_string()]));
        let mut connection = server.connect(address);
        let answer = connection.send(&Request::get().target("/protected"), Body::None);
        assert_eq!(answer.status, 401, "{program}");
    }
}

#[cfg(unix)]
#[test]
fn sigterm_ends_it_well() {
    for server in Pair::start().0 {
        // The connection stays open.
        let mut connection = Connection::open(server.address());
        let login = credentials(USER, PASSWORD);
        let answer = connection.send(&json_login(), Body::Sized(&login));
        assert_eq!(answer.status, 200);
        server.terminate();
        let ended = server.end();
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    }
}

#[cfg(unix)]
#[test]
fn sigterm_ends_it_well_as_soon_as_it_says_where_it_listens() {
    for server in Pair::start().0 {
        server.terminate();
        let ended = server.end();
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    }
}

#[cfg(unix)]
#[test]
fn a_client_that_never_ends_its_request_does_not_hold_up_sigterm() {
    let pair = Pair::start();
    let held = pair.0.each_ref().map(|server| {
        let mut connection = Connection::open(server.address());
        connection.begin(&json_login(), Body::Sized(b"{}"));
        server.terminate();
        connection
    });
    for server in pair.0 {
        let ended = server.end();
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""));
    }
    drop(held);
}

fn jwks() -> Request {
    Request::get().target("/.well-known/jwks.json")
}

/// The names in each key, sorted.
fn members_of_keys(jwks: &Answer) -> Vec<Vec<String>> {
    let keys = body(jwks)["keys"].clone();
    let names = |key: &Value| {
        let mut names: Vec<_> = key.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    keys.as_array().unwrap().iter().map(names).collect()
}
