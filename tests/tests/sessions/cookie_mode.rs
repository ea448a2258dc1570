//! Tests of tokens in cookies, for browsers.

use std::sync::atomic::Ordering;

use countersign::{AuthCookies, Csrf, SessionRoutes};
use countersign_tests::{Entry, Request, sessions::Exchange};

use crate::bed::{act, credentials, csrf, each, get, post, same};

const NAMES: [&str; 3] = ["__Host-access", "__Host-refresh", "__Host-csrf"];

/// Makes a request one that a page of the server's own origin sends.
fn own(request: Request) -> Request {
    request.header("sec-fetch-site", "same-origin")
}

fn log_in(entry: Entry, routes: &SessionRoutes) -> Exchange {
    let answer = entry.call(routes, &own(post("/login").json(credentials("ada"))));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

/// Returns the value of a cookie that an answer sets.
fn value(answer: &Exchange, name: &str) -> String {
    let start = format!("{name}=");
    let cookies = answer.cookies();
    let cookie = cookies
        .iter()
        .find_map(|cookie| cookie.strip_prefix(&start));
    cookie.unwrap().split(';').next().unwrap().to_owned()
}

/// Adds the cookies of an answer to a request, as a browser sends them to this path.
fn with_cookies(request: Request, answer: &Exchange) -> Request {
    let cookies = NAMES.map(|name| format!("{name}={}", value(answer, name)));
    request.header("cookie", cookies.join("; "))
}

fn assert_cleared(answer: &Exchange) {
    for name in NAMES {
        let cookies = answer.cookies();
        let cookie = cookies
            .iter()
            .find(|cookie| cookie.starts_with(&format!("{name}=;")));
        assert!(
            cookie.is_some_and(|cookie| cookie.contains("Max-Age=0")),
            "{name}: {cookies:?}"
        );
    }
}

#[test]
fn a_login_sets_three_cookies_and_shows_no_token_in_the_body() {
    each(|bed, entry| {
        let answer = log_in(entry, &bed.cookies());
        let mut attributes: Vec<String> = answer
            .cookies()
            .iter()
            .map(|cookie| {
                let (name, rest) = cookie.split_once('=').unwrap();
                let (_, rest) = rest.split_once(';').unwrap();
                format!("{name}:{rest}")
            })
            .collect();
        attributes.sort();
        let session = 14 * 86_400;
        assert_eq!(
            attributes,
            [
                "__Host-access: HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=900".to_owned(),
                format!("__Host-csrf: SameSite=Strict; Secure; Path=/; Max-Age={session}"),
                format!(
                    "__Host-refresh: HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age={session}"
                ),
            ]
        );
        let body = answer.json();
        assert_eq!(
            (&body["token_type"], &body["expires_in"]),
            (&"Bearer".into(), &900.into())
        );
        assert!(body.get("access_token").is_none() && body.get("refresh_token").is_none());
        for name in ["__Host-access", "__Host-refresh"] {
            assert!(!answer.body.contains(&value(&answer, name)));
        }
    });
}

#[test]
fn a_refresh_takes_the_cookie_and_sets_new_ones() {
    each(|bed, entry| {
        let routes = bed.cookies();
        let login = log_in(entry, &routes);
        let answer = entry.call(&routes, &own(with_cookies(act("/refresh"), &login)));
        assert_eq!(answer.status, 200);
        assert_ne!(
            value(&answer, "__Host-refresh"),
            value(&login, "__Host-refresh")
        );
        let none = entry.call(&routes, &own(act("/refresh")));
        assert_eq!(
            (none.status, &none.json()["error"]),
            (400, &"invalid_request".into())
        );
    });
}

#[test]
fn a_refresh_token_in_the_body_does_not_count() {
    each(|bed, entry| {
        let routes = bed.cookies();
        let token = value(&log_in(entry, &routes), "__Host-refresh");
        let body = serde_json::json!({ "refresh_token": token }).to_string();
        let answer = entry.call(&routes, &own(post("/refresh").json(body)));
        assert_eq!(answer.json()["error"], "invalid_request");
    });
}

#[test]
fn terminal_failure_clears_the_cookies_and_an_outage_keeps_them() {
    each(|bed, entry| {
        let routes = bed.cookies();
        let login = log_in(entry, &routes);
        let refresh = || own(with_cookies(act("/refresh"), &login));
        bed.users.down.store(true, Ordering::SeqCst);
        let answer = entry.call(&routes, &refresh());
        assert_eq!((answer.status, answer.cookies().len()), (503, 0));

        bed.users.down.store(false, Ordering::SeqCst);
        bed.users.gone.store(true, Ordering::SeqCst);
        let answer = entry.call(&routes, &refresh());
        assert_eq!(answer.status, 400);
        assert_cleared(&answer);
    });
}

#[test]
fn a_logout_clears_the_cookies_of_anybody() {
    each(|bed, entry| {
        let routes = bed.cookies();
        let login = log_in(entry, &routes);
        let answer = entry.call(&routes, &own(with_cookies(act("/logout"), &login)));
        assert_eq!(answer.status, 204);
        assert_cleared(&answer);
        let refresh = entry.call(&routes, &own(with_cookies(act("/refresh"), &login)));
        assert_eq!(refresh.status, 400);

        let nobody = entry.call(&routes, &own(act("/logout")));
        assert_eq!(nobody.status, 204);
        assert_cleared(&nobody);
    });
}

#[test]
fn a_logout_clears_what_the_browser_keeps_of_the_site_where_that_is_wished() {
    each(|bed, entry| {
        for (routes, expected) in [
            (bed.cookies(), None),
            (
                bed.cookies().clear_site_data(),
                Some("\"cache\", \"storage\""),
            ),
        ] {
            for path in ["/logout", "/logout-all"] {
                let login = log_in(entry, &routes);
                assert_eq!(login.header("clear-site-data"), None);
                let answer = entry.call(&routes, &own(with_cookies(act(path), &login)));
                assert_eq!(answer.status, 204);
                assert_eq!(answer.header("clear-site-data"), expected, "{path}");
            }
        }
    });
}

#[test]
fn ending_the_session_at_hand_clears_the_cookies_and_ending_another_does_not() {
    each(|bed, entry| {
        let routes = bed.cookies();
        let (one, two) = (log_in(entry, &routes), log_in(entry, &routes));
        let end = |login: &Exchange| {
            let id = login.json()["session_id"].as_str().unwrap().to_owned();
            let request = get(&format!("/sessions/{id}")).method("DELETE");
            entry.call(&routes, &own(with_cookies(request, &one)))
        };
        let answer = end(&two);
        assert_eq!((answer.status, answer.cookies().len()), (204, 0));
        let answer = end(&one);
        assert_eq!(answer.status, 204);
        assert_cleared(&answer);
    });
}

#[test]
fn logging_in_again_ends_the_session_that_the_browser_had() {
    each(|bed, entry| {
        let routes = bed.cookies();
        let first = log_in(entry, &routes);
        let again = own(with_cookies(
            post("/login").json(credentials("ada")),
            &first,
        ));
        let second = entry.call(&routes, &again);
        assert_ne!(second.json()["session_id"], first.json()["session_id"]);
        let refresh = |login| entry.call(&routes, &own(with_cookies(act("/refresh"), login)));
        assert_eq!(refresh(&first).status, 400);
        assert_eq!(refresh(&second).status, 200);
    });
}

#[test]
fn a_request_of_another_site_changes_nothing() {
    each(|bed, entry| {
        let routes = bed.cookies();
        let login = log_in(entry, &routes);
        let endpoints = [
            post("/login").json(credentials("bob")),
            act("/logout"),
            act("/logout-all"),
            act("/refresh"),
            get(&format!(
                "/sessions/{}",
                login.json()["session_id"].as_str().unwrap()
            ))
            .method("DELETE"),
        ];
        for endpoint in endpoints {
            for (name, value) in [
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-site", "same-site"),
                ("origin", "https://evil.example"),
                ("origin", "null"),
            ] {
                let request = with_cookies(endpoint.clone(), &login);
                let request = request.header("host", "app.example").header(name, value);
                let answer = entry.call(&routes, &request);
                assert_eq!(answer.status, 403, "{} {value}", endpoint.target);
                assert!(answer.cookies().is_empty());
                assert_eq!(answer.header("www-authenticate"), None);
            }
        }
        // Without its cookies, which `SameSite` keeps back: the answer would clear them.
        for endpoint in ["/logout", "/login", "/refresh"] {
            let answer = entry.call(
                &routes,
                &act(endpoint).header("sec-fetch-site", "cross-site"),
            );
            assert_eq!(
                (answer.status, answer.cookies().len()),
                (403, 0),
                "{endpoint}"
            );
        }
        let refresh = with_cookies(act("/refresh"), &login).header("host", "app.example");
        let answer = entry.call(&routes, &refresh.header("origin", "https://app.example"));
        assert_eq!(answer.status, 200);
    });
}

#[test]
fn a_client_without_such_headers_repeats_the_csrf_cookie() {
    each(|bed, entry| {
        let routes = bed.cookies();
        let bare = post("/login").json(credentials("ada"));
        let login = entry.call(&routes, &bare);
        assert_eq!(login.status, 200);
        let refresh = || with_cookies(act("/refresh"), &login);
        assert_eq!(entry.call(&routes, &refresh()).status, 403);
        let stranger = log_in(entry, &routes);
        let csrf = |answer| value(answer, "__Host-csrf");
        let planted = refresh().header("x-csrf-token", csrf(&stranger));
        assert_eq!(entry.call(&routes, &planted).status, 403);
        let good = refresh().header("x-csrf-token", csrf(&login));
        assert_eq!(entry.call(&routes, &good).status, 200);
    });
}

#[test]
fn reading_needs_no_such_proof() {
    each(|bed, entry| {
        let routes = bed.cookies();
        let login = log_in(entry, &routes);
        let answer = entry.call(&routes, &with_cookies(get("/sessions"), &login));
        assert_eq!(answer.status, 200);
        let bearer = format!("Bearer {}", value(&login, "__Host-access"));
        let answer = entry.call(&routes, &get("/sessions").header("authorization", bearer));
        assert_eq!(answer.status, 401);
    });
}

#[test]
fn what_a_form_can_send_is_refused_although_it_seems_to_come_from_the_own_site() {
    each(|bed, entry| {
        // As a service worker sends the form of another site.
        let routes = bed.cookies();
        let login = log_in(entry, &routes);
        for endpoint in ["/login", "/refresh", "/logout", "/logout-all"] {
            for media_type in [
                None,
                Some("text/plain"),
                Some("text/plain;charset=UTF-8"),
                Some("application/x-www-form-urlencoded"),
                Some("multipart/form-data; boundary=x"),
                Some("application/jsonp"),
            ] {
                let mut request = own(with_cookies(post(endpoint), &login));
                request.body = credentials("bob");
                if let Some(media_type) = media_type {
                    request = request.header("content-type", media_type);
                }
                let answer = entry.call(&routes, &request);
                let seen = (answer.status, answer.cookies().len());
                assert_eq!(seen, (415, 0), "{endpoint} {media_type:?}");
            }
        }
        let refresh = own(with_cookies(act("/refresh"), &login));
        assert_eq!(entry.call(&routes, &refresh).status, 200);
    });
}

#[test]
fn a_required_value_is_asked_for_on_every_route_that_changes_something() {
    each(|bed, entry| {
        let routes = bed.cookies().csrf(csrf().require_token().unwrap());
        let login = log_in(entry, &routes);
        let id = login.json()["session_id"].as_str().unwrap().to_owned();
        let end = get(&format!("/sessions/{id}")).method("DELETE").json("");
        let value = value(&login, "__Host-csrf");
        for request in [act("/refresh"), act("/logout"), act("/logout-all"), end] {
            let request = own(with_cookies(request, &login));
            let target = request.target.clone();
            let answer = entry.call(&routes, &request);
            let detail = &answer.json()["detail"];
            assert_eq!(answer.status, 403, "{target}");
            assert!(
                detail.as_str().unwrap().contains("X-CSRF-Token"),
                "{detail}"
            );
        }
        let nobody = entry.call(&routes, &own(act("/logout")));
        assert_eq!(nobody.status, 204);
        let refresh = own(with_cookies(act("/refresh"), &login)).header(Csrf::HEADER, value);
        let next = entry.call(&routes, &refresh);
        assert_eq!(next.status, 200);
        let value = self::value(&next, "__Host-csrf");
        let log_out = own(with_cookies(act("/logout"), &next)).header(Csrf::HEADER, value);
        assert_eq!(entry.call(&routes, &log_out).status, 204);
    });
}

#[test]
fn two_sets_of_cookies_keep_two_mounts_apart() {
    each(|bed, entry| {
        let page = bed.cookies();
        let spa = bed.cookies_like(AuthCookies::named("spa").unwrap().access_token_in_body());
        let login = log_in(entry, &page);
        let other = log_in(entry, &spa);
        for cookie in other.cookies() {
            let name = cookie.split('=').next().unwrap();
            assert!(!NAMES.contains(&name), "{name}");
        }
        let cookie = format!("__Host-spa-refresh={}", value(&other, "__Host-spa-refresh"));
        let both = |request| own(with_cookies(request, &login)).header("cookie", &cookie);
        assert_eq!(entry.call(&spa, &both(act("/logout"))).status, 204);
        assert_eq!(entry.call(&spa, &both(act("/refresh"))).status, 400);
        assert_eq!(entry.call(&page, &both(act("/refresh"))).status, 200);
    });
}

#[test]
fn two_refresh_cookies_are_refused() {
    each(|bed, entry| {
        let routes = bed.cookies();
        let login = log_in(entry, &routes);
        let two = |endpoint| {
            let request = with_cookies(own(act(endpoint)), &login);
            request.header("cookie", "__Host-refresh=planted")
        };
        let answer = same(&routes, &two("/refresh"));
        assert_eq!((answer.status, answer.cookies().len()), (401, 0));

        // The access token still names the session to end.
        let answer = entry.call(&routes, &two("/logout"));
        assert_eq!(answer.status, 204);
        assert_cleared(&answer);
        let refresh = own(with_cookies(act("/refresh"), &login));
        assert_eq!(entry.call(&routes, &refresh).status, 400);
    });
}

#[test]
fn a_token_that_becomes_too_large_does_not_cost_the_session() {
    each(|bed, entry| {
        let routes = bed.cookies();
        let login = log_in(entry, &routes);
        let refresh = || entry.call(&routes, &own(with_cookies(act("/refresh"), &login)));
        bed.users.large.store(true, Ordering::SeqCst);
        assert_eq!(refresh().status, 500);
        bed.advance(60);
        bed.users.large.store(false, Ordering::SeqCst);
        assert_eq!(refresh().status, 200);
    });
}

#[test]
fn a_token_that_is_too_large_for_a_cookie_is_our_mistake_and_said_aloud() {
    each(|bed, entry| {
        let routes = bed.cookies();
        bed.users.large.store(true, Ordering::SeqCst);
        let answer = entry.call(&routes, &own(post("/login").json(credentials("ada"))));
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (500, &"server_error".into())
        );
        assert!(answer.cookies().is_empty());
        assert_eq!(
            entry
                .call(&bed.json(), &post("/login").json(credentials("ada")))
                .status,
            200
        );
    });
}
