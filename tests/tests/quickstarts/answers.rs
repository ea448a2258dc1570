//! What a client gets: the same from both servers.

use std::thread;

use countersign_tests::{
    Answer, Request,
    server::{Body, Connection},
};
use serde_json::json;

use crate::programs::{ADMIN, PASSWORD, Pair, USER, body, credentials, forge, json_login, log_in};

const HOW_TO_LOG_IN: &str =
    r#"Send JSON like {"email": "user@example.com", "password": "password123"}"#;
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
        assert_eq!(answer, message(401, "Invalid email or password"), "{email}");
    }
}

#[test]
fn a_login_that_cannot_be_read_is_told_how_to_log_in() {
    let pair = Pair::start();
    let wrong_json = message(400, HOW_TO_LOG_IN);
    assert_eq!(pair.send(&json_login(), Body::None), wrong_json);
    for text in ["", "hello", r#"{"email":"user@"#, "{]"] {
        let answer = pair.send(&json_login(), Body::Sized(text.as_bytes()));
        assert_eq!(answer, wrong_json, "{text}");
    }
    for text in [
        r#"{"email":1,"password":2}"#,
        r#"{"email":"user@example.com","password":null}"#,
        r#"{"email":"user@example.com"}"#,
        r#"{"email":"user@example.com","email":"a","password":"b"}"#,
        "null",
    ] {
        let answer = pair.send(&json_login(), Body::Sized(text.as_bytes()));
        assert_eq!(answer, message(422, HOW_TO_LOG_IN), "{text}");
    }
}

#[test]
fn a_login_of_another_media_type_is_told_to_send_json() {
    let pair = Pair::start();
    let login = credentials(USER, PASSWORD);
    let told = message(
        415,
        "Send JSON, with the header content-type: application/json",
    );
    let request = Request::get().method("POST").target("/login");
    assert_eq!(pair.send(&request, Body::Sized(&login)), told);
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "", "//"] {
        let request = request.clone().header("content-type", media_type);
        let answer = pair.send(&request, Body::Sized(&login));
        assert_eq!(answer, told, "{media_type}");
    }
}

#[test]
fn a_login_of_1_mib_is_too_large_whether_it_says_so_or_not() {
    let pair = Pair::start();
    let login = credentials(USER, &"a".repeat(MIB));
    let told = message(413, "The body is too large: send at most 16 KiB");
    assert_eq!(pair.send(&json_login(), Body::Sized(&login)), told);
    assert_eq!(pair.send(&json_login(), Body::Chunked(&login)), told);
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

    let failed = "Authentication failed";
    let bare = challenge(401, "Bearer", failed);
    assert_eq!(pair.send(&page, Body::None), bare);
    assert_eq!(with("Basic dXNlcjpwYXNzd29yZA=="), bare);

    let good = pair.token(USER);
    let answer = with(&format!("Bearer {good}"));
    let text = "You are authorized to access this resource";
    assert_eq!(answer.status, 200);
    assert_eq!(
        body(&answer),
        json!({ "message": text, "userId": "user-1" })
    );

    let malformed = r#"Bearer error="invalid_token", error_description="the token is malformed""#;
    assert_eq!(with("Bearer a.b.c"), challenge(401, malformed, failed));
    let forged =
        r#"Bearer error="invalid_token", error_description="the signature does not match""#;
    assert_eq!(
        with(&format!("Bearer {}", forge(&good, 1))),
        challenge(401, forged, failed)
    );

    let text = "the credentials are malformed";
    let unclear = format!(r#"Bearer error="invalid_request", error_description="{text}""#);
    for credentials in ["Bearer", "Bearer a b", "Bearer\ta.b.c"] {
        let answer = with(credentials);
        assert_eq!(answer, challenge(400, &unclear, text), "{credentials}");
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
        let claims = json!({ "sub": sub, "email": email, "role": role });
        assert_eq!(body(&answer), claims);
    }
}

#[test]
fn the_admin_page_is_for_admins() {
    let pair = Pair::start();
    let page = |email: &str| {
        pair.send(
            &Request::bearer(&pair.token(email)).target("/admin"),
            Body::None,
        )
    };
    let not_enough =
        r#"Bearer error="insufficient_scope", error_description="the token does not permit this""#;
    assert_eq!(page(USER), challenge(403, not_enough, "Forbidden"));
    assert_eq!(page(ADMIN), message(200, "Welcome, admin"));
    let nobody = pair.send(&Request::get().target("/admin"), Body::None);
    assert_eq!(nobody, challenge(401, "Bearer", "Authentication failed"));
}

#[test]
fn an_unknown_path_is_not_found_with_a_token_or_without() {
    let pair = Pair::start();
    let not_found = message(404, "Not found");
    let token = pair.token(USER);
    for request in [Request::get(), Request::bearer(&token)] {
        for path in ["/nothing", "/", "/protected/"] {
            let answer = pair.send(&request.clone().target(path), Body::None);
            assert_eq!(answer, not_found, "{path}");
        }
    }
}

#[test]
fn headers_of_64_kib_are_too_large() {
    let pair = Pair::start();
    let large = "a".repeat(64 << 10);
    let login = credentials(USER, PASSWORD);
    let told = message(431, "The headers are too large: send at most 16 KiB");
    let page = Request::get().target("/protected");
    for (request, body) in [
        (page.clone().header("x-large", &large), Body::None),
        (Request::bearer(&large).target("/protected"), Body::None),
        (
            json_login().header("x-large", &large),
            Body::Sized(login.as_slice()),
        ),
    ] {
        assert_eq!(pair.send(&request, body), told);
    }
}

#[test]
fn what_answers_a_login_is_not_to_be_stored() {
    for server in Pair::start().0 {
        let mut connection = Connection::open(server.address());
        for (password, status) in [(PASSWORD, 200), ("password124", 401)] {
            let login = credentials(USER, password);
            let answer = connection.send(&json_login(), Body::Sized(&login));
            assert_eq!(answer.status, status);
            assert_eq!(connection.header("cache-control"), Some("no-store"));
        }
        for body in [Body::None, Body::Sized(b"{]")] {
            assert_eq!(connection.send(&json_login(), body).status, 400);
            assert_eq!(connection.header("cache-control"), Some("no-store"));
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
            assert_eq!(answer, message(401, "Invalid email or password"));
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
            assert_eq!(connection.header("cache-control"), Some("no-store"));
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
        // Several at once: it has to be done within a minute.
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
        // It has logged in here before.
        let _ = log_in(&server, USER);
    }
}

#[test]
fn of_200_logins_at_once_some_are_told_to_try_again_and_the_next_one_works() {
    let busy = Answer {
        retry_after: Some("1".to_owned()),
        ..message(503, "Too many logins at once, try again")
    };
    for server in Pair::start().0 {
        let _ = log_in(&server, USER);
        // Ten at once are all that one account may try.
        let crowd: Vec<_> = (0..200)
            .map(|n| {
                let login = credentials(&format!("guest-{n}@example.com"), PASSWORD);
                (Connection::open(server.address()), login)
            })
            .collect();
        let mut answers: Vec<_> = thread::scope(|scope| {
            let send = |(mut connection, login): (Connection, Vec<u8>)| {
                scope.spawn(move || connection.send(&json_login(), Body::Sized(&login)))
            };
            let crowd: Vec<_> = crowd.into_iter().map(send).collect();
            crowd.into_iter().map(|one| one.join().unwrap()).collect()
        });
        // A hundred of the address have failed by then, if the server is fast.
        answers.retain(|answer| answer.status != 429);
        let (checked, refused): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.status == 401);
        assert!(!checked.is_empty());
        assert!(!refused.is_empty());
        for answer in refused {
            assert_eq!(*answer, busy);
        }
        let _ = log_in(&server, USER);
    }
}

#[test]
fn a_login_works_soon_after_200_clients_asked_for_one_and_left() {
    for server in Pair::start().0 {
        // Who has logged in here has attempts of its own: those that are given up count as failed.
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
fn a_client_that_never_ends_the_head_of_its_request_is_disconnected() {
    let pair = Pair::start();
    let [axum, actix] = pair.0.each_ref().map(|server| {
        let mut connection = Connection::open(server.address());
        connection.write(b"GET / HT");
        connection
    });
    assert_eq!(axum.rest(), "");
    let told = actix.rest();
    assert!(told.starts_with("HTTP/1.1 408 "), "{told}");
}

#[test]
fn clients_that_stop_within_their_body_are_told_408_and_hold_no_login_up() {
    const CLIENTS: usize = 100;
    for server in Pair::start().0 {
        let login = credentials(USER, PASSWORD);
        let stalled: Vec<_> = [Body::Sized(&login), Body::Chunked(&login)]
            .into_iter()
            .cycle()
            .take(CLIENTS)
            .map(|body| {
                let mut connection = Connection::open(server.address());
                connection.stall(&json_login(), body);
                connection
            })
            .collect();
        let _ = log_in(&server, USER);
        for mut connection in stalled {
            assert_eq!(connection.answer().status, 408);
            assert_eq!(connection.header("connection"), Some("close"));
            assert_eq!(connection.rest(), "");
        }
    }
}

#[test]
fn what_needs_a_token_is_not_to_be_stored() {
    let pair = Pair::start();
    let token = pair.token(USER);
    for server in &pair.0 {
        let mut connection = Connection::open(server.address());
        for path in ["/admin", "/profile", "/protected"] {
            for request in [Request::get(), Request::bearer(&token)] {
                let answer = connection.send(&request.target(path), Body::None);
                let told = connection.header("cache-control");
                assert_eq!(told, Some("no-store"), "{path}: {answer:?}");
            }
        }
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

fn message(status: u16, text: &str) -> Answer {
    Answer {
        status,
        content_type: Some("application/json".to_owned()),
        body: json!({ "message": text }).to_string(),
        ..Answer::default()
    }
}

fn challenge(status: u16, challenge: &str, text: &str) -> Answer {
    Answer {
        www_authenticate: Some(challenge.to_owned()),
        ..message(status, text)
    }
}
