//! Tests of accounts that need more than a password.

use countersign::{Clock, SystemClock};
use countersign_tests::{
    Answer,
    server::{Process, Server},
};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret, Totp};

use crate::servers::{PROGRAMS, Pair, command, get, log_in, post, profile, refresh, start};

/// Sends a login of the account with a second factor.
fn with_code(server: &Server, code: Option<&str>) -> Answer {
    let login = json!({ "email": "totp@example.com", "password": "password123", "code": code });
    post(server, "/token/login", &login)
}

fn authenticator() -> Totp {
    let key = Secret::try_from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
    Builder::new().with_secret(key).build().unwrap()
}

/// Returns the code of now, or that of so many steps later. The server takes both the current one and the next.
fn code(later: u64) -> String {
    let now = SystemClock.now().unsigned_abs();
    authenticator().generate(now + 30 * later).to_string()
}

/// Returns a code that nobody has for some minutes.
fn wrong_code() -> String {
    let near: Vec<_> = (0..10).map(code).collect();
    let mut all = (0..).map(|number| format!("{number:06}"));
    all.find(|code| !near.contains(code)).unwrap()
}

fn error(answer: &Answer) -> (u16, Value) {
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    (answer.status, body["error"].clone())
}

#[test]
fn a_login_with_password_and_code_is_still_one_after_ten_refreshes() {
    for program in PROGRAMS {
        let server = start(program);
        let asked = with_code(&server, None);
        assert_eq!(error(&asked), (401, "second_factor".into()), "{program}");
        assert_eq!(asked.www_authenticate.as_deref(), Some("Bearer"));
        let wrong = with_code(&server, Some(&wrong_code()));
        assert_eq!(error(&wrong), (401, "invalid_grant".into()), "{program}");

        let mut pair = Pair::of(&with_code(&server, Some(&code(0))));
        let auth_time = pair.claims()["auth_time"].clone();
        assert!(auth_time.is_i64(), "{auth_time}");
        for turn in 0..=10 {
            let claims = pair.claims();
            assert_eq!(claims["acr"], "urn:example:aal2", "{program} {turn}");
            assert_eq!(claims["amr"], json!(["pwd", "otp"]));
            assert_eq!(claims["auth_time"], auth_time);
            assert_eq!(get(&server, "/api/vault", &pair.access).status, 200);
            pair = Pair::of(&refresh(&server, &pair.refresh));
        }
    }
}

#[test]
fn a_code_is_taken_once_and_the_next_one_too() {
    for program in PROGRAMS {
        let server = start(program);
        let first = code(0);
        assert_eq!(with_code(&server, Some(&first)).status, 200, "{program}");
        let again = with_code(&server, Some(&first));
        assert_eq!(error(&again), (401, "invalid_grant".into()), "{program}");
        assert_eq!(with_code(&server, Some(&code(1))).status, 200, "{program}");
    }
}

#[test]
fn a_login_by_password_alone_is_asked_for_more_by_the_vault_only() {
    for program in PROGRAMS {
        let server = start(program);
        let pair = log_in(&server);
        assert_eq!(pair.claims()["amr"], json!(["pwd"]));
        assert_eq!(pair.claims()["acr"], Value::Null);
        let refused = get(&server, "/api/vault", &pair.access);
        let code = "insufficient_user_authentication";
        assert_eq!(error(&refused), (401, code.into()), "{program}");
        let challenge = refused.www_authenticate.unwrap();
        let wanted = r#"acr_values="urn:example:aal2""#;
        assert!(challenge.contains(code) && challenge.contains(wanted));
        assert_eq!(profile(&server, &pair.access).status, 200, "{program}");
    }
}

#[test]
fn a_wrong_code_counts_as_a_wrong_password_and_the_question_for_it_does_not() {
    for program in PROGRAMS {
        let server = start(program);
        let wrong = wrong_code();
        for _ in 0..15 {
            assert_eq!(with_code(&server, None).status, 401, "{program}");
        }
        for _ in 0..10 {
            assert_eq!(with_code(&server, Some(&wrong)).status, 401, "{program}");
        }
        assert_eq!(with_code(&server, Some(&code(0))).status, 429, "{program}");
    }
}

#[test]
fn a_locked_account_is_told_to_whoever_knows_its_password() {
    for program in PROGRAMS {
        let server = start(program);
        let log_in = |password: &str| {
            let login = json!({ "email": "locked@example.com", "password": password });
            post(&server, "/token/login", &login)
        };
        for _ in 0..15 {
            let refused = log_in("password123");
            assert_eq!(
                (refused.status, &*refused.body),
                (403, r#"{"error":"locked"}"#)
            );
        }
        let wrong = log_in("password124");
        assert_eq!(error(&wrong), (401, "invalid_grant".into()), "{program}");
    }
}

#[test]
fn the_program_says_the_code_of_now() {
    for program in PROGRAMS {
        let server = start(program);
        let ended = Process::start(command(program).arg("--code")).end();
        assert_eq!((ended.code, ended.stdout.len()), (Some(0), 1), "{program}");
        assert_eq!(with_code(&server, Some(&ended.stdout[0])).status, 200);
    }
}
