//! Tests of cookies that browsers, or proxies on the way, would not let through.

use std::io;

use countersign::{
    AuthCookies, ConfigError, Csrf, SessionRoutes, Sessions,
    session::{Identity, SignIn},
};
use countersign_tests::{Entry, Request, sessions::MOUNT};
use serde_json::json;
use tracing::Level;

use crate::{
    bed::{Bed, credentials, csrf, each, post, same},
    log_lines::Log,
};

/// An origin of another site that the app has allowed.
const PAGE: &str = "https://page.test";

fn allowed(origin: &str) -> Csrf {
    csrf().allow_origin(origin).unwrap()
}

fn login(site: &str, origin: &str) -> Request {
    let request = post("/login").json(credentials("ada"));
    request
        .header("sec-fetch-site", site)
        .header("origin", origin)
}

#[test]
fn a_login_whose_cookies_would_be_dropped_is_refused_and_says_so() {
    each(|bed, entry| {
        let routes = bed.cookies_like(AuthCookies::new()).csrf(allowed(PAGE));
        let answer = entry.call(&routes, &login("cross-site", PAGE));
        let body = answer.json();
        assert_eq!(
            (answer.status, &body["error"]),
            (403, &"invalid_request".into())
        );
        let text = body["error_description"].as_str().unwrap();
        assert!(text.contains("keep no cookies"), "{text}");
        assert!(answer.cookies().is_empty());
        // The nearest ones that a browser keeps.
        assert_eq!(entry.call(&routes, &login("same-site", PAGE)).status, 200);
        assert_eq!(entry.call(&routes, &login("same-origin", PAGE)).status, 200);
        let lax = Bed::new().cookies_like(AuthCookies::new().same_site_lax());
        let lax = lax.csrf(allowed(PAGE));
        assert_eq!(entry.call(&lax, &login("cross-site", PAGE)).status, 403);
        let framed = Bed::new().cookies_like(AuthCookies::new().same_site_none_partitioned());
        let framed = framed.csrf(allowed(PAGE));
        assert_eq!(entry.call(&framed, &login("cross-site", PAGE)).status, 200);
        assert_eq!(
            entry.call(&bed.json(), &login("cross-site", PAGE)).status,
            200
        );
    });
}

#[test]
fn a_login_whose_cookies_are_dropped_is_told_once() {
    let bed = Bed::new();
    let app = "capacitor://localhost";
    let bare = |origin: &str, host: &str| {
        let request = post("/login").json(credentials("ada"));
        request.header("origin", origin).header("host", host)
    };
    let warnings = |routes: &SessionRoutes, request: &Request| {
        let mut lines = Log::of(Level::WARN, || {
            for _ in 0..3 {
                let _ = Entry::Core.call(routes, request);
            }
        });
        lines.retain(|line| line.contains("browsers drop"));
        lines.len()
    };
    let fresh = |origin| bed.cookies_like(AuthCookies::new()).csrf(allowed(origin));
    assert_eq!(warnings(&fresh(PAGE), &login("cross-site", PAGE)), 1);
    // Nobody says which site this is, and it may be the same one.
    let local = "http://localhost:3000";
    for (origin, host, lines) in [
        (app, "api.test", 1),
        (local, "api.test", 1),
        ("http://127.0.0.1:3000", "api.test:8443", 1),
        ("http://localhost.test", "api.test", 0),
        (local, "localhost:8080", 0),
        (local, "127.0.0.1:8080", 0),
        (PAGE, "api.test", 0),
    ] {
        let (routes, request) = (fresh(origin), bare(origin, host));
        assert_eq!(warnings(&routes, &request), lines, "{origin} at {host}");
        assert_eq!(
            same(&bed.json(), &bare("null", host).target("/session/x")).status,
            404
        );
        assert_eq!(
            Entry::Core.call(&routes, &request).status,
            200,
            "{origin} at {host}"
        );
    }
}

/// Routes whose access tokens have so many bytes more.
fn with_claims(sessions: &Sessions, name: &str, size: usize) -> SessionRoutes {
    let sign_in = move |_: SignIn<serde_json::Value>| async move {
        Ok::<_, io::Error>(Some(Identity::new(
            "ada",
            json!({ "text": "a".repeat(size) }),
        )))
    };
    SessionRoutes::cookies(sessions.clone(), AuthCookies::named(name).unwrap(), sign_in).unwrap()
}

#[test]
fn large_cookies_are_told_once_and_too_large_ones_with_their_size() {
    let bed = Bed::new();
    let lines = |size: usize, status: u16| {
        let routes = with_claims(&bed.sessions, &format!("n{size}"), size);
        let mut lines = Log::of(Level::WARN, || {
            for _ in 0..3 {
                let answer = Entry::Core.call(&routes, &login("same-origin", PAGE));
                assert_eq!(answer.status, status);
            }
        });
        lines.retain(|line| line.contains("cookie"));
        lines
    };
    assert_eq!(lines(1_500, 200), Vec::<String>::new());
    let large = lines(2_400, 200);
    assert_eq!(large.len(), 1, "{large:?}");
    assert!(
        large[0].contains("proxy_buffer_size") && large[0].contains("bytes="),
        "{large:?}"
    );
    let refused = lines(3_000, 500);
    assert!(
        refused[0].contains("beyond 4096") && refused[0].contains("claims"),
        "{refused:?}"
    );
    assert!(!refused.concat().contains("aaaa"));
}

#[test]
fn names_that_leave_no_room_for_a_token_are_an_error_at_start() {
    let bed = Bed::new();
    let make = |bytes: usize| {
        let cookies = AuthCookies::named("n".repeat(bytes)).unwrap();
        let sign_in = async |_: SignIn<()>| Ok::<Option<Identity<()>>, io::Error>(None);
        SessionRoutes::cookies_at(MOUNT, bed.sessions.clone(), cookies, sign_in)
    };
    assert!(make(500).is_ok());
    match make(600) {
        Err(ConfigError::Conflict(text)) => assert!(text.contains("shorter names"), "{text}"),
        other => panic!("{other:?}"),
    }
}
