//! Tests of requests that are refused before the app is asked.

use std::time::Duration;

use countersign::adapter::RequestHead;
use countersign_tests::Request;

use crate::bed::{Bed, credentials, get, post, same};

#[test]
fn unknown_paths_and_other_methods_are_told_apart() {
    let routes = Bed::new().json();
    assert_eq!(same(&routes, &post("/log-in")).status, 404);
    assert_eq!(same(&routes, &post("/login/")).status, 404);
    // Past what stands in front of `/session/login`, and axum alone would let it through.
    let twice = post("//login").json(credentials("ada"));
    assert_eq!(same(&routes, &twice).status, 404);
    let answer = same(&routes, &get("/login"));
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    let answer = same(&routes, &post("/sessions/AAECAwQFBgcICQoLDA0ODw"));
    assert_eq!(
        (answer.status, answer.header("allow")),
        (405, Some("DELETE"))
    );
}

#[test]
fn a_login_has_to_be_json() {
    let routes = Bed::new().json();
    let bare = |body: &str| Request {
        body: body.to_owned(),
        ..post("/login")
    };
    let body = credentials("ada");
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
    ] {
        let answer = same(&routes, &bare(&body).header("content-type", media_type));
        assert_eq!(answer.status, 415, "{media_type}");
    }
    assert_eq!(same(&routes, &bare(&body)).status, 415);
    let utf8 = bare(&body).header("content-type", "Application/JSON; charset=utf-8");
    assert_eq!(
        countersign_tests::Entry::Core.call(&routes, &utf8).status,
        200
    );
}

#[test]
fn an_unreadable_login_is_a_bad_request() {
    let routes = Bed::new().json();
    for body in [
        "",
        "{",
        "[]",
        "null",
        r#"{"name":"ada"}"#,
        r#"{"name":1,"password":"x"}"#,
        // Of two values, nobody can tell which one counts.
        r#"{"name":"ada","password":"x","other":1,"other":2}"#,
        // JSON in a text, to `serde_json`: it could go to any depth.
        r#"{"name":"ada","password":"x","$serde_json::private::RawValue":"1"}"#,
    ] {
        let request = Request {
            body: body.to_owned(),
            ..post("/login").header("content-type", "application/json")
        };
        let answer = same(&routes, &request);
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.json()["error"], "invalid_request", "{body}");
    }
}

#[test]
fn a_body_over_16_kib_is_too_large_and_one_of_16_kib_is_read() {
    let routes = Bed::new().json();
    let padded = |size: usize| {
        let body = credentials("ada");
        format!("{body}{}", " ".repeat(size - body.len()))
    };
    let over = post("/login").json(padded(16_385));
    assert_eq!(same(&routes, &over).status, 413);
    let just = post("/login").json(padded(16_384));
    for entry in countersign_tests::Entry::ALL {
        assert_eq!(entry.call(&routes, &just).status, 200);
    }
}

#[test]
fn the_hook_stops_a_flood_before_anything_is_checked() {
    let admit = |path: &str, head: &dyn RequestHead| {
        let mut flood = false;
        head.visit_header("x-client", &mut |value| flood = value == b"flood");
        match (path, flood) {
            ("/login", true) => Err(Duration::from_millis(1_500)),
            _ => Ok(()),
        }
    };
    let routes = Bed::new().json().admit(admit);
    let answer = same(
        &routes,
        &post("/login").header("x-client", "flood").json("junk"),
    );
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (429, Some("2"))
    );
    let answer = same(
        &routes,
        &post("/login").header("x-client", "other").json("{}"),
    );
    assert_eq!(answer.status, 400);
}
