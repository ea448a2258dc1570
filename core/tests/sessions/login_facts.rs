//! Tests of what a login says about its session: how the user was authenticated, and for how long it lives.

use std::time::Duration;

use countersign::session::{
    ClientInfo, Identity, SessionError, SessionErrorKind as Kind, TokenPair, store::SessionStore,
};
use futures_executor::block_on;
use serde_json::{Value, json};

use crate::setup::{START, Setup, TTL, good, user};

fn start(setup: &Setup, identity: &Identity<Value>) -> Result<TokenPair, SessionError> {
    block_on(setup.sessions.start(identity, ClientInfo::new()))
}

fn ada() -> Identity<Value> {
    Identity::new("ada", user())
}

#[track_caller]
fn refused(setup: &Setup, identity: &Identity<Value>) {
    assert_eq!(
        start(setup, identity).unwrap_err().kind(),
        Kind::Misconfigured
    );
    assert_eq!(setup.count("ada"), 0);
}

#[test]
fn every_access_token_says_how_the_user_was_authenticated_after_ten_refreshes_too() {
    let setup = Setup::new();
    let identity = ada()
        .authenticated_at(START - 50)
        .acr("urn:example:aal2")
        .amr(["pwd", "otp"]);
    let mut pair = start(&setup, &identity).unwrap();
    for refreshes in 0..=10 {
        let claims = setup.claims(&pair);
        let said = (&claims["auth_time"], &claims["acr"], &claims["amr"]);
        let expected = (
            &json!(START - 50),
            &json!("urn:example:aal2"),
            &json!(["pwd", "otp"]),
        );
        assert_eq!(said, expected, "{refreshes}");
        let session = pair.session();
        assert_eq!(session.auth_time(), START - 50);
        assert_eq!(session.acr(), Some("urn:example:aal2"));
        assert!(session.amr().eq(["pwd", "otp"]));
        setup.pass(600);
        // A repeated answer says it, too.
        let next = setup.refresh(&pair).unwrap();
        let again = setup.refresh(&pair).unwrap();
        assert_eq!(setup.claims(&again)["acr"], "urn:example:aal2");
        pair = next;
    }
    let listed = block_on(setup.sessions.list("ada")).unwrap();
    assert_eq!(listed[0].acr(), Some("urn:example:aal2"));
}

#[test]
fn a_login_that_says_nothing_is_the_authentication_itself() {
    let setup = Setup::new();
    let login = block_on(setup.sessions.begin()).unwrap();
    setup.pass(30);
    let pair = block_on(login.start(&ada(), ClientInfo::new())).unwrap();
    setup.pass(600);
    let pair = setup.refresh(&pair).unwrap();
    let claims = setup.claims(&pair);
    assert_eq!(claims["auth_time"], START);
    assert_eq!((claims.get("acr"), claims.get("amr")), (None, None));
    let session = pair.session();
    assert_eq!((session.auth_time(), session.acr()), (START, None));
    assert_eq!(session.amr().count(), 0);
}

/// Rights rise with a new session only.
#[test]
fn a_refresh_changes_nothing_of_what_the_login_has_said() {
    let setup = Setup::new();
    let identity = ada().acr("1").amr(["pwd"]).authenticated_at(START);
    let pair = start(&setup, &identity).unwrap();
    for (claim, value) in &[
        ("auth_time", json!(START)),
        ("acr", json!("2")),
        ("amr", json!(["otp"])),
    ] {
        let claims = async |_| good(json!({ *claim: value }));
        let client = ClientInfo::new();
        let refreshed = setup
            .sessions
            .refresh(pair.refresh_token(), &client, claims);
        let error = block_on(refreshed).unwrap_err();
        assert_eq!(error.kind(), Kind::Misconfigured, "{claim}");
    }
    let next = setup.refresh(&pair).unwrap();
    assert_eq!(setup.claims(&next)["acr"], "1");
}

#[test]
fn what_a_login_has_not_said_the_claims_may_say() {
    let setup = Setup::new();
    let own = json!({ "auth_time": START - 7, "acr": "own", "amr": ["own"] });
    let pair = start(&setup, &Identity::new("ada", own)).unwrap();
    let claims = setup.claims(&pair);
    assert_eq!(
        (&claims["auth_time"], &claims["acr"]),
        (&json!(START - 7), &json!("own"))
    );
    let next = setup.claims(&setup.refresh(&pair).unwrap());
    assert_eq!((&next["auth_time"], next.get("acr")), (&json!(START), None));
}

#[test]
fn what_a_login_says_is_bounded() {
    let setup = Setup::new();
    refused(&setup, &ada().acr(""));
    refused(&setup, &ada().acr("x".repeat(256)));
    refused(&setup, &ada().acr("a\nb"));
    refused(&setup, &ada().amr([""]));
    refused(&setup, &ada().amr(["x".repeat(65)]));
    refused(&setup, &ada().amr(vec!["pwd"; 17]));
    refused(&setup, &ada().amr(["a\0b"]));
    refused(&setup, &ada().authenticated_at(START + 301));
    refused(&setup, &ada().authenticated_at(START * 1_000));
    refused(&setup, &ada().authenticated_at(-1));
    refused(&setup, &ada().data(&"x".repeat(2_047)));
    refused(
        &setup,
        &ada().data(&std::collections::HashMap::from([([1], 1)])),
    );

    let largest = ada()
        .acr("\"".repeat(255))
        .amr(vec!["\\".repeat(64); 16])
        .data(&"x".repeat(2_046));
    let pair = start(&setup, &largest).unwrap();
    let stored = block_on(setup.store.find(pair.session().id()))
        .unwrap()
        .unwrap();
    let text = stored.details.to_json().unwrap();
    let read = countersign::session::store::SessionDetails::from_json(Some(&text));
    assert_eq!(read, Some(stored.details));

    // The clock of another provider may be ahead by a little.
    let ahead = start(&setup, &ada().authenticated_at(START + 300)).unwrap();
    assert_eq!(ahead.session().auth_time(), START);
}

#[test]
fn a_login_can_have_a_shorter_life_than_the_others_and_each_refresh_keeps_it() {
    let setup = Setup::new();
    let hours = |hours: u64| Duration::from_secs(hours * 3_600);
    let short = start(&setup, &ada().idle(hours(1)).absolute(hours(3))).unwrap();
    let remembered = setup.login("ada");
    assert_eq!(short.session().expires_at(), START + 3_600);
    assert_eq!(short.refresh_expires_in(), 3_600);
    assert_eq!(remembered.session().expires_at(), START + 14 * 86_400);

    setup.pass(3_000);
    let short = setup.refresh(&short).unwrap();
    let remembered = setup.refresh(&remembered).unwrap();
    assert_eq!(short.session().expires_at(), START + 3_000 + 3_600);
    setup.pass(3_599);
    let short = setup.refresh(&short).unwrap();
    setup.pass(3_599);
    let short = setup.refresh(&short).unwrap();
    // The absolute end of this login.
    assert_eq!(short.session().expires_at(), START + 3 * 3_600);
    setup.clock.set(START + 3 * 3_600);
    assert_eq!(setup.refresh(&short).unwrap_err(), Kind::Expired);

    let remembered = setup.refresh(&remembered).unwrap();
    assert_eq!(
        remembered.session().expires_at(),
        START + 3 * 3_600 + 14 * 86_400
    );
}

#[test]
fn an_idle_time_of_its_own_ends_a_session_that_is_not_used() {
    let setup = Setup::new();
    let identity = ada().idle(Duration::from_secs(1_800));
    let unused = start(&setup, &identity).unwrap();
    let used = start(&setup, &identity).unwrap();
    setup.pass(1_799);
    setup.refresh(&used).unwrap();
    setup.pass(1);
    assert_eq!(setup.refresh(&unused).unwrap_err(), Kind::Expired);
}

#[test]
fn a_login_gets_no_longer_life_than_the_settings_allow() {
    let setup = Setup::with(|builder| {
        let builder = builder.idle(Duration::from_secs(5_000));
        builder.absolute(Duration::from_secs(9_000))
    });
    let seconds = Duration::from_secs;
    let least = TTL.unsigned_abs();
    refused(&setup, &ada().idle(seconds(5_001)));
    refused(&setup, &ada().absolute(seconds(9_001)));
    refused(&setup, &ada().idle(seconds(least - 1)));
    refused(&setup, &ada().absolute(seconds(least - 1)));
    refused(&setup, &ada().idle(Duration::MAX));
    start(&setup, &ada().idle(seconds(5_000)).absolute(seconds(9_000))).unwrap();
    start(&setup, &ada().idle(seconds(least)).absolute(seconds(least))).unwrap();
}

#[test]
fn a_lower_maximum_counts_from_the_next_refresh_on() {
    let setup = Setup::new();
    let pair = start(&setup, &ada().idle(Duration::from_secs(86_400))).unwrap();
    let lower = countersign::Sessions::builder(
        crate::setup::issuer(&setup.clock).build().unwrap(),
        setup.store.clone(),
    );
    let lower = lower.idle(Duration::from_secs(3_600)).build().unwrap();
    let client = ClientInfo::new();
    let refreshed = lower.refresh(pair.refresh_token(), &client, async |_| good(user()));
    let next = block_on(refreshed).unwrap();
    assert_eq!(next.session().expires_at(), START + 3_600);
}
