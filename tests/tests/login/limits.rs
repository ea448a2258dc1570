//! Tests that failed logins are limited by default.

use std::thread;

use countersign_tests::{
    Request,
    server::{Body, Connection},
};
use serde_json::json;

use crate::servers::{PROGRAMS, log_in, post, start};

#[test]
fn one_password_on_a_hundred_accounts_closes_the_address_to_the_next_one() {
    for program in PROGRAMS {
        let server = start(program);
        log_in(&server);
        let address = server.address();
        let guess = move |n: usize| {
            let guess = json!({ "email": format!("guest-{n}@example.com"), "password": "a guess" });
            let request = Request::post("/token/login").json(guess.to_string());
            let body = Body::Sized(request.body.as_bytes());
            Connection::open(address).send(&request, body).status
        };
        // Several at once, so that it is done within a minute.
        thread::scope(|scope| {
            for turn in 0..4 {
                scope.spawn(move || {
                    for n in (turn..100).step_by(4) {
                        assert_eq!(guess(n), 401, "{program}");
                    }
                });
            }
        });
        assert_eq!(guess(100), 429, "{program}");
        // This client has logged in here before.
        log_in(&server);
    }
}

#[test]
fn the_eleventh_wrong_password_in_a_minute_is_429_and_another_account_logs_in_meanwhile() {
    for program in PROGRAMS {
        let server = start(program);
        // Both mounts count together.
        for path in ["/token/login", "/session/login"].iter().cycle().take(10) {
            let wrong = json!({ "email": "admin@example.com", "password": "a guess" });
            assert_eq!(post(&server, path, &wrong).status, 401, "{program}");
        }
        for (path, email) in [
            ("/token/login", "admin@example.com"),
            ("/session/login", " ADMIN@example.com"),
        ] {
            let right = json!({ "email": email, "password": "password123" });
            let answer = post(&server, path, &right);
            assert_eq!(answer.status, 429, "{program}");
            let wait: u32 = answer.retry_after.unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
        }
        log_in(&server);
    }
}
