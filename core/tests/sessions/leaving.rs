//! Access tokens after the session, whatever happens on the way out.

use std::{pin::pin, time::Duration};

use countersign::{
    AuthErrorKind, Client, Ending, Identity, Revocation, SessionErrorKind, SessionStore, TokenPair,
    testing::FixedClock,
};
use futures_executor::block_on;

use crate::{
    faulty_store::Fault,
    setup::{START, Setup, TTL, poll},
};

/// The largest leeway that a verifier can have.
const LEEWAY: i64 = 300;

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
    block_on(setup.store.memory.end(pair.session().id(), None)).unwrap();
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
        let clock = FixedClock::at(START);
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

/// Ends the session of a pair, in one way or another.
type End = fn(&Setup, &TokenPair);

/// F5: an entry of the list of revocations lives as long as the session's own tokens can.
#[test]
fn a_revocation_lives_as_long_as_the_tokens_of_the_session() {
    let ways: [End; 3] = [
        |setup, pair| assert!(block_on(setup.sessions.end(pair.session().id())).unwrap()),
        |setup, pair| assert!(setup.refresh(pair).is_err()),
        |setup, _| assert_eq!(block_on(setup.sessions.end_all("ada")).unwrap(), 1),
    ];
    for (way, end) in ways.into_iter().enumerate() {
        let setup = Setup::new();
        let first = setup.login("ada");
        let last = setup.refresh(&first).unwrap();
        setup.pass(10);
        end(&setup, &first);
        let lax = setup.sessions.issuer().verifier();
        // As long as any verifier could accept the last of them.
        setup.clock.set(START + TTL + LEEWAY - 1);
        assert!(setup.sessions.revocation().status().entries > 0);
        setup.clock.set(START + TTL + 29);
        assert!(lax.verify_now(last.access_token().as_str()).is_ok());
        assert_eq!(verdict(&setup, &last), Err(AuthErrorKind::Revoked), "{way}");
    }
}

/// F5: not for as long as a token could live that an app asks for itself, a day by default.
#[test]
fn a_revocation_is_dropped_when_no_token_can_live() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let start = || setup.sessions.revocation().status();
    block_on(setup.sessions.end(pair.session().id())).unwrap();
    assert_eq!(start().entries, 1);
    // What an answer takes, the window, the life of a token, the leeway; and a minute for clocks.
    setup.pass(60 + 10 + TTL + LEEWAY + 61);
    for _ in 0..64 {
        let other = setup.login("bob");
        block_on(setup.sessions.end(other.session().id())).unwrap();
    }
    assert_eq!(start().entries, 64);
}

/// A refresh exchanges a token between the two questions of a logout, when the tokens that the logout knows
/// of have long expired.
#[test]
fn a_token_of_a_refresh_that_a_logout_overtakes_is_revoked_too() {
    let setup = Setup::new();
    let first = setup.login("ada");
    setup.pass(TTL + LEEWAY + 3_600);
    let mut second = None;
    {
        let ending = setup.sessions.end(first.session().id());
        let mut ending = pin!(ending);
        setup.store.fail(0, Fault::Late);
        assert!(poll(ending.as_mut()).is_pending());
        second = second.or_else(|| setup.refresh(&first).ok());
        assert!(block_on(ending).unwrap());
    }
    let second = second.unwrap();
    for seconds in [0, 300, TTL - 1 - 300, LEEWAY / 10] {
        setup.pass(seconds);
        assert_eq!(verdict(&setup, &second), Err(AuthErrorKind::Revoked));
    }
}

/// F5: one account cannot fill the list, and so take everybody's requests down.
#[test]
fn one_subject_cannot_take_more_than_its_share_of_the_list() {
    let list = |clock: &FixedClock| {
        let list = Revocation::local().capacity(2_000).clock(clock.clone());
        list.build().unwrap()
    };
    let setup = Setup::with_clock(|builder, clock| builder.revocation(list(clock)));
    let mallory = Identity::new("mallory", crate::setup::user());
    let mut pairs = Vec::new();
    for login in 0..2_000 {
        if login % 100 == 99 {
            setup.pass(1);
        }
        let pair = block_on(setup.sessions.start(&mallory, Client::new())).unwrap();
        assert!(block_on(setup.sessions.end(pair.session().id())).unwrap());
        pairs.push(pair);
    }
    assert!(setup.sessions.revocation().status().entries <= 21);
    // All of these are revoked, by name or together.
    for pair in &pairs {
        assert_eq!(verdict(&setup, pair), Err(AuthErrorKind::Revoked));
    }
    // Others log in and out as ever.
    let ada = setup.login("ada");
    assert_eq!(verdict(&setup, &ada), Ok(()));
    assert!(block_on(setup.sessions.end(ada.session().id())).unwrap());
    assert_eq!(verdict(&setup, &ada), Err(AuthErrorKind::Revoked));
    // And so does she, a second later.
    setup.pass(1);
    let pair = block_on(setup.sessions.start(&mallory, Client::new())).unwrap();
    assert_eq!(verdict(&setup, &pair), Ok(()));
    assert!(setup.refresh(&pair).is_ok());
}

#[test]
fn a_claims_function_that_takes_longer_than_the_window_makes_no_token_that_outlives_its_revocation()
{
    let setup = Setup::new();
    let first = setup.login("ada");
    let mut second = None;
    let slow = setup.refresh_while(&first, || {
        second = setup.refresh(&first).ok();
        setup.pass(3_600);
    });
    let slow = slow.unwrap();
    assert_eq!(
        slow.refresh_token(),
        second.as_ref().unwrap().refresh_token()
    );
    block_on(setup.sessions.end(slow.session().id())).unwrap();
    setup.clock.set(slow.access_token().expires_at() - 1);
    assert_eq!(verdict(&setup, &slow), Err(AuthErrorKind::Revoked));
}
