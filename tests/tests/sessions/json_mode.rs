//! Tests of tokens in bodies and in the `Authorization` header.

use std::sync::atomic::Ordering;

use countersign::{
    SessionRoutes,
    session::{Identity, SessionError, SignIn},
};
use countersign_tests::{Entry, Request, sessions::Exchange};
use serde_json::{Value, json};

use crate::bed::{Bed, credentials, each, get, post};

fn log_in(entry: Entry, routes: &SessionRoutes) -> Exchange {
    let answer = entry.call(routes, &post("/login").json(credentials("ada")));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

fn text(answer: &Exchange, name: &str) -> String {
    answer.json()[name].as_str().unwrap_or_default().to_owned()
}

fn refresh(entry: Entry, routes: &SessionRoutes, token: &str) -> Exchange {
    entry.call(
        routes,
        &post("/refresh").json(json!({ "refresh_token": token }).to_string()),
    )
}

fn with_access(request: Request, login: &Exchange) -> Request {
    request.header(
        "authorization",
        format!("Bearer {}", text(login, "access_token")),
    )
}

fn refused(answer: &Exchange, status: u16, error: &str) {
    assert_eq!(
        (answer.status, &*text(answer, "error")),
        (status, error),
        "{}",
        answer.body
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[test]
fn a_login_answers_by_rfc_6749() {
    each(|bed, entry| {
        let answer = log_in(entry, &bed.json());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.cookies().is_empty());
        let body = answer.json();
        assert_eq!(
            (&body["token_type"], &body["expires_in"]),
            (&json!("Bearer"), &json!(900))
        );
        assert_eq!(body.as_object().unwrap().len(), 4);
        let token = bed
            .sessions
            .verifier()
            .verify_now(&text(&answer, "access_token"))
            .unwrap();
        assert_eq!(token.subject(), Some("ada"));
        assert!(token.session_id().is_some());
    });
}

#[test]
fn a_wrong_password_and_an_unknown_name_get_one_answer() {
    each(|bed, entry| {
        let routes = bed.json();
        let wrong = json!({ "name": "ada", "password": "motor" }).to_string();
        let wrong = entry.call(&routes, &post("/login").json(wrong));
        refused(&wrong, 401, "invalid_grant");
        assert_eq!(wrong.header("www-authenticate"), Some("Bearer"));
        let unknown = entry.call(&routes, &post("/login").json(credentials("eve")));
        assert_eq!(wrong, unknown);
    });
}

#[test]
fn a_refresh_exchanges_the_token_and_a_replay_ends_the_session() {
    each(|bed, entry| {
        let routes = bed.json();
        let first = text(&log_in(entry, &routes), "refresh_token");
        let answer = refresh(entry, &routes, &first);
        assert_eq!(answer.status, 200);
        let second = text(&answer, "refresh_token");
        assert_ne!(first, second);

        bed.advance(10);
        refused(&refresh(entry, &routes, &first), 400, "invalid_grant");
        refused(&refresh(entry, &routes, &second), 400, "invalid_grant");
    });
}

#[test]
fn within_the_grace_window_the_same_successor_comes_again() {
    each(|bed, entry| {
        let routes = bed.json();
        let first = text(&log_in(entry, &routes), "refresh_token");
        let second = text(&refresh(entry, &routes, &first), "refresh_token");
        bed.advance(9);
        assert_eq!(
            text(&refresh(entry, &routes, &first), "refresh_token"),
            second
        );
        assert_eq!(refresh(entry, &routes, &second).status, 200);
    });
}

#[test]
fn what_is_no_refresh_token_is_refused() {
    each(|bed, entry| {
        let routes = bed.json();
        let login = log_in(entry, &routes);
        for token in ["", "x", &text(&login, "access_token"), &"A".repeat(64)] {
            refused(&refresh(entry, &routes, token), 400, "invalid_grant");
        }
        let none = entry.call(&routes, &post("/refresh").json("{}"));
        refused(&none, 400, "invalid_request");
        refused(
            &entry.call(&routes, &post("/refresh")),
            400,
            "invalid_request",
        );
        assert_eq!(
            refresh(entry, &routes, &text(&login, "refresh_token")).status,
            200
        );
    });
}

#[test]
fn a_refresh_token_is_no_access_token() {
    each(|bed, entry| {
        let routes = bed.json();
        let token = text(&log_in(entry, &routes), "refresh_token");
        let request = get("/sessions").header("authorization", format!("Bearer {token}"));
        let answer = entry.call(&routes, &request);
        assert_eq!(answer.status, 401);
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .contains("invalid_token")
        );
    });
}

#[test]
fn a_logout_ends_the_session_and_is_quiet_about_unknown_tokens() {
    each(|bed, entry| {
        let routes = bed.json();
        let token = text(&log_in(entry, &routes), "refresh_token");
        let log_out = || post("/logout").json(json!({ "refresh_token": token }).to_string());
        for _ in 0..2 {
            let answer = entry.call(&routes, &log_out());
            assert_eq!((answer.status, &*answer.body), (204, ""));
        }
        refused(&refresh(entry, &routes, &token), 400, "invalid_grant");
    });
}

#[test]
fn the_access_token_is_enough_for_a_logout_and_nothing_is_not() {
    each(|bed, entry| {
        let routes = bed.json();
        let login = log_in(entry, &routes);
        assert_eq!(entry.call(&routes, &post("/logout")).status, 401);
        assert_eq!(
            entry
                .call(&routes, &with_access(post("/logout"), &login))
                .status,
            204
        );
        let answer = refresh(entry, &routes, &text(&login, "refresh_token"));
        refused(&answer, 400, "invalid_grant");
    });
}

#[test]
fn logging_out_everywhere_ends_all_sessions_of_the_user_and_no_other() {
    each(|bed, entry| {
        let routes = bed.json();
        let (one, two) = (log_in(entry, &routes), log_in(entry, &routes));
        let bob = entry.call(&routes, &post("/login").json(credentials("bob")));
        assert_eq!(entry.call(&routes, &post("/logout-all")).status, 401);
        assert_eq!(
            entry
                .call(&routes, &with_access(post("/logout-all"), &one))
                .status,
            204
        );
        for login in [&one, &two] {
            let answer = refresh(entry, &routes, &text(login, "refresh_token"));
            refused(&answer, 400, "invalid_grant");
        }
        assert_eq!(
            refresh(entry, &routes, &text(&bob, "refresh_token")).status,
            200
        );
    });
}

#[test]
fn the_sessions_of_a_user_are_listed_with_the_one_at_hand_marked() {
    each(|bed, entry| {
        let routes = bed.json();
        let phone = post("/login")
            .header("user-agent", "Phone")
            .json(credentials("ada"));
        assert_eq!(entry.call(&routes, &phone).status, 200);
        bed.advance(60);
        let login = log_in(entry, &routes);
        let bob = entry.call(&routes, &post("/login").json(credentials("bob")));
        assert_eq!(bob.status, 200);

        let answer = entry.call(&routes, &with_access(get("/sessions"), &login));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let listed = &answer.json()["sessions"];
        assert_eq!(listed.as_array().unwrap().len(), 2);
        let told = |index: usize| {
            (
                listed[index]["label"].clone(),
                listed[index]["current"].clone(),
            )
        };
        assert_eq!(told(0), (json!(null), json!(true)));
        assert_eq!(told(1), (json!("Phone"), json!(false)));
        assert_eq!(listed[1]["created_at"], 1_800_000_000);
        assert_eq!(entry.call(&routes, &get("/sessions")).status, 401);
    });
}

#[test]
fn a_user_ends_an_own_session_and_no_other() {
    each(|bed, entry| {
        let routes = bed.json();
        let (one, two) = (log_in(entry, &routes), log_in(entry, &routes));
        let bob = entry.call(&routes, &post("/login").json(credentials("bob")));
        let id = |login: &Exchange| {
            let token = bed
                .sessions
                .verifier()
                .verify_now(&text(login, "access_token"));
            token.unwrap().session_id().unwrap().to_owned()
        };
        let (two_id, bob_id) = (id(&two), id(&bob));
        let end = |id: &str| {
            let request = get(&format!("/sessions/{id}")).method("DELETE");
            entry.call(&routes, &with_access(request, &one)).status
        };
        assert_eq!(end(&bob_id), 404);
        assert_eq!(end("nonsense"), 404);
        assert_eq!(end(&two_id), 204);
        assert_eq!(end(&two_id), 404);
        assert_eq!(
            refresh(entry, &routes, &text(&two, "refresh_token")).status,
            400
        );
        assert_eq!(
            refresh(entry, &routes, &text(&bob, "refresh_token")).status,
            200
        );
    });
}

#[test]
fn an_outage_of_the_user_table_is_503_and_costs_nobody_the_session() {
    each(|bed, entry| {
        let routes = bed.json();
        let token = text(&log_in(entry, &routes), "refresh_token");
        bed.users.down.store(true, Ordering::SeqCst);
        for _ in 0..2 {
            let answer = refresh(entry, &routes, &token);
            refused(&answer, 503, "temporarily_unavailable");
            assert_eq!(answer.header("retry-after"), Some("1"));
            bed.advance(60);
        }
        let answer = entry.call(&routes, &post("/login").json(credentials("ada")));
        refused(&answer, 503, "temporarily_unavailable");
        bed.users.down.store(false, Ordering::SeqCst);
        assert_eq!(refresh(entry, &routes, &token).status, 200);
    });
}

#[test]
fn a_user_who_has_left_is_refused_at_the_next_refresh() {
    each(|bed, entry| {
        let routes = bed.json();
        let token = text(&log_in(entry, &routes), "refresh_token");
        bed.users.gone.store(true, Ordering::SeqCst);
        refused(&refresh(entry, &routes, &token), 400, "invalid_grant");
        bed.users.gone.store(false, Ordering::SeqCst);
        refused(&refresh(entry, &routes, &token), 400, "invalid_grant");
    });
}

#[test]
fn a_login_that_is_overtaken_by_a_logout_everywhere_is_over_too() {
    each(|bed, entry| {
        let sessions = bed.sessions.clone();
        let overtaken = SessionRoutes::json(bed.sessions.clone(), move |_: SignIn<Value>| {
            let sessions = sessions.clone();
            async move {
                // While the password is checked, its owner changes it.
                sessions.end_all("ada").await?;
                Ok::<_, SessionError>(Some(Identity::new("ada", json!({}))))
            }
        });
        let answer = entry.call(&overtaken, &post("/login").json(credentials("ada")));
        refused(&answer, 400, "invalid_grant");
        let login = log_in(entry, &bed.json());
        assert_eq!(
            refresh(entry, &bed.json(), &text(&login, "refresh_token")).status,
            200
        );
    });
}

#[test]
fn the_key_set_may_be_cached_and_holds_no_private_member() {
    let bed = Bed::new();
    let answer = crate::bed::same(&bed.json(), &get("/.well-known/jwks.json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=300"));
    assert_eq!(
        answer.header("content-type"),
        Some("application/jwk-set+json")
    );
    assert_eq!(answer.json()["keys"][0]["kty"], "EC");
    assert_eq!(answer.json()["keys"][0].get("d"), None);
}
