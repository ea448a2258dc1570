//! Tests of the renewal of a session whose rights rise.

use std::time::Duration;

use countersign::{
    AuthErrorKind,
    session::{
        ClientInfo, EndReason, Identity, SessionErrorKind as Kind, SessionEvent, TokenPair,
        store::TokenHash,
    },
};
use futures_executor::block_on;
use serde_json::{Value, json};

use crate::{
    faulty_store::Fault,
    setup::{START, Setup, user},
};

fn ada() -> Identity<Value> {
    Identity::new("ada", user())
}

fn renew(setup: &Setup, old: &TokenPair, identity: &Identity<Value>) -> Result<TokenPair, Kind> {
    let renewed = async {
        let login = setup.sessions.begin().await?;
        login.renew(old.session().id(), identity).await
    };
    block_on(renewed).map_err(|error| error.kind())
}

#[test]
fn the_new_session_has_other_ids_and_tokens_and_the_old_ones_are_worth_nothing() {
    let setup = Setup::new();
    let client = ClientInfo::new().label("Laptop");
    let old = block_on(setup.sessions.start(&ada().amr(["pwd"]), client)).unwrap();
    setup.pass(100);
    setup.events();
    let new = renew(&setup, &old, &ada().acr("2").amr(["pwd", "otp"])).unwrap();
    assert_ne!(new.session().id(), old.session().id());
    assert_ne!(new.refresh_token(), old.refresh_token());

    let verifier = setup.sessions.verifier();
    let refused = verifier
        .verify_now(old.access_token().as_str())
        .unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::Revoked);
    assert_eq!(setup.refresh(&old).unwrap_err(), Kind::Unknown);
    let claims = setup.claims(&new);
    assert_eq!(claims["auth_time"], START + 100);
    assert_eq!(
        (&claims["acr"], &claims["amr"]),
        (&json!("2"), &json!(["pwd", "otp"]))
    );
    let next = setup.refresh(&new).unwrap();
    assert_eq!(setup.claims(&next)["auth_time"], START + 100);
    assert_eq!(
        (setup.count("ada"), next.session().label()),
        (1, Some("Laptop"))
    );

    let events = setup.events();
    let [
        SessionEvent::Ended { id, why, .. },
        SessionEvent::Started { session },
        ..,
    ] = &events[..]
    else {
        panic!("{events:?}");
    };
    assert_eq!((id, *why), (old.session().id(), EndReason::Renewed));
    assert_eq!(session.id(), new.session().id());
}

#[test]
fn data_idle_time_and_the_absolute_end_stay() {
    let setup = Setup::new();
    let identity = ada()
        .idle(Duration::from_secs(3_600))
        .absolute(Duration::from_secs(7_200))
        .data(&"kept");
    let old = block_on(setup.sessions.start(&identity, ClientInfo::new())).unwrap();
    setup.pass(3_000);
    let new = renew(&setup, &old, &ada()).unwrap();
    assert_eq!(new.session().created_at(), START);
    assert_eq!(new.session().last_used_at(), START + 3_000);
    assert_eq!(new.session().expires_at(), START + 6_600);
    assert_eq!(
        new.session().data::<String>().unwrap().as_deref(),
        Some("kept")
    );
    setup.pass(3_000);
    let new = setup.refresh(&new).unwrap();
    assert_eq!(new.session().expires_at(), START + 7_200);

    let shorter = ada().absolute(Duration::from_secs(900)).data(&"other");
    let last = renew(&setup, &new, &shorter).unwrap();
    assert_eq!(last.session().expires_at(), START + 6_900);
    assert_eq!(
        last.session().data::<String>().unwrap().as_deref(),
        Some("other")
    );
}

#[test]
fn a_bound_session_stays_bound() {
    let setup = Setup::new();
    let client = ClientInfo::new().binding(TokenHash::from_bytes([7; 32]));
    let old = setup.login_from("ada", client.clone());
    let new = renew(&setup, &old, &ada()).unwrap();
    assert_eq!(setup.refresh(&new).unwrap_err(), Kind::WrongClient);
    setup.refresh_from(&new, &client).unwrap();
}

#[test]
fn of_two_renewals_one_gets_a_session() {
    let setup = Setup::new();
    let old = setup.login("ada");
    renew(&setup, &old, &ada()).unwrap();
    assert_eq!(renew(&setup, &old, &ada()).unwrap_err(), Kind::Unknown);
    assert_eq!(setup.count("ada"), 1);
}

#[test]
fn a_session_that_has_ended_or_expired_is_not_renewed() {
    let setup = Setup::new();
    let (ended, expired) = (setup.login("ada"), setup.login("ada"));
    block_on(setup.sessions.end(ended.session().id())).unwrap();
    assert_eq!(renew(&setup, &ended, &ada()).unwrap_err(), Kind::Unknown);
    setup.clock.set(expired.session().expires_at());
    assert_eq!(renew(&setup, &expired, &ada()).unwrap_err(), Kind::Unknown);
    assert_eq!(setup.count("ada"), 0);
}

#[test]
fn a_logout_everywhere_since_the_renewal_began_leaves_no_session() {
    let setup = Setup::new();
    let old = setup.login("ada");
    let login = block_on(setup.sessions.begin()).unwrap();
    block_on(setup.sessions.end_all("ada")).unwrap();
    let renewed = block_on(login.renew(old.session().id(), &ada()));
    assert_eq!(renewed.unwrap_err().kind(), Kind::Unknown);
    assert_eq!(setup.count("ada"), 0);
}

#[test]
fn what_does_not_fit_costs_nobody_the_session() {
    let setup = Setup::new();
    let old = setup.login("ada");
    let bad = [
        Identity::new("bob", user()),
        ada().acr(""),
        ada().data(&"x".repeat(3_000)),
        ada().idle(Duration::from_secs(1)),
        Identity::new("ada", json!("no object")),
    ];
    for identity in bad {
        assert_eq!(
            renew(&setup, &old, &identity).unwrap_err(),
            Kind::Misconfigured
        );
    }
    setup.refresh(&old).unwrap();
    assert_eq!(setup.endings(), []);
}

#[test]
fn an_outage_leaves_the_old_session_or_none() {
    // The steps: mark, find, end, insert.
    for (skipped, left) in [(0, 1), (1, 1), (2, 1), (3, 0)] {
        let setup = Setup::new();
        let old = setup.login("ada");
        setup.store.fail(skipped, Fault::Before);
        assert_eq!(renew(&setup, &old, &ada()).unwrap_err(), Kind::Unavailable);
        assert!(!setup.store.heal());
        assert_eq!(setup.count("ada"), left, "{skipped}");
    }
}
