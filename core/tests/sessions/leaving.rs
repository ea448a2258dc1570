//! Access tokens after the session, whatever happens on the way out.

use std::{pin::pin, time::Duration};

use countersign::{AuthErrorKind, Ending, SessionErrorKind, SessionStore, TokenPair};
use futures_executor::block_on;

use crate::{
    faulty_store::Fault,
    setup::{START, Setup, poll},
};

fn verdict(setup: &Setup, pair: &TokenPair) -> Result<(), AuthErrorKind> {
    let verified = setup
        .sessions
        .verifier()
        .verify_now(pair.access_token().as_str());
    verified.map(|_| ()).map_err(|error| error.kind())
}

/// S09, S10.
#[test]
fn the_access_token_of_an_ended_session_is_refused_and_that_of_another_is_not() {
    let setup = Setup::new();
    let (ended, other) = (setup.login("ada"), setup.login("ada"));
    block_on(setup.sessions.end(ended.session().id())).unwrap();
    assert_eq!(verdict(&setup, &ended), Err(AuthErrorKind::Revoked));
    assert_eq!(verdict(&setup, &other), Ok(()));
}

#[test]
fn a_replay_takes_the_access_tokens_along() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    assert_eq!(verdict(&setup, &second), Ok(()));
    setup.pass(10);
    assert_eq!(
        setup.refresh(&first).err(),
        Some(SessionErrorKind::Replayed)
    );
    assert_eq!(verdict(&setup, &first), Err(AuthErrorKind::Revoked));
    assert_eq!(verdict(&setup, &second), Err(AuthErrorKind::Revoked));
}

#[test]
fn who_closes_the_connection_during_a_logout_is_logged_out() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    {
        setup.store.fail(1, Fault::Late);
        let mut ending = pin!(setup.sessions.end(pair.session().id()));
        assert!(poll(ending.as_mut()).is_pending());
        assert_eq!(verdict(&setup, &pair), Ok(()));
    }
    assert_eq!(verdict(&setup, &pair), Err(AuthErrorKind::Revoked));
}

#[test]
fn a_logout_that_the_store_refuses_revokes_nothing() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    setup.store.fail(1, Fault::Before);
    assert!(block_on(setup.sessions.end(pair.session().id())).is_err());
    assert_eq!(verdict(&setup, &pair), Ok(()));
}

#[test]
fn the_tokens_of_a_session_that_the_store_has_forgotten_can_be_revoked_too() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    block_on(setup.store.memory.end(pair.session().id(), 0)).unwrap();
    assert!(!block_on(setup.sessions.end(pair.session().id())).unwrap());
    assert_eq!(verdict(&setup, &pair), Err(AuthErrorKind::Revoked));
}

/// S11: by the longest life that a token can have, not by the usual one.
#[test]
fn a_revocation_outlasts_every_token_of_the_subject() {
    let setup = Setup::new();
    let long = serde_json::json!({ "sub": "ada", "exp": START + 86_400 });
    let long = setup.sessions.issuer().issue(&long).unwrap();
    setup.pass(1);
    block_on(setup.sessions.end_all("ada")).unwrap();
    let verifier = setup.sessions.verifier();
    for seconds in [0, 3_600, 86_000] {
        setup.clock.set(START + 1 + seconds);
        let error = verifier.verify_now(long.as_str()).unwrap_err();
        assert_eq!(error.kind(), AuthErrorKind::Revoked, "{seconds}");
    }
}

#[test]
fn one_login_too_many_ends_the_session_that_was_used_least_recently() {
    let setup = Setup::with(|builder| builder.per_subject(2));
    let first = setup.login("ada");
    setup.pass(1);
    let second = setup.login("ada");
    setup.pass(1);
    let first = setup.refresh(&first).unwrap();
    setup.events();
    setup.login("ada");
    assert_eq!(setup.endings(), [Ending::Displaced]);
    assert_eq!(setup.count("ada"), 2);
    assert_eq!(
        setup.refresh(&second).err(),
        Some(SessionErrorKind::Unknown)
    );
    assert!(setup.refresh(&first).is_ok());
}

#[test]
fn a_subject_needs_room_for_one_session() {
    let build = |sessions| {
        let clock = countersign::testing::FixedClock::at(START);
        let issuer = crate::setup::issuer(&clock).build().unwrap();
        let builder = countersign::Sessions::builder(issuer, countersign::MemoryStore::new());
        builder
            .per_subject(sessions)
            .idle(Duration::from_secs(3_600))
            .build()
    };
    assert!(build(1).is_ok());
    assert!(build(0).is_err());
}

#[test]
fn whoever_was_overtaken_twice_has_a_newer_token_and_is_told_so() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let mut newest = None;
    let answer = setup.refresh_while(&first, || {
        let second = setup.refresh(&first).unwrap();
        newest = Some(setup.refresh(&second).unwrap());
    });
    assert_eq!(answer.err(), Some(SessionErrorKind::Superseded));
    assert!(setup.refresh(&newest.unwrap()).is_ok());
}
