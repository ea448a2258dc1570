//! Tests of concurrent refreshes, and of events while claims are asked for.

use std::{future::pending, pin::pin, sync::Barrier, thread, time::Duration};

use countersign::{
    Sessions,
    session::{ClientInfo, EndReason, SessionErrorKind as Kind, SessionEvent, TokenPair},
};
use futures_executor::block_on;

use crate::{
    faulty_store::Fault,
    setup::{Setup, TTL, good, issuer, pending_once, poll, user},
};

/// S02, S04
#[test]
fn fifty_who_refresh_at_once_get_one_successor() {
    for _ in 0..20 {
        let setup = Setup::new();
        let first = setup.login("ada");
        setup.events();
        let answers = refresh_at_once(&setup, &first);
        let next = answers[0].as_ref().unwrap();
        for answer in &answers {
            assert_eq!(
                answer.as_ref().unwrap().refresh_token(),
                next.refresh_token()
            );
        }
        let events = setup.events();
        let is_rotation = |event: &&SessionEvent| matches!(event, SessionEvent::Refreshed { .. });
        assert_eq!(events.iter().filter(is_rotation).count(), 1);
        assert_eq!(events.len(), 50);
        assert_eq!(setup.count("ada"), 1);
        assert!(setup.refresh(next).is_ok());
    }
}

/// S04: without a window there is one answer, and no second live token.
#[test]
fn without_a_window_one_of_fifty_who_refresh_at_once_gets_an_answer() {
    for _ in 0..20 {
        let setup = Setup::with_grace(0);
        let first = setup.login("ada");
        let answers = refresh_at_once(&setup, &first);
        let (pairs, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((pairs.len(), refused.len()), (1, 49));
        for answer in refused {
            assert_eq!(answer.unwrap_err(), Kind::Superseded);
        }
        assert!(setup.refresh(pairs[0].as_ref().unwrap()).is_ok());
    }
}

/// S01: one replay is one alarm, however many threads detect it.
#[test]
fn a_replay_on_many_threads_is_told_once() {
    let setup = Setup::new();
    let first = setup.login("ada");
    setup.refresh(&first).unwrap();
    setup.pass(10);
    setup.events();
    let replay = || setup.refresh(&first).unwrap_err();
    for kind in on_threads(16, replay) {
        assert!(matches!(kind, Kind::Replayed | Kind::Unknown), "{kind:?}");
    }
    assert_eq!(setup.endings(), [EndReason::Replayed]);
}

/// S02: one tab's lookup of the user is slow, and the other tab has long been answered.
#[test]
fn the_window_does_not_pass_for_those_who_wait_for_their_claims() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let mut fast = None;
    let slow = setup.refresh_while(&first, || {
        fast = setup.refresh(&first).ok();
        setup.pass(3_600);
    });
    let slow = slow.unwrap();
    assert_eq!(slow.refresh_token(), fast.unwrap().refresh_token());
    assert_eq!(setup.endings(), []);
    assert!(setup.refresh(&slow).is_ok());
}

/// S02: the predecessor, if it came in time, can wait as well.
#[test]
fn a_predecessor_that_came_in_time_may_wait_for_its_claims() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    setup.pass(9);
    let again = setup.refresh_while(&first, || setup.pass(100)).unwrap();
    assert_eq!(again.refresh_token(), second.refresh_token());
}

/// S01, the twin: a predecessor that comes a second later is not in time.
#[test]
fn a_predecessor_that_came_late_is_not_asked_for_claims() {
    let setup = Setup::new();
    let first = setup.login("ada");
    setup.refresh(&first).unwrap();
    setup.pass(10);
    let late = setup.refresh_while(&first, || panic!("asked for claims"));
    assert_eq!(late.unwrap_err(), Kind::Replayed);
}

/// F24: others exchange the token twice while it waits. It gets the same token as they do.
#[test]
fn a_token_that_grows_old_while_it_waits_gets_the_current_one() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let mut third = None;
    let slow = setup.refresh_while(&first, || {
        let second = setup.refresh(&first).unwrap();
        third = setup.refresh(&second).ok();
    });
    let third = third.unwrap();
    assert_eq!(slow.unwrap().refresh_token(), third.refresh_token());
    assert_eq!(setup.endings(), []);
    assert!(setup.refresh(&third).is_ok());
}

/// F24: a repeated answer is the newest token, never one that has been exchanged in the meantime.
#[test]
fn an_exchanged_token_is_not_answered_with_one_that_is_spent() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    let mut third = None;
    let slow = setup.refresh_while(&first, || third = setup.refresh(&second).ok());
    let third = third.unwrap();
    assert_eq!(slow.unwrap().refresh_token(), third.refresh_token());
    assert_eq!(setup.endings(), []);
}

/// S03: the row forgets a token that waits for longer than its window, when others go on. This is
/// not a theft, but there is no answer.
#[test]
fn a_token_that_the_session_forgets_while_it_waits_gets_no_answer_and_ends_nothing() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let mut third = None;
    let slow = setup.refresh_while(&first, || {
        let second = setup.refresh(&first).unwrap();
        setup.pass(10);
        third = setup.refresh(&second).ok();
    });
    assert_eq!(slow.unwrap_err(), Kind::Superseded);
    assert_eq!(setup.endings(), []);
    // Presenting it again is a replay.
    let fourth = setup.refresh(&third.unwrap()).unwrap();
    assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Replayed);
    assert_eq!(setup.refresh(&fourth).unwrap_err(), Kind::Unknown);
}

/// S09: no access token is made for a session that has ended while claims were asked for.
#[test]
fn a_logout_while_claims_are_asked_for_is_final() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let logout = || {
        block_on(setup.sessions.end(pair.session().id())).unwrap();
    };
    assert_eq!(
        setup.refresh_while(&pair, logout).unwrap_err(),
        Kind::Unknown
    );
}

/// S09: the predecessor in its window is no way around it.
#[test]
fn a_logout_while_a_predecessor_waits_is_final() {
    let setup = Setup::new();
    let first = setup.login("ada");
    setup.refresh(&first).unwrap();
    let logout = || {
        block_on(setup.sessions.end_all("ada")).unwrap();
    };
    assert_eq!(
        setup.refresh_while(&first, logout).unwrap_err(),
        Kind::Unknown
    );
}

/// S05
#[test]
fn a_session_that_expires_while_claims_are_asked_for_has_expired() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    let left = second.refresh_expires_in();
    for token in [&first, &second] {
        let slow = setup.refresh_while(token, || setup.pass(left));
        assert_eq!(slow.unwrap_err(), Kind::Expired);
        setup.pass(-left);
    }
    // The twin: a second before. For the same session, only a clock that goes back can show it.
    let slow = setup.refresh_while(&second, || setup.pass(left - 1));
    assert!(slow.is_ok());
}

/// S02: a request that is dropped half-way is an answer that got lost.
#[test]
fn a_refresh_that_is_dropped_anywhere_costs_nothing() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let waits_for_ever = async |_| {
        pending::<()>().await;
        good(user())
    };
    let client = ClientInfo::new();
    let mut refreshed = Box::pin(setup.sessions.refresh(
        first.refresh_token(),
        &client,
        waits_for_ever,
    ));
    assert!(poll(refreshed.as_mut()).is_pending());
    drop(refreshed);
    assert!(setup.refresh(&first).is_ok());
}

/// Refreshes one token fifty times. All have seen that it is current before the first of them
/// exchanges it.
fn refresh_at_once(setup: &Setup, token: &TokenPair) -> Vec<Result<TokenPair, Kind>> {
    let all_have_seen_it = Barrier::new(50);
    on_threads(50, || {
        let client = ClientInfo::new();
        let claims = async |_| {
            pending_once().await;
            good(user())
        };
        let refreshed = setup
            .sessions
            .refresh(token.refresh_token(), &client, claims);
        let mut refreshed = pin!(refreshed);
        let polled = poll(refreshed.as_mut());
        all_have_seen_it.wait();
        assert!(polled.is_pending());
        block_on(refreshed).map_err(|error| error.kind())
    })
}

fn on_threads<T: Send>(count: usize, call: impl Fn() -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(&call)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

/// Nodes whose access tokens have different lifetimes, as when a new setting is rolled out: the
/// store is given the longer lifetime with each answer, and others exchange tokens in between.
#[test]
fn an_answer_that_others_overtake_is_looked_for_again() {
    for overtaken in 0..=4 {
        let setup = Setup::new();
        let long = node_of_long_tokens(&setup);
        let first = setup.login("ada");
        let mut newest = setup.refresh(&first).unwrap();
        let client = ClientInfo::new();
        let claims = async |_| good(user());
        let mut again = pin!(long.refresh(first.refresh_token(), &client, claims));
        // The state that it finds first decides whether claims are asked for.
        setup.store.fail(1, Fault::Late);
        for _ in 0..overtaken {
            assert!(poll(again.as_mut()).is_pending());
            newest = setup.refresh(&newest).unwrap();
            // It learns that it was overtaken, and looks again.
            setup.store.fail(1, Fault::Late);
        }
        setup.store.heal();
        let again = block_on(again);
        if overtaken < 4 {
            assert_eq!(again.unwrap().refresh_token(), newest.refresh_token());
        } else {
            // The client may try again.
            assert_eq!(again.unwrap_err().kind(), Kind::Unavailable);
        }
        assert_eq!(setup.endings(), []);
        let again = setup.refresh(&first).unwrap();
        assert_eq!(again.refresh_token(), newest.refresh_token());
    }
}

/// The twin: its window has closed in the meantime.
#[test]
fn an_answer_that_others_overtake_is_not_given_to_a_token_whose_window_has_closed() {
    let setup = Setup::new();
    let long = node_of_long_tokens(&setup);
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    let client = ClientInfo::new();
    let claims = async |_| good(user());
    let mut again = pin!(long.refresh(first.refresh_token(), &client, claims));
    setup.store.fail(1, Fault::Late);
    assert!(poll(again.as_mut()).is_pending());
    setup.pass(10);
    let third = setup.refresh(&second).unwrap();
    assert_eq!(block_on(again).unwrap_err().kind(), Kind::Superseded);
    assert_eq!(setup.endings(), []);
    assert!(setup.refresh(&third).is_ok());
}

/// Returns a node on the same store and clock, whose access tokens live twice as long.
fn node_of_long_tokens(setup: &Setup) -> Sessions {
    let issuer = issuer(&setup.clock).ttl(Duration::from_secs(2 * TTL.unsigned_abs()));
    let sessions = Sessions::builder(issuer.build().unwrap(), setup.store.clone());
    sessions.build().unwrap()
}
