//! Tests of the keys, the secrets and the log.

use countersign::{KeySet, Verifier};
use countersign_tests::{
    Answer, Request,
    server::{Body, Process, Server},
};
use serde_json::Value;

use crate::programs::{PROGRAMS, Pair, USER, body, command, forge, log_in};

/// The issuer and the audience of both programs.
const ISSUER: &str = "https://quickstart.example";
const AUDIENCE: &str = "quickstart";

#[test]
fn without_a_secret_public_keys_are_published_and_verify_the_tokens() {
    for program in PROGRAMS {
        let server = Server::start(&mut command(program));
        let jwks = server.send(&jwks(), Body::None);
        assert_eq!(jwks.status, 200, "{program}");
        let media_type = jwks.content_type.as_deref();
        assert_eq!(media_type, Some("application/jwk-set+json"), "{program}");
        let members = ["alg", "crv", "kid", "kty", "use", "x", "y"];
        assert_eq!(members_of_keys(&jwks), [members], "{program}");

        let verifier = Verifier::builder(KeySet::from_json(&jwks.body).unwrap())
            .issuer(ISSUER)
            .audience(AUDIENCE)
            .build()
            .unwrap();
        let token = verifier.verify_now(&log_in(&server, USER)).unwrap();
        assert_eq!(token.subject(), Some("user-1"), "{program}");
    }
}

#[test]
fn a_secret_is_not_published() {
    let answer = Pair::start().send(&jwks(), Body::None);
    assert_eq!((answer.status, &*answer.body), (200, r#"{"keys":[]}"#));
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
fn without_a_secret_tokens_end_with_the_process() {
    for program in PROGRAMS {
        let [one, other] = [program; 2].map(|program| Server::start(&mut command(program)));
        let page = Request::bearer(&log_in(&one, USER)).target("/protected");
        assert_eq!(one.send(&page, Body::None).status, 200, "{program}");
        assert_eq!(other.send(&page, Body::None).status, 401, "{program}");
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
        let log = server.end().stdout.join("\n");
        let refused = "DEBUG countersign: request refused";
        for reason in [
            r#"reason="bad_signature" status=401 cause=signature: "#,
            r#"reason="malformed_token" status=401"#,
        ] {
            assert!(log.contains(&format!("{refused} {reason}")), "{log}");
        }
        // The cause after it is the name of a check, and not part of the token.
        for part in forged.split('.').chain(["no.such.token"]) {
            assert!(!log.contains(part), "{log}");
        }
    }
}

#[test]
fn a_secret_that_is_too_short_is_refused() {
    for program in PROGRAMS {
        let mut command = command(program);
        let ended = Process::start(command.env("JWT_SECRET", "short")).end();
        let told = "an HS256 secret needs at least 32 bytes, this one has 5";
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
        assert_eq!((ended.code, ended.stdout.len()), (Some(1), 0), "{program}");
    }
}

fn jwks() -> Request {
    Request::get().target("/.well-known/jwks.json")
}

/// Returns the names in each key, sorted.
fn members_of_keys(jwks: &Answer) -> Vec<Vec<String>> {
    let keys = body(jwks)["keys"].clone();
    let names = |key: &Value| {
        let mut names: Vec<_> = key.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    keys.as_array().unwrap().iter().map(names).collect()
}
