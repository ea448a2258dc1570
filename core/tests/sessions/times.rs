//! Tests of the lifetimes of sessions and their tokens, even with a clock that goes wrong.

use std::time::Duration;

use countersign::{
    AuthErrorKind,
    session::{ClientInfo, SessionErrorKind as Kind, TokenPair},
};
use futures_executor::block_on;

use crate::setup::{START, Setup, TTL, good, user};

/// Returns a setup whose sessions live for 2500 s, and for 1000 s without use.
fn short() -> Setup {
    Setup::with(|builder| {
        builder
            .idle(Duration::from_secs(1_000))
            .absolute(Duration::from_secs(2_500))
    })
}

/// S05
#[test]
fn a_session_that_is_not_used_expires() {
    let setup = short();
    let pair = setup.login("ada");
    assert_eq!(pair.session().expires_at(), START + 1_000);
    setup.pass(1_000);
    assert_eq!(setup.refresh(&pair).unwrap_err(), Kind::Expired);
    assert_eq!(setup.count("ada"), 0);
    // It was not ended: there was nothing to end, and no replay.
    assert_eq!(setup.endings(), []);
}

/// S05, the twin
#[test]
fn a_session_that_is_used_a_second_before_it_expires_goes_on() {
    let setup = short();
    let pair = setup.login("ada");
    setup.pass(999);
    let next = setup.refresh(&pair).unwrap();
    assert_eq!(next.session().expires_at(), START + 1_999);
    assert_eq!(next.session().last_used_at(), START + 999);
    assert_eq!(next.session().created_at(), START);
}

/// S05
#[test]
fn no_use_extends_the_absolute_life() {
    let setup = short();
    let mut pair = setup.login("ada");
    for (at, expires_at) in [(900, 1_900), (1_800, 2_500), (2_400, 2_500), (2_499, 2_500)] {
        setup.clock.set(START + at);
        pair = setup.refresh(&pair).unwrap();
        assert_eq!(pair.session().expires_at(), START + expires_at, "{at}");
        assert_eq!(pair.refresh_expires_in(), expires_at - at);
    }
    setup.clock.set(START + 2_500);
    assert_eq!(setup.refresh(&pair).unwrap_err(), Kind::Expired);
}

/// S05: the window of the last exchange ends with the session.
#[test]
fn the_grace_window_does_not_extend_the_absolute_life() {
    let setup = short();
    let mut pair = setup.login("ada");
    for at in [900, 1_800] {
        setup.clock.set(START + at);
        pair = setup.refresh(&pair).unwrap();
    }
    setup.clock.set(START + 2_499);
    setup.refresh(&pair).unwrap();
    let again = setup.refresh(&pair).unwrap();
    assert_eq!(again.session().expires_at(), START + 2_500);
    setup.pass(1);
    assert_eq!(setup.refresh(&pair).unwrap_err(), Kind::Expired);
}

/// S05: a refresh is a use; a repeated answer is not.
#[test]
fn a_repeated_answer_extends_nothing() {
    let setup = short();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    setup.pass(9);
    let again = setup.refresh(&first).unwrap();
    assert_eq!(again.session(), second.session());
    assert_eq!(again.refresh_expires_in(), 991);
}

/// S05: the absolute expiry is fixed at the login, whatever is asked for later.
#[test]
fn a_node_with_other_settings_does_not_extend_the_absolute_life() {
    let setup = short();
    let pair = setup.login("ada");
    let node = setup.node();
    let client = ClientInfo::new();
    let next = block_on(node.refresh(pair.refresh_token(), &client, async |_| good(user())));
    assert_eq!(next.unwrap().session().expires_at(), START + 2_500);
}

/// S05
#[test]
fn an_access_token_does_not_outlive_its_session() {
    let setup = short();
    let mut pair = setup.login("ada");
    assert_eq!(setup.claims(&pair)["exp"], START + TTL);
    for at in [900, 1_600, 1_601, 2_400] {
        setup.clock.set(START + at);
        pair = setup.refresh(&pair).unwrap();
        let expected = (START + at + TTL).min(START + 2_500);
        assert_eq!(setup.claims(&pair)["exp"], expected, "{at}");
        assert_eq!(pair.access_token().expires_at(), expected);
    }
    assert_eq!(pair.access_token().expires_in(), 100);
    setup.clock.set(START + 2_500 + 31);
    let verifier = setup.sessions.verifier();
    let refused = verifier.verify_now(pair.access_token().as_str());
    assert_eq!(refused.unwrap_err().kind(), AuthErrorKind::Expired);
}

/// S05: nor does that of a repeated answer.
#[test]
fn an_access_token_of_a_repeated_answer_does_not_outlive_its_session() {
    let setup = short();
    let mut pair = setup.login("ada");
    for at in [900, 1_800] {
        setup.clock.set(START + at);
        pair = setup.refresh(&pair).unwrap();
    }
    setup.clock.set(START + 2_490);
    setup.refresh(&pair).unwrap();
    setup.pass(5);
    let again = setup.refresh(&pair).unwrap();
    assert_eq!(again.access_token().expires_at(), START + 2_500);
    assert_eq!(again.access_token().expires_in(), 5);
}

/// S08
#[test]
fn a_clock_that_goes_back_accuses_nobody() {
    let setup = short();
    let first = setup.login("ada");
    setup.pass(500);
    let second = setup.refresh(&first).unwrap();
    setup.pass(-400);
    // The predecessor is still in its window, and the current token is current.
    let again = setup.refresh(&first).unwrap();
    assert_eq!(again.refresh_token(), second.refresh_token());
    let third = setup.refresh(&second).unwrap();
    assert!(setup.refresh(&third).is_ok());
    assert_eq!(setup.endings(), []);
}

/// S08
#[test]
fn a_clock_that_goes_back_does_not_shorten_a_session() {
    let setup = short();
    let first = setup.login("ada");
    setup.pass(500);
    let second = setup.refresh(&first).unwrap();
    setup.pass(-400);
    let third = setup.refresh(&second).unwrap();
    assert_eq!(third.session().last_used_at(), START + 500);
    assert_eq!(third.session().expires_at(), START + 1_500);
}

/// S08
#[test]
fn a_clock_that_goes_back_does_not_extend_the_absolute_life() {
    let setup = short();
    let mut pair = setup.login("ada");
    for at in [900, 1_800, 2_400, 100, 2_499] {
        setup.clock.set(START + at);
        pair = setup.refresh(&pair).unwrap();
        assert!(pair.session().expires_at() <= START + 2_500);
    }
    setup.clock.set(START + 2_500);
    assert_eq!(setup.refresh(&pair).unwrap_err(), Kind::Expired);
}

/// S08: time does not change that it is over.
#[test]
fn a_clock_that_goes_back_revives_no_ended_session() {
    let setup = short();
    let first = setup.login("ada");
    setup.pass(100);
    let second = setup.refresh(&first).unwrap();
    setup.pass(10);
    setup.refresh(&first).unwrap_err();
    for back in [10, 100, 1_000_000] {
        setup.clock.set(START + 110 - back);
        assert_eq!(setup.refresh(&second).unwrap_err(), Kind::Unknown);
        assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Unknown);
    }
}

/// S08: a clock that is ahead for a moment ends nothing.
#[test]
fn a_clock_that_leaps_ahead_and_back_costs_nothing() {
    let setup = short();
    let pair = setup.login("ada");
    setup.pass(1_000_000);
    assert_eq!(setup.refresh(&pair).unwrap_err(), Kind::Expired);
    setup.pass(-1_000_000);
    assert!(setup.refresh(&pair).is_ok());
}

/// S08
#[test]
fn an_older_token_is_a_replay_whatever_the_clock_says() {
    for time in [START - 1_000_000, START, START + 50] {
        let setup = short();
        let first = setup.login("ada");
        let second = setup.refresh(&first).unwrap();
        setup.pass(10);
        setup.refresh(&second).unwrap();
        setup.clock.set(time);
        assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Replayed);
    }
}

/// S08: a clock without a time, or with an absurd one, lets nothing through.
#[test]
fn no_time_overflows() {
    for time in [i64::MIN, -1, 0, i64::MAX] {
        let setup = short();
        let first = setup.login("ada");
        let second = setup.refresh(&first).unwrap();
        setup.clock.set(time);
        for token in [&first, &second] {
            let _: Result<TokenPair, Kind> = setup.refresh(token);
        }
        let id = first.session().id();
        assert!(block_on(setup.sessions.end(id)).unwrap());
    }
}
