//! Tests of logout, and of the other ways in which sessions end.

use countersign::{
    Clock,
    session::{EndReason, SessionErrorKind as Kind, SessionEvent, SessionId, store::SessionStore},
};
use futures_executor::block_on;

use crate::{
    faulty_store::Step,
    setup::{START, Setup, TTL},
};

/// The largest leeway that a verifier can have.
const LEEWAY: i64 = 300;
/// The longest lifetime of an access token, in seconds.
const LONGEST: i64 = 86_400;
/// The seconds for which an exchanged token is answered.
const GRACE: i64 = 10;

/// S09
#[test]
fn a_logout_ends_the_session_and_no_other() {
    let setup = Setup::new();
    let (laptop, phone) = (setup.login("ada"), setup.login("ada"));
    assert!(block_on(setup.sessions.end(laptop.session().id())).unwrap());
    assert_eq!(setup.refresh(&laptop).unwrap_err(), Kind::Unknown);
    assert!(setup.refresh(&phone).is_ok());
}

#[test]
fn a_second_logout_finds_nothing_and_tells_nothing() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let (sessions, id) = (&setup.sessions, pair.session().id());
    assert!(block_on(sessions.end(id)).unwrap());
    assert_eq!(setup.endings(), [EndReason::LoggedOut]);
    assert!(!block_on(sessions.end(id)).unwrap());
    assert!(!block_on(sessions.end_of("ada", id)).unwrap());
    assert!(!block_on(sessions.end_by_token(pair.refresh_token())).unwrap());
    assert_eq!(block_on(sessions.end_all("ada")).unwrap(), 0);
    assert_eq!(setup.endings(), []);
}

#[test]
fn the_event_of_a_logout_says_which_session_and_whose() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    setup.events();
    block_on(setup.sessions.end(pair.session().id())).unwrap();
    let [
        SessionEvent::Ended {
            id, subject, why, ..
        },
    ] = &setup.events()[..]
    else {
        panic!("one event");
    };
    assert_eq!(
        (id, &**subject, *why),
        (pair.session().id(), "ada", EndReason::LoggedOut)
    );
}

/// S09: a client that missed the answer to the last refresh can log out.
#[test]
fn any_token_of_the_session_logs_out() {
    for generation in 0..3 {
        let setup = Setup::new();
        let mut pairs = vec![setup.login("ada")];
        for _ in 0..2 {
            pairs.push(setup.refresh(pairs.last().unwrap()).unwrap());
        }
        setup.pass(1_000);
        setup.events();
        let token = pairs[generation].refresh_token();
        assert!(block_on(setup.sessions.end_by_token(token)).unwrap());
        assert_eq!(setup.endings(), [EndReason::LoggedOut]);
        for pair in &pairs {
            assert_eq!(setup.refresh(pair).unwrap_err(), Kind::Unknown);
        }
    }
}

#[test]
fn what_is_no_token_of_a_session_logs_nobody_out() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let stranger = Setup::new().login("ada");
    let id = pair.session().id().as_str();
    for token in [
        "",
        "x",
        id,
        pair.access_token().as_str(),
        stranger.refresh_token(),
    ] {
        assert!(!block_on(setup.sessions.end_by_token(token)).unwrap());
    }
    assert!(setup.refresh(&pair).is_ok());
}

#[test]
fn a_user_ends_own_sessions_only() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let id = pair.session().id();
    for other in ["bob", "", "Ada", "ada "] {
        assert!(!block_on(setup.sessions.end_of(other, id)).unwrap());
    }
    assert_eq!(setup.endings(), []);
    assert_eq!(setup.count("ada"), 1);
    // The twin.
    assert!(block_on(setup.sessions.end_of("ada", id)).unwrap());
    assert_eq!(setup.endings(), [EndReason::LoggedOut]);
    assert_eq!(setup.refresh(&pair).unwrap_err(), Kind::Unknown);
}

#[test]
fn a_session_that_never_was_is_not_ended() {
    let setup = Setup::new();
    let id = SessionId::parse("AAECAwQFBgcICQoLDA0ODw").unwrap();
    assert!(!block_on(setup.sessions.end(&id)).unwrap());
    assert!(!block_on(setup.sessions.end_of("ada", &id)).unwrap());
    assert!(setup.events().is_empty());
}

/// S09
#[test]
fn a_logout_everywhere_ends_all_sessions_of_the_user_and_nobody_elses() {
    let setup = Setup::new();
    let of_ada: Vec<_> = (0..30).map(|_| setup.login("ada")).collect();
    let of_bob = setup.login("bob");
    setup.events();
    assert_eq!(block_on(setup.sessions.end_all("ada")).unwrap(), 30);

    let mut told: Vec<_> = setup
        .events()
        .into_iter()
        .map(|event| match event {
            SessionEvent::Ended {
                id, subject, why, ..
            } => {
                assert_eq!((&*subject, why), ("ada", EndReason::LoggedOutEverywhere));
                id
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let mut ended: Vec<_> = of_ada
        .iter()
        .map(|pair| pair.session().id().clone())
        .collect();
    told.sort();
    ended.sort();
    assert_eq!(told, ended);
    for pair in &of_ada {
        assert_eq!(setup.refresh(pair).unwrap_err(), Kind::Unknown);
    }
    assert!(setup.refresh(&of_bob).is_ok());
}

/// S09
#[test]
fn a_login_after_a_logout_everywhere_is_good() {
    let setup = Setup::new();
    setup.login("ada");
    block_on(setup.sessions.end_all("ada")).unwrap();
    // In the same second.
    let pair = setup.login("ada");
    assert!(setup.refresh(&pair).is_ok());
}

/// S09: the revocation that the store is given.
#[test]
fn a_logout_everywhere_revokes_what_was_issued_until_now() {
    let setup = Setup::new();
    setup.login("ada");
    setup.pass(100);
    setup.store.steps();
    block_on(setup.sessions.end_all("ada")).unwrap();
    let step = Step::EndAll {
        issued_before: START + 100,
        until: START + 100 + LONGEST + LEEWAY,
    };
    assert_eq!(setup.store.steps(), [step]);
}

/// S10, S11: a revocation is kept until the last access token of the session has expired for every
/// verifier.
#[test]
fn an_ended_session_is_remembered_for_as_long_as_its_tokens_live() {
    let setup = Setup::new();
    let first = setup.login("ada");
    setup.refresh(&first).unwrap();
    setup.pass(9);
    let last = setup.refresh(&first).unwrap().access_token().expires_at();
    setup.pass(1);
    for end in [
        |setup: &Setup, token: &str| block_on(setup.sessions.end_by_token(token)).is_ok(),
        |setup: &Setup, token: &str| setup.refresh(token).is_err(),
    ] {
        setup.store.steps();
        let pair = setup.login("bob");
        setup.refresh(&pair).unwrap();
        setup.pass(10);
        setup.store.steps();
        assert!(end(&setup, pair.refresh_token()));
        let [Step::Find, Step::End { until: Some(until) }] = setup.store.steps()[..] else {
            panic!("two steps");
        };
        // It was refreshed ten seconds ago.
        assert_eq!(until, setup.clock.now() - 10 + GRACE + TTL + LEEWAY);
        assert!(until >= last + LEEWAY);
    }
}

/// S08: an answer that took longer than the window has a younger access token than the session
/// expected.
#[test]
fn the_access_token_of_an_answer_that_took_long_is_remembered_for_as_long_as_it_lives() {
    let setup = Setup::new();
    let first = setup.login("ada");
    setup.refresh(&first).unwrap();
    let late = setup.refresh_while(&first, || setup.pass(3_600)).unwrap();
    let stored = block_on(setup.store.find(late.session().id()));
    let stored = stored.unwrap().unwrap();
    assert_eq!(
        stored.tokens_until,
        late.access_token().expires_at() + LEEWAY
    );
}

/// S08, S10: with a clock that has gone back, nothing is forgotten too early.
#[test]
fn a_clock_that_goes_back_does_not_shorten_a_revocation() {
    let setup = Setup::new();
    let first = setup.login("ada");
    setup.pass(5_000);
    let last = setup.refresh(&first).unwrap().access_token().expires_at();
    setup.pass(-5_000);
    setup.store.steps();
    block_on(setup.sessions.end(first.session().id())).unwrap();
    let [Step::Find, Step::End { until: Some(until) }] = setup.store.steps()[..] else {
        panic!("two steps");
    };
    assert_eq!(until, last + GRACE + LEEWAY);
}

/// S09: the other nodes know at once, as they share the store.
#[test]
fn a_logout_on_one_node_holds_on_the_other() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    assert!(block_on(setup.node().end(pair.session().id())).unwrap());
    assert_eq!(setup.refresh(&pair).unwrap_err(), Kind::Unknown);
}
