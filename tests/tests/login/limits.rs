//! Failed logins are limited, without a setting for it.

use serde_json::json;

use crate::servers::{PROGRAMS, log_in, post, start};

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
