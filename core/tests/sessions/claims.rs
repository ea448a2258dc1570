//! Tests of the app's claims for a user, at the login and at each refresh.

use std::{cell::Cell, collections::BTreeMap, convert::Infallible, io, thread};

use countersign::session::{
    ClientInfo, EndReason, Identity, Session, SessionError, SessionErrorKind as Kind, TokenPair,
};
use futures_executor::block_on;
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    faulty_store::Step,
    setup::{START, Setup, TTL, good},
};

fn refresh_with<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    setup: &Setup,
    pair: &TokenPair,
    claims: Result<Option<impl Serialize>, E>,
) -> Result<TokenPair, SessionError> {
    let client = ClientInfo::new();
    let answer = async |_| claims;
    block_on(
        setup
            .sessions
            .refresh(pair.refresh_token(), &client, answer),
    )
}

/// S24
#[test]
fn an_access_token_says_who_whose_session_and_until_when() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let claims = json!({
        "iss": "https://id.test",
        "aud": "orders",
        "sub": "ada",
        "sid": pair.session().id(),
        "jti": pair.access_token().id(),
        "iat": START,
        "exp": START + TTL,
        "auth_time": START,
        "role": "user",
    });
    assert_eq!(setup.claims(&pair), claims);
    setup.pass(60);
    let next = setup.refresh(&pair).unwrap();
    let claims = json!({
        "iss": "https://id.test",
        "aud": "orders",
        "sub": "ada",
        "sid": pair.session().id(),
        "jti": next.access_token().id(),
        "iat": START + 60,
        "exp": START + 60 + TTL,
        "auth_time": START,
        "role": "user",
    });
    assert_eq!(setup.claims(&next), claims);
}

/// S09
#[test]
fn a_new_role_is_seen_at_the_next_refresh() {
    let setup = Setup::new();
    let mut pair = setup.login("ada");
    assert_eq!(setup.claims(&pair)["role"], "user");
    for role in ["admin", "guest"] {
        pair = refresh_with(&setup, &pair, good(json!({ "role": role }))).unwrap();
        assert_eq!(setup.claims(&pair)["role"], role);
    }
    // In a repeated answer, too.
    let next = setup.refresh(&pair).unwrap();
    let again = refresh_with(&setup, &pair, good(json!({ "role": "owner" }))).unwrap();
    assert_eq!(setup.claims(&again)["role"], "owner");
    assert_eq!(again.refresh_token(), next.refresh_token());
}

#[test]
fn the_app_is_asked_about_the_session_that_is_refreshed() {
    let setup = Setup::new();
    setup.login("bob");
    let pair = setup.login_from("ada", ClientInfo::new().label("Laptop"));
    setup.pass(60);
    let claims = async |session: Session| {
        assert_eq!(&session, pair.session());
        assert_eq!(
            (session.subject(), session.label()),
            ("ada", Some("Laptop"))
        );
        good(json!({}))
    };
    let client = ClientInfo::new();
    let next = block_on(
        setup
            .sessions
            .refresh(pair.refresh_token(), &client, claims),
    );
    assert_eq!(next.unwrap().session().last_used_at(), START + 60);
}

/// S09
#[test]
fn a_subject_that_is_gone_ends_the_session() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    setup.events();
    let gone = Ok::<Option<Value>, Infallible>(None);
    let error = refresh_with(&setup, &second, gone).unwrap_err();
    assert_eq!(
        (error.kind(), error.kind().status()),
        (Kind::SubjectGone, 400)
    );
    assert_eq!(setup.endings(), [EndReason::SubjectGone]);
    assert_eq!(setup.refresh(&second).unwrap_err(), Kind::Unknown);
    assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Unknown);
}

/// S09: even if it is the predecessor that claims are asked for.
#[test]
fn a_subject_that_is_gone_gets_no_repeated_answer() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    let gone = Ok::<Option<Value>, Infallible>(None);
    let error = refresh_with(&setup, &first, gone).unwrap_err();
    assert_eq!(error.kind(), Kind::SubjectGone);
    assert_eq!(setup.refresh(&second).unwrap_err(), Kind::Unknown);
}

/// S06: an outage of the user table, however long, ends no session.
#[test]
fn an_error_of_the_app_leaves_the_session_as_it_was() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    setup.events();
    for _ in 0..5 {
        for pair in [&second, &first] {
            let away = Err::<Option<Value>, _>(io::Error::other("the user table is away"));
            let error = refresh_with(&setup, pair, away).unwrap_err();
            assert_eq!(
                (error.kind(), error.kind().status()),
                (Kind::Unavailable, 503)
            );
        }
    }
    assert!(setup.events().is_empty());
    // Beyond the window of the exchange, and beyond any other window.
    for _ in 0..3 {
        setup.pass(3_600);
        let away = Err::<Option<Value>, _>(io::Error::other("the user table is away"));
        refresh_with(&setup, &second, away).unwrap_err();
    }
    assert!(setup.refresh(&second).is_ok());
}

/// S06
#[test]
fn an_error_of_the_app_is_in_the_source_for_the_log() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let away = Err::<Option<Value>, _>(io::Error::other("the user table is away"));
    let error = refresh_with(&setup, &pair, away).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, "the user table is away");
    assert_eq!(
        error.to_string(),
        "the service cannot handle sessions right now"
    );
}

/// S24: the app cannot override the claims of the session; and a mistake costs no token.
#[test]
fn claims_that_are_the_sessions_business_are_refused_and_cost_nothing() {
    let wrong = [
        json!({ "exp": START + 1 }),
        json!({ "exp": START + 1_000_000 }),
        json!({ "exp": null }),
        json!({ "sid": "AAECAwQFBgcICQoLDA0ODw" }),
        json!({ "sid": null }),
        json!({ "iss": "https://id.test" }),
        json!({ "iat": START }),
        json!({ "jti": "1" }),
        json!({ "sub": "bob" }),
        json!({ "sub": "" }),
        json!({ "sub": "Ada" }),
        json!({ "sub": null }),
        json!({ "sub": ["ada"] }),
        json!({ "aud": [] }),
        json!({ "nbf": START + TTL }),
        json!({ "cnf": { "jkt": "x" } }),
        json!({ "text": "x".repeat(8_000) }),
        json!(["ada"]),
        json!("ada"),
        json!("null"),
        json!([null]),
    ];
    for claims in wrong {
        let setup = Setup::new();
        let identity = Identity::new("ada", claims.clone());
        let refused = block_on(setup.sessions.start(&identity, ClientInfo::new()));
        assert_eq!(refused.unwrap_err().kind(), Kind::Misconfigured);
        assert_eq!(setup.store.steps(), [Step::Mark], "{claims}");

        let pair = setup.login("ada");
        setup.events();
        setup.store.steps();
        let error = refresh_with(&setup, &pair, good(claims.clone())).unwrap_err();
        assert_eq!(
            (error.kind(), error.kind().status()),
            (Kind::Misconfigured, 500)
        );
        assert_eq!(setup.store.steps(), [Step::Find], "{claims}");
        assert!(setup.events().is_empty());
        setup.pass(3_600);
        assert!(setup.refresh(&pair).is_ok());
    }
}

/// S24: in a repeated answer, too.
#[test]
fn wrong_claims_in_a_repeated_answer_cost_nothing() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    let error = refresh_with(&setup, &first, good(json!({ "sub": "bob" }))).unwrap_err();
    assert_eq!(error.kind(), Kind::Misconfigured);
    assert!(setup.refresh(&first).is_ok());
    assert!(setup.refresh(&second).is_ok());
}

/// S24, the twin
#[test]
fn claims_that_are_the_apps_business_are_taken() {
    let right = [
        json!({}),
        json!(null), // as `()` is written
        json!({ "sub": "ada" }),
        json!({ "aud": "billing" }),
        json!({ "nbf": START }),
        json!({ "scope": "read write", "acr": "2", "auth_time": START }),
        json!({ "deep": { "cnf": {}, "exp": 1, "sid": 2, "sub": "bob" } }),
        json!({ "text": "x".repeat(4_000) }),
    ];
    for claims in right {
        let setup = Setup::new();
        let identity = Identity::new("ada", claims.clone());
        let pair = block_on(setup.sessions.start(&identity, ClientInfo::new())).unwrap();
        assert!(refresh_with(&setup, &pair, good(claims)).is_ok());
    }
}

/// S24: a name with an escape in it, or a duplicate, is still that name.
#[test]
fn no_spelling_gets_a_claim_past_the_session() {
    for text in [
        r#"{"\u0065xp":253402300799}"#,
        r#"{"s\u0069d":"AAECAwQFBgcICQoLDA0ODw"}"#,
        r#"{"sub":"ada","sub":"bob"}"#,
        r#"{"sub":"ada","\u0073ub":"bob"}"#,
        r#"{"role":"user","role":"admin"}"#,
        r#"{} "#,
        r#" { "sub" : "ad\u0061" } "#,
    ] {
        let setup = Setup::new();
        let raw: Box<RawValue> = serde_json::from_str(text).unwrap();
        let identity = Identity::new("ada", raw);
        match block_on(setup.sessions.start(&identity, ClientInfo::new())) {
            Err(error) => assert_eq!(error.kind(), Kind::Misconfigured, "{text}"),
            Ok(pair) => {
                assert!(!text.contains("role") && !text.contains("bob"), "{text}");
                let claims = setup.claims(&pair);
                assert_eq!(claims["sub"], "ada");
                assert_eq!(claims["sid"], *pair.session().id().as_str());
                assert_eq!(claims["exp"], START + TTL);
            }
        }
    }
}

#[test]
fn a_subject_that_no_store_or_log_could_keep_is_refused() {
    for subject in [
        "",
        &"x".repeat(256),
        &"\u{e9}".repeat(128),
        "a\nb",
        "a\0",
        "\u{7f}",
        "\u{85}",
        "\tada",
    ] {
        let setup = Setup::new();
        let identity = Identity::new(subject, json!({}));
        let refused = block_on(setup.sessions.start(&identity, ClientInfo::new())).unwrap_err();
        assert_eq!(refused.kind(), Kind::Misconfigured);
        assert_eq!(setup.store.steps(), [Step::Mark], "{subject:?}");
    }
}

#[test]
fn every_other_subject_is_kept_as_it_is() {
    for subject in [
        "a",
        " ",
        &"x".repeat(255),
        "ada@example.test",
        "\u{410}\u{434}\u{430} \u{1f600}",
        "'; drop table sessions; --",
        "{\"$ne\":1}",
        "a\\b\"c",
    ] {
        let setup = Setup::new();
        let pair = setup.login(subject);
        let next = setup.refresh(&pair).unwrap();
        assert_eq!(setup.claims(&next)["sub"], subject);
        assert_eq!(next.session().subject(), subject);
        assert_eq!(setup.count(subject), 1);
    }
}

/// A type of the app, not a JSON value.
#[test]
fn claims_are_any_type_that_serialises_as_an_object() {
    #[derive(Serialize)]
    struct User<'a> {
        roles: &'a [&'a str],
    }
    let setup = Setup::new();
    let identity = Identity::new("ada", User { roles: &["a", "b"] });
    let pair = block_on(setup.sessions.start(&identity, ClientInfo::new())).unwrap();
    assert_eq!(setup.claims(&pair)["roles"], json!(["a", "b"]));
    let map = BTreeMap::from([("roles", "c")]);
    let next = refresh_with(&setup, &pair, Ok::<_, Infallible>(Some(map))).unwrap();
    assert_eq!(setup.claims(&next)["roles"], "c");
}

/// A server moves a request between its threads. The claims need not be `Sync`.
#[test]
fn a_refresh_can_be_sent_to_another_thread() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let client = ClientInfo::new();
    let claims = |_| async { Ok::<_, Infallible>(Some(BTreeMap::from([("n", Cell::new(1))]))) };
    let refreshed = setup
        .sessions
        .refresh(pair.refresh_token(), &client, claims);
    let next = thread::scope(|scope| scope.spawn(|| block_on(refreshed)).join());
    assert_eq!(setup.claims(&next.unwrap().unwrap())["n"], 1);
}
