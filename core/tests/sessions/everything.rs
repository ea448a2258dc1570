//! Tests of the end of everything that began before a time.

use countersign::{
    AuthErrorKind, Sessions,
    session::{ClientInfo, Identity, SessionErrorKind, SessionEvent, TokenPair},
};
use futures_executor::block_on;

use crate::{
    faulty_store::Fault,
    setup::{START, Setup, issuer, user},
};

/// Returns the refusal of an access token; `None` if it is accepted.
fn refusal(sessions: &Sessions, pair: &TokenPair) -> Option<AuthErrorKind> {
    let verified = sessions.verifier().verify_now(pair.access_token().as_str());
    verified.err().map(|error| error.kind())
}

const REVOKED: Option<AuthErrorKind> = Some(AuthErrorKind::Revoked);

fn end_before(setup: &Setup, time: i64) -> Result<u64, SessionErrorKind> {
    let ended = block_on(setup.sessions.end_everything_before(time));
    ended.map_err(|error| error.kind())
}

#[test]
fn what_began_before_ends_and_what_began_later_goes_on() {
    let setup = Setup::new();
    let old = ["ada", "bob"].map(|name| setup.login(name));
    setup.pass(100);
    // At the very second, it is not before.
    let later = setup.login("ada");
    setup.pass(1);
    // This one has a token from after that time.
    let refreshed = setup.refresh(&old[1]).unwrap();
    setup.pass(10);
    setup.events();

    assert_eq!(end_before(&setup, START + 100), Ok(2));
    for pair in [&old[0], &old[1], &refreshed] {
        assert_eq!(refusal(&setup.sessions, pair), REVOKED);
        assert_eq!(setup.refresh(pair).unwrap_err(), SessionErrorKind::Unknown);
    }
    assert_eq!(refusal(&setup.sessions, &later), None);
    setup.refresh(&later).unwrap();
    let events = setup.events();
    let SessionEvent::EndedEverything {
        begun_before,
        sessions,
        ..
    } = &events[0]
    else {
        panic!("{events:?}");
    };
    assert_eq!((*begun_before, *sessions), (START + 100, 2));
    assert_eq!(events[0].name(), "ended_everything");

    assert_eq!(end_before(&setup, START + 100), Ok(0));
    let again = setup.login("bob");
    assert_eq!(refusal(&setup.sessions, &again), None);
}

#[test]
fn tokens_without_a_session_are_revoked_by_their_time() {
    let setup = Setup::new();
    let issue = || setup.sessions.issuer().issue(&user()).unwrap();
    let before = issue();
    setup.pass(1);
    let at = issue();
    setup.pass(1);
    assert_eq!(end_before(&setup, START + 1), Ok(0));
    let verifier = setup.sessions.verifier();
    let refusal = |text: &str| verifier.verify_now(text).err().map(|error| error.kind());
    assert_eq!(refusal(before.as_str()), REVOKED);
    assert_eq!(refusal(at.as_str()), None);
}

#[test]
fn another_realm_goes_on() {
    let setup = Setup::new();
    let own = setup.login("ada");
    let abroad = Sessions::builder(issuer(&setup.clock).build().unwrap(), setup.store.clone())
        .realm("back office")
        .revocation(setup.sessions.revocation().clone())
        .build()
        .unwrap();
    let ada = Identity::new("ada", user());
    let other = block_on(abroad.start(&ada, ClientInfo::new())).unwrap();
    setup.pass(10);
    assert_eq!(end_before(&setup, START + 5), Ok(1));
    assert_eq!(refusal(&setup.sessions, &own), REVOKED);
    assert_eq!(refusal(&abroad, &other), None);
    assert_eq!(block_on(abroad.list("ada")).unwrap().len(), 1);
}

#[test]
fn a_time_in_the_future_is_refused() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    for time in [START + 1, i64::MAX] {
        assert_eq!(
            end_before(&setup, time),
            Err(SessionErrorKind::Misconfigured)
        );
    }
    assert_eq!(refusal(&setup.sessions, &pair), None);
    for time in [START, i64::MIN, 0] {
        assert_eq!(end_before(&setup, time), Ok(0));
    }
    assert_eq!(refusal(&setup.sessions, &pair), None);
    setup.refresh(&pair).unwrap();
}

#[test]
fn a_login_that_is_under_way_begins_again() {
    let setup = Setup::new();
    let ada = Identity::new("ada", user());
    let early = block_on(setup.sessions.begin()).unwrap();
    setup.pass(10);
    assert_eq!(end_before(&setup, START + 10), Ok(0));
    let refused = block_on(early.start(&ada, ClientInfo::new()));
    assert_eq!(refused.unwrap_err().kind(), SessionErrorKind::Unknown);
    setup.login("ada");
}

#[test]
fn while_the_store_does_not_answer_tokens_are_refused_and_another_call_does_the_rest() {
    for fault in [Fault::Before, Fault::After] {
        let setup = Setup::new();
        let old = setup.login("ada");
        setup.pass(100);
        let refreshed = setup.refresh(&old).unwrap();
        setup.store.fail(0, fault);
        let failed = end_before(&setup, START + 50);
        assert_eq!(failed, Err(SessionErrorKind::Unavailable));
        assert!(!setup.store.heal());
        for pair in [&old, &refreshed] {
            assert_eq!(refusal(&setup.sessions, pair), REVOKED, "{fault:?}");
        }
        let left = u64::from(fault == Fault::Before);
        assert_eq!(end_before(&setup, START + 50), Ok(left));
        assert_eq!(setup.count("ada"), 0);
        assert_eq!(refusal(&setup.sessions, &refreshed), REVOKED);
    }
}
