//! Tests of a store that is away, or whose answers get lost.

use std::convert::Infallible;

use countersign::session::{ClientInfo, EndReason, Identity, SessionErrorKind as Kind, TokenPair};
use futures_executor::block_on;
use serde_json::Value;

use crate::{
    faulty_store::{Fault, Step},
    log,
    setup::{Setup, user},
};

const FAULTS: [Fault; 2] = [Fault::Before, Fault::After];

/// S06
#[test]
fn a_store_that_is_away_is_an_outage_and_no_logout() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    setup.events();
    setup.store.is_down(true);
    for token in [&first, &second] {
        for _ in 0..3 {
            assert_eq!(setup.refresh(token).unwrap_err(), Kind::Unavailable);
        }
    }
    assert!(setup.events().is_empty());

    // It comes back, and nothing has to be restarted.
    setup.store.is_down(false);
    assert_eq!(
        setup.refresh(&first).unwrap().refresh_token(),
        second.refresh_token()
    );
    assert!(setup.refresh(&second).is_ok());
}

/// S06: a replay that cannot be reported to the store is refused too, and detected at the next
/// chance.
#[test]
fn a_replay_during_an_outage_is_caught_after_it() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    setup.pass(10);
    setup.store.fail(1, Fault::Before);
    assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Unavailable);
    assert_eq!(setup.endings(), []);
    assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Replayed);
    assert_eq!(setup.endings(), [EndReason::Replayed]);
    assert_eq!(setup.refresh(&second).unwrap_err(), Kind::Unknown);
}

/// S06
#[test]
fn nothing_is_answered_without_the_store() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let (sessions, id) = (&setup.sessions, pair.session().id());
    setup.events();
    setup.store.is_down(true);
    let kinds = [
        block_on(sessions.start(&Identity::new("ada", user()), ClientInfo::new())).err(),
        block_on(sessions.end(id)).err(),
        block_on(sessions.end_by_token(pair.refresh_token())).err(),
        block_on(sessions.end_of("ada", id)).err(),
        block_on(sessions.end_all("ada")).err(),
        block_on(sessions.list("ada")).err(),
        block_on(sessions.sweep()).err(),
    ];
    for error in kinds {
        let error = error.unwrap();
        assert_eq!(
            (error.kind(), error.kind().status()),
            (Kind::Unavailable, 503)
        );
    }
    assert!(setup.events().is_empty());
    setup.store.is_down(false);
    assert_eq!(setup.count("ada"), 1);
}

/// S06: a text that is not a refresh token is refused without the store.
#[test]
fn what_is_no_token_is_refused_even_in_an_outage() {
    let setup = Setup::new();
    setup.store.is_down(true);
    assert_eq!(setup.refresh("x").unwrap_err(), Kind::Malformed);
    assert!(!block_on(setup.sessions.end_by_token("x")).unwrap());
}

/// S07
#[test]
fn a_fault_at_any_step_of_an_exchange_neither_loses_nor_forks_the_session() {
    for (skipped, fault) in steps(2) {
        let setup = Setup::new();
        let first = setup.login("ada");
        setup.store.fail(skipped, fault);
        assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Unavailable);
        goes_on_as_one_chain(&setup, &first);
    }
}

/// S07
#[test]
fn a_fault_at_any_step_of_a_repeated_answer_neither_loses_nor_forks_the_session() {
    for (skipped, fault) in steps(2) {
        let setup = Setup::new();
        let first = setup.login("ada");
        setup.refresh(&first).unwrap();
        setup.store.fail(skipped, fault);
        assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Unavailable);
        goes_on_as_one_chain(&setup, &first);
    }
}

/// S07: another request exchanges the token while the claims are asked for. That adds a rotation
/// that fails, and one more look.
#[test]
fn a_fault_at_any_step_of_a_lost_race_neither_loses_nor_forks_the_session() {
    for (skipped, fault) in steps(2) {
        let setup = Setup::new();
        let first = setup.login("ada");
        let slow = setup.refresh_while(&first, || {
            setup.refresh(&first).unwrap();
            setup.store.fail(skipped, fault);
        });
        assert_eq!(slow.unwrap_err(), Kind::Unavailable, "{skipped} {fault:?}");
        goes_on_as_one_chain(&setup, &first);
    }
}

/// S07: the tests above try a fault at every step of their calls.
#[test]
fn an_exchange_and_a_repeated_answer_are_two_steps_each() {
    let setup = Setup::new();
    let first = setup.login("ada");
    assert_eq!(setup.store.steps(), [Step::Mark, Step::List, Step::Insert]);
    setup.refresh(&first).unwrap();
    assert_eq!(setup.store.steps(), [Step::Find, Step::Rotate]);
    setup.refresh(&first).unwrap();
    assert_eq!(setup.store.steps(), [Step::Find, Step::Find]);
    let lost = setup.refresh_while(&first, || {
        setup.store.steps();
    });
    lost.unwrap();
    assert_eq!(setup.store.steps(), [Step::Find]);
    let second = setup.refresh(&first).unwrap();
    let raced = setup.refresh_while(&second, || {
        setup.refresh(&second).unwrap();
        setup.store.steps();
    });
    raced.unwrap();
    assert_eq!(setup.store.steps(), [Step::Rotate, Step::Find]);
}

/// S07: a login whose answer gets lost leaves at most a session that no client can use.
#[test]
fn a_fault_of_a_login_starts_no_session_that_anyone_has_a_token_of() {
    for (skipped, fault, rows) in [
        (0, Fault::Before, 0),
        (0, Fault::After, 0),
        (1, Fault::Before, 0),
        (1, Fault::After, 0),
        (2, Fault::Before, 0),
        (2, Fault::After, 1),
    ] {
        let setup = Setup::new();
        setup.store.fail(skipped, fault);
        let identity = Identity::new("ada", user());
        let refused = block_on(setup.sessions.start(&identity, ClientInfo::new()));
        assert_eq!(refused.unwrap_err().kind(), Kind::Unavailable);
        assert!(setup.events().is_empty());
        assert_eq!(setup.count("ada"), rows);
        let pair = setup.login("ada");
        assert!(setup.refresh(&pair).is_ok());
    }
}

/// S07: a logout that may have failed is tried again until it has succeeded.
#[test]
fn a_logout_is_tried_again_after_a_fault_at_any_step() {
    for (skipped, fault) in steps(2) {
        let setup = Setup::new();
        let pair = setup.login("ada");
        let logout = || block_on(setup.sessions.end_by_token(pair.refresh_token()));
        setup.store.fail(skipped, fault);
        assert_eq!(logout().unwrap_err().kind(), Kind::Unavailable);
        // Only the second try shows whether it had happened.
        let happened = (skipped, fault) == (1, Fault::After);
        assert_eq!(logout().unwrap(), !happened);
        assert_eq!(setup.refresh(&pair).unwrap_err(), Kind::Unknown);
    }
}

/// S07
#[test]
fn a_logout_everywhere_is_tried_again_after_a_fault() {
    for (fault, left) in [(Fault::Before, 2), (Fault::After, 0)] {
        let setup = Setup::new();
        let pairs = [setup.login("ada"), setup.login("ada")];
        setup.store.fail(0, fault);
        let refused = block_on(setup.sessions.end_all("ada")).unwrap_err();
        assert_eq!(refused.kind(), Kind::Unavailable);
        assert_eq!(block_on(setup.sessions.end_all("ada")).unwrap(), left);
        for pair in &pairs {
            assert_eq!(setup.refresh(pair).unwrap_err(), Kind::Unknown);
        }
    }
}

/// S01, S07: a replay is never answered, even if ending its session meets a fault.
#[test]
fn a_replay_is_refused_whatever_step_fails() {
    for (skipped, fault) in steps(2) {
        let setup = Setup::new();
        let first = setup.login("ada");
        let second = setup.refresh(&first).unwrap();
        setup.pass(10);
        setup.store.fail(skipped, fault);
        assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Unavailable);
        let kind = setup.refresh(&first).unwrap_err();
        let happened = (skipped, fault) == (1, Fault::After);
        let expected = if happened {
            Kind::Unknown
        } else {
            Kind::Replayed
        };
        assert_eq!(kind, expected);
        assert_eq!(setup.refresh(&second).unwrap_err(), Kind::Unknown);
    }
}

/// S07: a subject that is gone stays gone, whatever step fails.
#[test]
fn a_session_without_its_subject_is_refused_whatever_step_fails() {
    for (skipped, fault) in steps(2) {
        let setup = Setup::new();
        let pair = setup.login("ada");
        let refresh = || {
            let gone = async |_| Ok::<Option<Value>, Infallible>(None);
            let client = ClientInfo::new();
            let refreshed = setup.sessions.refresh(pair.refresh_token(), &client, gone);
            block_on(refreshed).unwrap_err().kind()
        };
        setup.store.fail(skipped, fault);
        assert_eq!(refresh(), Kind::Unavailable);
        let happened = (skipped, fault) == (1, Fault::After);
        let expected = if happened {
            Kind::Unknown
        } else {
            Kind::SubjectGone
        };
        assert_eq!(refresh(), expected);
        assert_eq!(setup.count("ada"), 0);
    }
}

/// Returns the first steps of a call, each with each fault.
fn steps(count: usize) -> impl Iterator<Item = (usize, Fault)> {
    (0..count).flat_map(|skipped| FAULTS.map(|fault| (skipped, fault)))
}

/// Checks that a client that got no answer can present its token again.
#[track_caller]
fn goes_on_as_one_chain(setup: &Setup, token: &TokenPair) {
    assert!(!setup.store.heal(), "there was no such step");
    let next = setup.refresh(token).unwrap();
    // There is one successor, and never a second one.
    let again = setup.refresh(token).unwrap();
    assert_eq!(again.refresh_token(), next.refresh_token());
    let third = setup.refresh(&next).unwrap();
    assert!(setup.refresh(&third).is_ok());
    assert_eq!(setup.count("ada"), 1);
    assert_eq!(setup.endings(), []);
}

#[test]
fn an_outage_of_the_store_is_told_once_and_so_is_its_end() {
    log::listen();
    let setup = Setup::new();
    let list = || block_on(setup.sessions.list("ada")).is_ok();
    let told = || {
        let lines = log::take();
        lines.matches("the session store").count()
    };
    assert!(list() && told() == 0);
    setup.store.is_down(true);
    assert!((0..5).all(|_| !list()));
    let began = log::take();
    assert_eq!(
        began.matches("the session store fails").count(),
        1,
        "{began}"
    );
    assert!(
        began.contains("op=\"list\"") && began.contains("cause="),
        "{began}"
    );
    setup.store.is_down(false);
    assert!((0..5).all(|_| list()));
    let over = log::take();
    assert_eq!(
        over.matches("the session store answers again").count(),
        1,
        "{over}"
    );
    assert!(list() && told() == 0);
}

/// A store that reads and does not write is one that clients could fill the log with.
#[test]
fn an_outage_of_writes_alone_is_told_within_limits() {
    log::listen();
    let setup = Setup::new();
    let pair = setup.login("ada");
    log::take();
    for _ in 0..100 {
        setup.store.fail(1, Fault::Before); // the exchange, after the session was found
        assert_eq!(setup.refresh(&pair).unwrap_err(), Kind::Unavailable);
    }
    let told = log::take();
    let (began, ended) = (
        told.matches("the session store fails").count(),
        told.matches("the session store answers again").count(),
    );
    // The test may last from one window into the next.
    assert!((10..=20).contains(&began), "{began}");
    assert!(ended <= began, "{ended}");
}

#[test]
fn a_store_is_healthy_when_it_reads_and_writes() {
    let setup = Setup::new();
    let health = || block_on(setup.sessions.health()).map_err(|error| error.kind());
    for (skipped, fault) in steps(2) {
        assert_eq!(health(), Ok(()));
        assert_eq!(setup.store.steps(), [Step::Mark, Step::End { until: None }]);
        setup.store.fail(skipped, fault);
        assert_eq!(health(), Err(Kind::Unavailable), "{skipped} {fault:?}");
        setup.store.steps();
    }
}
