//! Tests of "remember me": a session that lasts beside one that does not.

use countersign_tests::{
    Request,
    server::{Body, Connection, Server},
};
use serde_json::{Value, json};

use crate::servers::{PROGRAMS, Pair, command, get, post, refresh, start};

const HOUR: i64 = 3_600;
const TWO_WEEKS: i64 = 14 * 24 * HOUR;

fn login(remember: Option<bool>) -> Value {
    let mut login = json!({ "email": "user@example.com", "password": "password123" });
    if let Some(remember) = remember {
        login["remember"] = remember.into();
    }
    login
}

/// Returns how long the session of a pair lives without use, in seconds.
fn lives(server: &Server, pair: &Pair) -> i64 {
    let answer = get(server, "/token/sessions", &pair.access);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let mut sessions = body["sessions"].as_array().unwrap().iter();
    let here = sessions.find(|session| session["current"] == true);
    let time = |name| here.unwrap()[name].as_i64().unwrap();
    time("expires_at") - time("last_used_at")
}

#[test]
fn a_login_that_is_not_remembered_is_short_beside_one_that_is() {
    for program in PROGRAMS {
        let server = start(program);
        let log_in = |remember| Pair::of(&post(&server, "/token/login", &login(remember)));
        for (remember, expected) in [(None, HOUR), (Some(true), TWO_WEEKS), (Some(false), HOUR)] {
            let mut pair = log_in(remember);
            for turn in 0..3 {
                assert_eq!(lives(&server, &pair), expected, "{program} {turn}");
                pair = Pair::of(&refresh(&server, &pair.refresh));
            }
        }
    }
}

#[test]
fn cookies_live_as_long_as_the_session() {
    for program in PROGRAMS {
        let server = start(program);
        for (mount, name) in [
            ("/session", "__Host-refresh"),
            ("/spa", "__Host-spa-refresh"),
        ] {
            for (remember, expected) in [(false, HOUR), (true, TWO_WEEKS)] {
                let mut connection = Connection::open(server.address());
                let request = Request::post(&format!("{mount}/login"))
                    .json(login(Some(remember)).to_string());
                let answer = connection.send(&request, Body::Sized(request.body.as_bytes()));
                assert_eq!(answer.status, 200, "{program} {answer:?}");
                let cookies = connection.headers("set-cookie");
                let mut own = cookies.filter(|cookie| cookie.starts_with(&format!("{name}=")));
                let cookie = own.next().unwrap();
                let age = format!("Max-Age={expected}");
                assert!(cookie.split("; ").any(|part| part == age), "{cookie}");
            }
        }
    }
}

/// An access token may not outlive a session, and one of the longest life does not.
#[test]
fn a_short_session_is_as_long_as_the_longest_access_token() {
    for program in PROGRAMS {
        let mut command = command(program);
        let server = Server::start(command.args(["--store", "memory", "--ttl", "3600"]));
        let answer = post(&server, "/token/login", &login(None));
        assert_eq!(lives(&server, &Pair::of(&answer)), HOUR, "{program}");
    }
}
