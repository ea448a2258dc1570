//! Tests of the answers that a client gets: the same from both servers.

use std::thread;

use countersign_tests::{
    Answer, Request,
    server::{Body, Connection},
};
use serde_json::json;

use crate::programs::{ADMIN, PASSWORD, Pair, USER, body, credentials, forge, json_login, log_in};

const MIB: usize = 1 << 20;

#[test]
fn a_login_gets_a_token_of_three_parts() {
    for server in Pair::start().0 {
        for email in [USER, ADMIN] {
            let token = log_in(&server, email);
            let parts: Vec<_> = token.split('.').collect();
            assert_eq!(parts.len(), 3, "{token}");
            assert!(parts.iter().all(|part| !part.is_empty()), "{token}");
        }
    }
}

#[test]
fn a_wrong_login_does_not_say_what_is_wrong() {
    let pair = Pair::start();
    for (email, password) in [
        (USER, "password124"),
        (USER, ""),
        ("eve@example.com", PASSWORD),
    ] {
        let login = credentials(email, password);
        let answer = pair.send(&json_login(), Body::Sized(&login));
        let text = "wrong email address or password";
        assert_eq!((answer.status, &*answer.body), (401, text), "{email}");
    }
}

#[test]
fn a_login_that_cannot_be_read_is_refused_as_the_framework_does() {
    for server in Pair::start().0 {
        for text in ["", "hello", "{]", "null", r#"{"email":1,"password":2}"#] {
            let answer = server.send(&json_login(), Body::Sized(text.as_bytes()));
            assert!([400, 422].contains(&answer.status), "{text}: {answer:?}");
        }
        let plain = Request::get().method("POST").target("/login");
        let plain = plain.header("content-type", "text/plain");
        let answer = server.send(&plain, Body::Sized(&credentials(USER, PASSWORD)));
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
}

#[test]
fn a_login_of_1_mib_is_too_large_whether_it_says_so_or_not() {
    let login = credentials(USER, &"a".repeat(MIB));
    for server in Pair::start().0 {
        for body in [Body::Sized(&login), Body::Chunked(&login)] {
            assert_eq!(server.send(&json_login(), body).status, 413);
        }
    }
}

#[test]
fn an_answer_with_a_token_is_not_to_be_stored() {
    for server in Pair::start().0 {
        let mut connection = Connection::open(server.address());
        let login = credentials(USER, PASSWORD);
        let answer = connection.send(&json_login(), Body::Sized(&login));
        assert_eq!(answer.status, 200);
        assert_eq!(connection.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn a_login_in_chunks_is_as_good_as_one_of_a_known_length() {
    let pair = Pair::start();
    let mut login = credentials(USER, PASSWORD);
    login.resize(16 << 10, b' ');
    for server in &pair.0 {
        for body in [Body::Chunked(&login), Body::Sized(&login)] {
            let answer = server.send(&json_login(), body);
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
}

#[test]
fn the_protected_page_takes_a_good_token_only() {
    let pair = Pair::start();
    let page = Request::get().target("/protected");
    let with = |credentials: &str| {
        let request = page.clone().header("authorization", credentials);
        pair.send(&request, Body::None)
    };

    let refused = |answer: &Answer| {
        let problem = answer.content_type.as_deref() == Some("application/problem+json");
        assert!(problem, "{answer:?}");
        (answer.status, answer.www_authenticate.clone().unwrap())
    };
    let bare = (401, "Bearer".to_owned());
    assert_eq!(refused(&pair.send(&page, Body::None)), bare);
    assert_eq!(refused(&with("Basic dXNlcjpwYXNzd29yZA==")), bare);

    let good = pair.token(USER);
    let answer = with(&format!("Bearer {good}"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, "user-1, you may see this");

    let invalid = |text| format!(r#"Bearer error="invalid_token", error_description="{text}""#);
    let malformed = (401, invalid("the token is malformed"));
    assert_eq!(refused(&with("Bearer a.b.c")), malformed);
    let forged = format!("Bearer {}", forge(&good, 1));
    assert_eq!(
        refused(&with(&forged)),
        (401, invalid("the signature does not match"))
    );

    let text = "the credentials are malformed";
    let unclear = format!(r#"Bearer error="invalid_request", error_description="{text}""#);
    for credentials in ["Bearer", "Bearer a b", "Bearer\ta.b.c"] {
        assert_eq!(
            refused(&with(credentials)),
            (400, unclear.clone()),
            "{credentials}"
        );
    }
}

#[test]
fn the_profile_shows_the_claims_of_the_token() {
    let pair = Pair::start();
    for (email, sub, role) in [(USER, "user-1", "user"), (ADMIN, "user-2", "admin")] {
        let answer = pair.send(
            &Request::bearer(&pair.token(email)).target("/profile"),
            Body::None,
        );
        assert_eq!(answer.status, 200, "{answer:?}");
        let claims = json!({ "sub": sub, "role": role });
        assert_eq!(body(&answer), claims);
    }
}

#[test]
fn the_admin_page_is_for_admins() {
    let pair = Pair::start();
    let page = |email: &str| {
        let request = Request::bearer(&pair.token(email)).target("/admin");
        pair.send(&request, Body::None)
    };
    let refused = page(USER);
    assert_eq!(
        (refused.status, refused.error()),
        (403, Some("insufficient_scope"))
    );
    let let_in = page(ADMIN);
    assert_eq!((let_in.status, &*let_in.body), (200, "Welcome, admin"));
    let nobody = pair.send(&Request::get().target("/admin"), Body::None);
    assert_eq!(nobody.status, 401);
}

#[test]
fn an_unknown_path_is_not_found_with_a_token_or_without() {
    let pair = Pair::start();
    let token = pair.token(USER);
    for request in [Request::get(), Request::bearer(&token)] {
        for path in ["/nothing", "/", "/protected/"] {
            let answer = pair.send(&request.clone().target(path), Body::None);
            assert_eq!(answer.status, 404, "{path}");
        }
    }
}

#[test]
fn the_eleventh_wrong_password_in_a_minute_is_429_and_another_account_logs_in_meanwhile() {
    for server in Pair::start().0 {
        let mut connection = Connection::open(server.address());
        let wrong = credentials(ADMIN, "a guess");
        for _ in 0..10 {
            let answer = connection.send(&json_login(), Body::Sized(&wrong));
            assert_eq!(answer.status, 401);
        }
        for (email, password) in [
            (ADMIN, "a guess"),
            (ADMIN, PASSWORD),
            (" ADMIN@example.com", PASSWORD),
        ] {
            let login = credentials(email, password);
            let answer = connection.send(&json_login(), Body::Sized(&login));
            assert_eq!(answer.status, 429, "{email}: {answer:?}");
            assert_eq!(body(&answer)["error"], "too_many_requests");
            let wait: u32 = answer.retry_after.unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
        let _ = log_in(&server, USER);
    }
}

#[test]
fn one_password_on_a_hundred_accounts_closes_the_address_to_the_next_one() {
    for server in Pair::start().0 {
        let _ = log_in(&server, USER);
        let address = server.address();
        let guess = move |n: usize| {
            let login = credentials(&format!("guest-{n}@example.com"), "a guess");
            let mut connection = Connection::open(address);
            connection.send(&json_login(), Body::Sized(&login)).status
        };
        // Several at once, so that it is done within a minute.
        thread::scope(|scope| {
            for turn in 0..4 {
                scope.spawn(move || {
                    for n in (turn..100).step_by(4) {
                        assert_eq!(guess(n), 401);
                    }
                });
            }
        });
        assert_eq!(guess(100), 429);
        // This client has logged in here before.
        let _ = log_in(&server, USER);
    }
}

#[test]
fn a_login_works_soon_after_200_clients_asked_for_one_and_left() {
    for server in Pair::start().0 {
        // A client that has logged in here has attempts of its own: those that are given up count
        // as failed.
        let _ = log_in(&server, USER);
        let login = credentials(USER, PASSWORD);
        for n in 0..200 {
            let gone = credentials(&format!("guest-{n}@example.com"), PASSWORD);
            Connection::open(server.address()).send_only(&json_login(), Body::Sized(&gone));
        }
        let mut connection = Connection::open(server.address());
        let answer = (0..100_000)
            .map(|_| connection.send(&json_login(), Body::Sized(&login)))
            .find(|answer| answer.status != 503);
        assert_eq!(answer.map(|answer| answer.status), Some(200));
    }
}

#[test]
fn after_1000_bad_tokens_from_50_clients_at_once_a_good_login_works() {
    let (clients, requests) = (50, 20);
    for server in Pair::start().0 {
        let good = &log_in(&server, USER);
        // All are connected before the first one sends.
        let open = |client| (client, Connection::open(server.address()));
        let crowd: Vec<_> = (0..clients).map(open).collect();
        thread::scope(|scope| {
            for (client, mut connection) in crowd {
                scope.spawn(move || {
                    for n in 0..requests {
                        let token = forge(good, client * requests + n);
                        let page = Request::bearer(&token).target("/protected");
                        let answer = connection.send(&page, Body::None);
                        assert_eq!(
                            (answer.status, answer.error()),
                            (401, Some("invalid_token"))
                        );
                    }
                });
            }
        });
        let page = Request::bearer(&log_in(&server, USER)).target("/protected");
        assert_eq!(server.send(&page, Body::None).status, 200);
    }
}
