//! Tests of answers in the app's words, of the head of a login, of events for failed logins, and of logins of one's own.

use std::{
    io,
    sync::{Arc, Mutex},
};

use countersign::{
    AuthCookies, Issuer, MemoryStore, SessionRoutes, Sessions, SigningKey,
    adapter::RequestHead,
    session::{
        ClientInfo, Identity, LoginFailure, LoginRefusal, LoginRequest, SessionEvent, SignIn,
        SignInOutcome,
    },
    testing::FixedClock,
};
use countersign_tests::Entry;
use futures_executor::block_on;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::bed::{Bed, credentials, csrf, each, post};

type Events = Arc<Mutex<Vec<SessionEvent>>>;

fn sessions() -> (Sessions, Events) {
    let events = Events::default();
    let heard = Arc::clone(&events);
    let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256().unwrap())
        .audience("app")
        .clock(FixedClock::default())
        .build()
        .unwrap();
    let sessions = Sessions::builder(issuer, MemoryStore::new())
        .on_event(move |event| heard.lock().unwrap().push(event.clone()))
        .build()
        .unwrap();
    (sessions, events)
}

/// Returns the reasons of the logins that failed, and the accounts by their names for the log.
fn failures(events: &Events) -> Vec<(LoginFailure, Option<String>)> {
    let events = std::mem::take(&mut *events.lock().unwrap());
    let failure = |event| match event {
        SessionEvent::LoginFailed { why, account, .. } => Some((why, account)),
        _ => None,
    };
    events.into_iter().filter_map(failure).collect()
}

fn refusing(sessions: &Sessions, refusal: LoginRefusal) -> SessionRoutes {
    SessionRoutes::json(sessions.clone(), move |_: SignIn<Value>| {
        let refusal = refusal.clone();
        async { Ok::<SignInOutcome<()>, io::Error>(refusal.into()) }
    })
}

#[test]
fn a_refusal_has_the_status_and_the_body_of_the_app() {
    for entry in Entry::ALL {
        let (sessions, _) = sessions();
        let answer = |refusal| {
            let routes = refusing(&sessions, refusal);
            entry.call(&routes, &post("/login").json(credentials("ada")))
        };
        for status in [400, 401, 403, 423, 499] {
            let answer = answer(LoginRefusal::new(status, &json!({ "error": "unverified" })));
            assert_eq!(
                (answer.status, &*answer.body),
                (status, r#"{"error":"unverified"}"#)
            );
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let challenge = (status == 401).then_some("Bearer");
            assert_eq!(answer.header("www-authenticate"), challenge);
        }
        for status in [0, 200, 302, 399, 500, 503, 999] {
            assert_eq!(
                answer(LoginRefusal::new(status, &())).status,
                500,
                "{status}"
            );
        }
        let large = "x".repeat(16_383);
        assert_eq!(answer(LoginRefusal::new(400, &large)).status, 500);
        assert_eq!(answer(LoginRefusal::new(400, &large[1..])).status, 400);
    }
}

#[test]
fn a_refusal_counts_as_a_failed_login_only_if_it_says_so() {
    let (sessions, _) = sessions();
    let refusal = LoginRefusal::new(403, &json!({ "error": "second_factor" }));
    let request = || post("/login").json(credentials("ada"));
    let routes = refusing(&sessions, refusal.clone());
    for _ in 0..30 {
        assert_eq!(Entry::Core.call(&routes, &request()).status, 403);
    }
    let counting = refusing(&sessions, refusal.counting_as_failure());
    for _ in 0..10 {
        assert_eq!(Entry::Core.call(&counting, &request()).status, 403);
    }
    for routes in [&counting, &routes] {
        assert_eq!(Entry::Core.call(routes, &request()).status, 429);
    }
}

#[test]
fn a_login_sees_the_head_of_its_request() {
    #[derive(Deserialize)]
    struct Login {
        name: String,
    }
    for entry in Entry::ALL {
        let (sessions, _) = sessions();
        let routes =
            SessionRoutes::json(sessions, async |question: SignIn<LoginRequest<Login>>| {
                let SignIn::Credentials(LoginRequest { login, head, .. }) = question else {
                    return Ok(SignInOutcome::Unknown);
                };
                let text = |name| {
                    head.header(name)
                        .map(|value| String::from_utf8_lossy(value))
                };
                let seen = json!({
                    "name": login.name,
                    "method": head.method(),
                    "tenant": text("x-tenant"),
                    "twice": text("x-twice"),
                    "absent": text("x-absent"),
                    "peer": head.peer(),
                });
                Ok::<SignInOutcome<()>, io::Error>(LoginRefusal::new(400, &seen).into())
            });
        let request = post("/login")
            .json(r#"{"name":"ada"}"#)
            .header("X-Tenant", "acme")
            .header("x-twice", "1")
            .header("x-twice", "2")
            .from("192.0.2.7");
        let expected = json!({
            "name": "ada", "method": "POST", "tenant": "acme", "twice": null, "absent": null,
            "peer": "192.0.2.7",
        });
        assert_eq!(entry.call(&routes, &request).json(), expected, "{entry:?}");
    }
}

#[test]
fn every_failed_login_is_an_event_without_the_account_in_clear() {
    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Login {
        email: String,
        password: String,
    }
    for entry in Entry::ALL {
        let (sessions, events) = sessions();
        let routes = SessionRoutes::json(sessions, async |question: SignIn<Login>| {
            Ok::<_, io::Error>(match question {
                SignIn::Credentials(login) if login.email == "eve@example.com" => {
                    LoginRefusal::new(423, &()).into()
                }
                _ => SignInOutcome::<()>::Unknown,
            })
        });
        let send = |body: Value| {
            let request = post("/login").json(body.to_string()).from("192.0.2.7");
            entry.call(&routes, &request).status
        };
        let wrong = |email: &str| json!({ "email": email, "password": "private-password" });
        for _ in 0..10 {
            assert_eq!(send(wrong("ada@example.com")), 401);
        }
        let failed = failures(&events);
        let (why, account) = failed[0].clone();
        assert_eq!(why, LoginFailure::WrongCredentials);
        assert_eq!(failed, vec![(why, account.clone()); 10]);
        assert_eq!(account.as_ref().unwrap().len(), 16);
        assert_eq!(send(wrong("ada@example.com")), 429);
        assert_eq!(
            failures(&events),
            [(LoginFailure::TooMany, account.clone())]
        );
        assert_eq!(send(wrong("eve@example.com")), 423);
        let refused = failures(&events);
        assert_eq!(refused[0].0, LoginFailure::Refused(423));
        assert_ne!(refused[0].1, account);

        let field = |failed: Vec<(LoginFailure, _)>| match &failed[..] {
            [(LoginFailure::Unreadable { field, .. }, None)] => field.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(send(json!({ "email": "ada" })), 400);
        assert_eq!(field(failures(&events)).as_deref(), Some("password"));
        assert_eq!(send(json!({ "email": 7, "password": "x" })), 400);
        assert_eq!(field(failures(&events)).as_deref(), Some("email"));
        assert_eq!(send(json!("private-password")), 400);
        assert_eq!(field(failures(&events)), None);
    }
}

#[test]
fn without_limits_an_unreadable_body_is_an_event_too() {
    let (sessions, events) = sessions();
    #[derive(Deserialize)]
    struct Login {
        name: String,
    }
    let routes = SessionRoutes::json(sessions, async |question: SignIn<Login>| {
        if let SignIn::Credentials(login) = question {
            drop(login.name);
        }
        Ok::<_, io::Error>(None::<Identity<()>>)
    });
    let routes = routes.without_login_limits();
    let answer = Entry::Core.call(&routes, &post("/login").json("{}"));
    assert_eq!(answer.status, 400);
    let [(LoginFailure::Unreadable { field, .. }, None)] = &failures(&events)[..] else {
        panic!("another event");
    };
    assert_eq!(field.as_deref(), Some("name"));
}

#[test]
fn a_pair_of_a_login_of_ones_own_is_answered_as_the_routes_do() {
    each(|bed: &Bed, entry| {
        let ada = Identity::new("ada", json!({ "role": "admin" }));
        let pair = block_on(bed.sessions.start(&ada, ClientInfo::new())).unwrap();
        for routes in [bed.json(), bed.cookies()] {
            let by_route = entry.call(&routes, &post("/login").json(credentials("ada")));
            let own = entry.reply(routes.reply(&pair));
            assert_eq!(own.status, 200);
            let names = |exchange: &countersign_tests::sessions::Exchange| {
                let cookies = exchange.cookies().into_iter();
                let cookies = cookies.map(|cookie| cookie.split('=').next().unwrap().to_owned());
                let body = exchange.json();
                let members = body.as_object().unwrap().keys().cloned();
                (cookies.collect::<Vec<_>>(), members.collect::<Vec<_>>())
            };
            assert_eq!(names(&own), names(&by_route));
            assert_eq!(own.header("cache-control"), Some("no-store"));
        }
        let text = entry.reply(bed.json().reply(&pair)).json();
        assert_eq!(text["refresh_token"], pair.refresh_token());
    });
}

#[test]
fn a_pair_that_no_cookie_can_hold_is_an_error() {
    let (sessions, _) = sessions();
    let none = async |_: SignIn<Value>| Ok::<_, io::Error>(None::<Identity<()>>);
    let routes = SessionRoutes::cookies(sessions.clone(), AuthCookies::new(), none).unwrap();
    let large = Identity::new("ada", json!({ "role": "x".repeat(4_000) }));
    let pair = block_on(sessions.start(&large, ClientInfo::new())).unwrap();
    let reply = routes.csrf(csrf()).reply(&pair);
    assert_eq!(reply.status(), 500);
    assert!(reply.headers().all(|(name, _)| name != "set-cookie"));
}
