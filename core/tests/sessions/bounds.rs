//! Tests of the bounds that keep a store from growing indefinitely.

use std::time::Duration;

use countersign::{
    MemoryStore, Sessions,
    session::{
        ClientInfo, Identity, SessionErrorKind as Kind,
        store::{PreviousToken, SessionStore},
    },
    testing::FixedClock,
};
use futures_executor::block_on;

use crate::setup::{START, Setup, good, issuer, user};

/// S23
#[test]
fn a_full_store_refuses_logins_and_keeps_its_sessions() {
    let clock = FixedClock::at(START);
    let store = MemoryStore::limited(3);
    let sessions = Sessions::builder(issuer(&clock).build().unwrap(), store)
        .idle(Duration::from_secs(1_000))
        .build()
        .unwrap();
    let login = || block_on(sessions.start(&Identity::new("ada", user()), ClientInfo::new()));
    let client = ClientInfo::new();
    let pairs: Vec<_> = (0..3).map(|_| login().unwrap()).collect();
    assert_eq!(login().unwrap_err().kind(), Kind::Unavailable);

    clock.advance(Duration::from_secs(500));
    for pair in &pairs {
        let refreshed = sessions.refresh(pair.refresh_token(), &client, async |_| good(user()));
        assert!(block_on(refreshed).is_ok());
    }
    assert_eq!(login().unwrap_err().kind(), Kind::Unavailable);

    // A logout makes room for one.
    block_on(sessions.end(pairs[0].session().id())).unwrap();
    assert!(login().is_ok());
    assert_eq!(login().unwrap_err().kind(), Kind::Unavailable);

    // So does time, without a sweep.
    clock.advance(Duration::from_secs(1_000));
    for _ in 0..3 {
        assert!(login().is_ok());
    }
}

/// S23
#[test]
fn a_sweep_removes_what_has_expired_and_nothing_else() {
    let setup = Setup::with(|builder| builder.idle(Duration::from_secs(1_000)));
    let old: Vec<_> = (0..5).map(|_| setup.login("ada")).collect();
    setup.pass(500);
    let young = setup.login("ada");
    let used = setup.refresh(&old[0]).unwrap();
    assert_eq!(block_on(setup.sessions.sweep()).unwrap(), 0);
    setup.pass(499);
    assert_eq!(block_on(setup.sessions.sweep()).unwrap(), 0);
    setup.pass(1);
    assert_eq!(block_on(setup.sessions.sweep()).unwrap(), 4);
    assert_eq!(setup.refresh(&old[1]).unwrap_err(), Kind::Unknown);
    assert!(setup.refresh(&young).is_ok());
    assert!(setup.refresh(&used).is_ok());
    assert_eq!(setup.endings(), []);
}

/// S23: exact to the second, wherever the store keeps the sessions.
#[test]
fn a_sweep_is_neither_early_nor_late() {
    let idle = Duration::from_secs(1_000);
    let setup = Setup::with(|builder| builder.idle(idle).per_subject(600));
    for _ in 0..3 {
        for _ in 0..200 {
            setup.login("ada");
        }
        setup.pass(1);
    }
    setup.pass(996);
    for swept in [0, 200, 200, 200, 0] {
        assert_eq!(block_on(setup.sessions.sweep()).unwrap(), swept);
        setup.pass(1);
    }
}

/// S23: a refresh takes no more room, even if it is repeated often.
#[test]
fn a_session_takes_the_same_room_for_all_its_life() {
    let setup = Setup::new();
    let mut pair = setup.login("ada");
    let mut sizes = Vec::new();
    for _ in 0..200 {
        pair = setup.refresh(&pair).unwrap();
        let row = block_on(setup.store.find(pair.session().id()));
        sizes.push(serde_json::to_string(&row.unwrap().unwrap()).unwrap().len());
        setup.pass(10);
    }
    assert!(sizes.iter().all(|size| *size == sizes[0]));
    // Even many refreshes stay within the bound.
    for _ in 0..200 {
        pair = setup.refresh(&pair).unwrap();
        let row = block_on(setup.store.find(pair.session().id()));
        assert!(row.unwrap().unwrap().previous.len() <= PreviousToken::MOST);
    }
    assert!(format!("{:?}", setup.store.memory).contains("sessions: 1,"));
}
