//! Tests of a login with a second factor, and of "remember me", on every store.

use std::{io, time::Duration};

use countersign::{
    AuthCookies, Clock, Issuer, SessionRoutes, Sessions, SigningKey, SystemClock,
    session::{Identity, LoginRefusal, SignIn, SignInOutcome, store::SessionStore},
    testing::FixedClock,
};
use countersign_tests::{Entry, sessions::Exchange};
use futures_executor::block_on;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    all_stores::{Check, on_all_stores},
    bed::post,
};

#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
    code: Option<String>,
    #[serde(default)]
    remember: bool,
}

async fn sign_in(question: SignIn<Login>) -> Result<SignInOutcome<Value>, io::Error> {
    let user = json!({ "role": "user" });
    let login = match question {
        SignIn::Credentials(login) => login,
        SignIn::Refresh(session) if session.subject() == "locked" => {
            return Ok(LoginRefusal::new(423, &json!({ "error": "locked" })).into());
        }
        SignIn::Refresh(session) => return Ok(Identity::new(session.subject(), user).into()),
    };
    if login.password != "engine" {
        return Ok(SignInOutcome::Unknown);
    }
    let identity = match login.code.as_deref() {
        Some("123456") => Identity::new(login.name, user)
            .acr("aal2")
            .amr(["pwd", "otp"]),
        Some(_) => return Ok(SignInOutcome::Unknown),
        None if login.name == "ada" => {
            let body = json!({ "error": "second_factor", "methods": ["otp"] });
            return Ok(LoginRefusal::new(401, &body).into());
        }
        None => Identity::new(login.name, user).amr(["pwd"]),
    };
    Ok(match login.remember {
        true => identity.into(),
        false => identity.idle(Duration::from_secs(3_600)).into(),
    })
}

/// Returns sessions whose clock stands still, at a time that the stores' own clocks agree with.
fn sessions(store: impl SessionStore) -> Sessions {
    let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256().unwrap())
        .audience("app")
        .clock(FixedClock::at(SystemClock.now()))
        .build()
        .unwrap();
    let sessions = Sessions::builder(issuer, store);
    // Each store has one process here.
    sessions.single_process().build().unwrap()
}

fn log_in(entry: Entry, routes: &SessionRoutes, body: &Value) -> Exchange {
    entry.call(routes, &post("/login").json(body.to_string()))
}

fn refresh(entry: Entry, routes: &SessionRoutes, pair: &Exchange) -> Exchange {
    let body = json!({ "refresh_token": pair.json()["refresh_token"] });
    entry.call(routes, &post("/refresh").json(body.to_string()))
}

/// Returns the claims of the access token in a body.
fn claims(sessions: &Sessions, pair: &Exchange) -> Value {
    assert_eq!(pair.status, 200, "{}", pair.body);
    let text = pair.json()["access_token"].as_str().unwrap().to_owned();
    let token = block_on(sessions.verifier().verify(&text)).unwrap();
    serde_json::from_str(token.payload()).unwrap()
}

#[test]
fn a_login_with_a_second_factor_is_still_one_after_ten_refreshes() {
    struct SecondFactor;

    impl Check for SecondFactor {
        fn check(&self, name: &str, store: impl SessionStore) {
            let sessions = sessions(store);
            let routes = SessionRoutes::json(sessions.clone(), sign_in);
            for entry in Entry::ALL {
                let password = json!({ "name": "ada", "password": "engine" });
                let asked = log_in(entry, &routes, &password);
                assert_eq!(asked.status, 401, "{name} {entry:?}");
                assert_eq!(asked.json()["methods"], json!(["otp"]));
                assert_eq!(asked.header("www-authenticate"), Some("Bearer"));
                assert_eq!(asked.header("cache-control"), Some("no-store"));

                let mut both = password.clone();
                both["code"] = "000000".into();
                let wrong = log_in(entry, &routes, &both);
                assert_eq!(wrong.json()["error"], "invalid_grant");

                both["code"] = "123456".into();
                let mut pair = log_in(entry, &routes, &both);
                let auth_time = claims(&sessions, &pair)["auth_time"].clone();
                for turn in 0..=10 {
                    let claims = claims(&sessions, &pair);
                    assert_eq!(claims["acr"], "aal2", "{name} {entry:?} {turn}");
                    assert_eq!(claims["amr"], json!(["pwd", "otp"]));
                    assert_eq!(claims["auth_time"], auth_time);
                    pair = refresh(entry, &routes, &pair);
                }
            }
        }
    }
    on_all_stores(&SecondFactor);
}

#[test]
fn a_session_that_is_remembered_lives_beside_a_short_one() {
    struct Remembered;

    impl Check for Remembered {
        fn check(&self, name: &str, store: impl SessionStore) {
            let sessions = sessions(store);
            let cookies = AuthCookies::new();
            let routes = SessionRoutes::cookies(sessions.clone(), cookies, sign_in).unwrap();
            for (entry, user) in Entry::ALL.into_iter().zip(["bob", "eve", "zoe"]) {
                let log_in = |remember: bool| {
                    let body = json!({ "name": user, "password": "engine", "remember": remember });
                    let answer = log_in(entry, &routes, &body);
                    assert_eq!(answer.status, 200, "{name} {entry:?} {}", answer.body);
                    let cookies = answer.cookies().join("\n");
                    (answer.json()["session_id"].clone(), cookies)
                };
                let (short, long) = (log_in(false), log_in(true));
                assert!(short.1.contains("Max-Age=3600"), "{}", short.1);
                assert!(long.1.contains("Max-Age=1209600"), "{}", long.1);
                for session in block_on(sessions.list(user)).unwrap() {
                    let lives = session.expires_at() - session.last_used_at();
                    let is_short = short.0 == session.id().as_str();
                    assert_eq!(lives, if is_short { 3_600 } else { 1_209_600 });
                }
            }
        }
    }
    on_all_stores(&Remembered);
}

/// The session goes on, and its token stays good.
#[test]
fn a_refusal_at_a_refresh_changes_nothing() {
    let sessions = sessions(countersign::MemoryStore::new());
    for entry in Entry::ALL {
        let routes = SessionRoutes::json(sessions.clone(), sign_in);
        let body = json!({ "name": "locked", "password": "engine" });
        let pair = log_in(entry, &routes, &body);
        for _ in 0..3 {
            let refused = refresh(entry, &routes, &pair);
            assert_eq!(
                (refused.status, &*refused.body),
                (423, r#"{"error":"locked"}"#)
            );
        }
        let unlocked = SessionRoutes::json(sessions.clone(), async |question: SignIn<Value>| {
            Ok::<_, io::Error>(match question {
                SignIn::Credentials(_) => None,
                SignIn::Refresh(session) => Some(Identity::new(session.subject(), json!({}))),
            })
        });
        assert_eq!(refresh(entry, &unlocked, &pair).status, 200);
    }
}
