//! Tests of tokens that the store has lost.

use std::time::Duration;

use countersign::{
    ConfigError, MemoryStore, Sessions,
    session::{
        EndReason, SessionErrorKind, SessionEvent, SessionsBuilder, TokenPair,
        store::{SessionStore, StoreCapabilities, StoredSession},
    },
};
use futures_executor::block_on;

use crate::{
    faulty_store::{Fault, FaultyStore, Step},
    log,
    setup::{START, Setup, issuer},
};

/// How long sessions are spared after the store may have lost writes.
const HOUR: i64 = 3_600;
/// By how much clocks may differ.
const TOLERANCE: i64 = 3;

fn spared(builder: SessionsBuilder) -> SessionsBuilder {
    builder.refuse_without_ending_after_lost_writes(Duration::from_secs(3_600))
}

/// Makes sessions on a store that keeps its epoch, as it was found at first.
fn with(settings: impl FnOnce(SessionsBuilder) -> SessionsBuilder) -> Setup {
    let store = FaultyStore::with(StoreCapabilities::local().epoch());
    let setup = Setup::on(store, |builder, _| settings(builder));
    setup.store.begin_epoch(None);
    setup
}

fn row(setup: &Setup, pair: &TokenPair) -> StoredSession {
    let found = block_on(setup.store.memory.find(pair.session().id()));
    found.unwrap().unwrap()
}

/// A refresh that the store has lost: returns the pair that the client has got.
fn lost_refresh(setup: &Setup) -> TokenPair {
    let first = setup.login("ada");
    let before = row(setup, &first);
    setup.pass(60);
    let second = setup.refresh(&first).unwrap();
    setup.pass(60);
    setup.store.restore(&before);
    setup.store.begin_epoch(Some(START + 120));
    setup.events();
    setup.store.steps();
    second
}

fn since(event: &SessionEvent) -> Option<i64> {
    match event {
        SessionEvent::Ended {
            why: EndReason::Replayed,
            writes_lost_at,
            ..
        } => *writes_lost_at,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_that_the_store_has_lost_is_refused_and_ends_nothing() {
    log::listen();
    let setup = with(spared);
    let pair = lost_refresh(&setup);
    log::take();
    let refused = setup.refresh(&pair).unwrap_err();
    assert_eq!(refused, SessionErrorKind::WritesLost);
    assert_eq!(setup.count("ada"), 1);
    let events = setup.events();
    let [SessionEvent::WritesLost { session, since, .. }] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!((session.id(), *since), (pair.session().id(), START + 120));
    assert_eq!(events[0].name(), "writes_lost");
    let lines = log::take();
    assert!(
        lines.contains("it may have lost writes: the session goes on"),
        "{lines}"
    );
    assert!(
        lines.contains(&format!("writes_lost_at={}", START + 120)),
        "{lines}"
    );
    // The answer is that of a replay.
    let answer = |kind: SessionErrorKind| (kind.status(), kind.code(), kind.message());
    assert_eq!(answer(refused), answer(SessionErrorKind::Replayed));
    assert_eq!(refused.reason(), "store_writes_lost");
}

#[test]
fn without_the_choice_it_ends_the_session_and_the_event_tells_what_is_known() {
    log::listen();
    let setup = with(|builder| builder);
    let pair = lost_refresh(&setup);
    log::take();
    let refused = setup.refresh(&pair).unwrap_err();
    assert_eq!(refused, SessionErrorKind::Replayed);
    assert_eq!(setup.count("ada"), 0);
    assert_eq!(since(&setup.events()[0]), Some(START + 120));
    let lines = log::take();
    assert!(
        lines.contains("it may have lost writes: the session is ended"),
        "{lines}"
    );
}

#[test]
fn a_token_that_the_store_has_seen_exchanged_is_a_replay() {
    let setup = with(spared);
    let first = setup.login("ada");
    setup.refresh(&first).unwrap();
    setup.pass(60);
    setup.store.begin_epoch(Some(START + 60));
    setup.events();
    assert_eq!(
        setup.refresh(&first).unwrap_err(),
        SessionErrorKind::Replayed
    );
    assert_eq!(since(&setup.events()[0]), None);
    assert_eq!(setup.count("ada"), 0);
}

#[test]
fn a_session_that_was_refreshed_since_ends_by_any_old_token() {
    for since_use in [TOLERANCE - 1, TOLERANCE] {
        let setup = with(spared);
        let first = setup.login("ada");
        let second = setup.refresh(&first).unwrap();
        setup.pass(100);
        let third = setup.refresh(&second).unwrap();
        setup.pass(100);
        setup.refresh(&third).unwrap();
        setup.store.begin_epoch(Some(START + 200 - since_use));
        setup.events();
        // Long gone from the list of those that were exchanged.
        let refused = setup.refresh(&first).unwrap_err();
        let expected = match since_use < TOLERANCE {
            true => SessionErrorKind::WritesLost,
            false => SessionErrorKind::Replayed,
        };
        assert_eq!(refused, expected, "{since_use}");
        assert_eq!(setup.count("ada"), usize::from(since_use < TOLERANCE));
    }
}

/// Clocks cannot tell such a refresh from one of before the loss.
#[test]
fn a_copy_that_is_used_within_seconds_after_the_loss_is_not_told() {
    for (seconds, refused) in [
        (TOLERANCE - 1, SessionErrorKind::WritesLost),
        (TOLERANCE, SessionErrorKind::Replayed),
    ] {
        let setup = with(spared);
        let first = setup.login("ada");
        let before = row(&setup, &first);
        setup.pass(60);
        let lost = setup.refresh(&first).unwrap();
        setup.pass(60);
        setup.store.restore(&before);
        setup.store.begin_epoch(Some(START + 120));
        setup.pass(seconds);
        setup.refresh(&first).unwrap();
        setup.pass(60);
        assert_eq!(setup.refresh(&lost).unwrap_err(), refused);
    }
}

#[test]
fn the_choice_has_an_end() {
    for (after, expected) in [
        (HOUR, SessionErrorKind::WritesLost),
        (HOUR + 1, SessionErrorKind::Replayed),
    ] {
        let setup = with(spared);
        let pair = lost_refresh(&setup);
        setup.pass(after);
        assert_eq!(setup.refresh(&pair).unwrap_err(), expected);
        if expected == SessionErrorKind::Replayed {
            assert_eq!(since(&setup.events()[0]), Some(START + 120));
        }
    }
}

#[test]
fn a_store_whose_clock_is_far_ahead_spares_nothing() {
    for (ahead, expected) in [
        (300, SessionErrorKind::WritesLost),
        (301, SessionErrorKind::Replayed),
        (i64::MAX - START - 200, SessionErrorKind::Replayed),
    ] {
        let setup = with(spared);
        let pair = lost_refresh(&setup);
        setup.store.begin_epoch(Some(START + 120 + ahead));
        assert_eq!(setup.refresh(&pair).unwrap_err(), expected, "{ahead}");
    }
}

#[test]
fn in_the_first_epoch_a_replay_is_a_replay() {
    let setup = with(spared);
    let pair = lost_refresh(&setup);
    setup.store.begin_epoch(None);
    assert_eq!(
        setup.refresh(&pair).unwrap_err(),
        SessionErrorKind::Replayed
    );
    assert_eq!(since(&setup.events()[0]), None);
}

#[test]
fn a_store_that_does_not_tell_its_epoch_is_an_outage_for_those_who_go_by_it() {
    let setup = with(spared);
    let pair = lost_refresh(&setup);
    // The second step: the first finds the session.
    setup.store.fail(1, Fault::Before);
    let refused = setup.refresh(&pair).unwrap_err();
    assert_eq!(refused, SessionErrorKind::Unavailable);
    assert_eq!(setup.store.steps(), [Step::Find, Step::Epoch]);
    assert_eq!((setup.count("ada"), setup.events().len()), (1, 0));

    let setup = with(|builder| builder);
    let pair = lost_refresh(&setup);
    setup.store.fail(1, Fault::Before);
    assert_eq!(
        setup.refresh(&pair).unwrap_err(),
        SessionErrorKind::Replayed
    );
    assert_eq!(since(&setup.events()[0]), None);
}

#[test]
fn no_other_call_asks_for_the_epoch() {
    let setup = with(spared);
    setup.store.begin_epoch(Some(START - 5));
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    setup.refresh(&first).unwrap();
    setup.pass(60);
    setup.refresh(&second).unwrap();
    block_on(setup.sessions.end_all("ada")).unwrap();
    setup.refresh(&second).unwrap_err();
    assert!(!setup.store.steps().contains(&Step::Epoch));
}

#[test]
fn a_client_that_comes_again_and_again_does_not_fill_the_log() {
    log::listen();
    let setup = with(spared);
    let pair = lost_refresh(&setup);
    log::take();
    for _ in 0..1_000 {
        setup.refresh(&pair).unwrap_err();
    }
    let lines = log::take();
    let count = lines.matches("the session goes on").count();
    assert!((1..=40).contains(&count), "{count}");
}

#[test]
fn settings_that_cannot_be_kept_are_refused() {
    let build = |store: FaultyStore, time: Duration| {
        let issuer = issuer(&countersign::testing::FixedClock::at(START));
        let sessions = Sessions::builder(issuer.build().unwrap(), store);
        sessions
            .refuse_without_ending_after_lost_writes(time)
            .build()
    };
    let epoch = || FaultyStore::with(StoreCapabilities::local().epoch());
    let day = SessionsBuilder::MAX_AFTER_LOST_WRITES;
    build(epoch(), day).unwrap();
    let refused = |store, time| build(store, time).err().unwrap();
    for time in [
        Duration::ZERO,
        Duration::from_millis(999),
        day + Duration::from_millis(1),
    ] {
        assert!(
            matches!(refused(epoch(), time), ConfigError::InvalidSetting(_)),
            "{time:?}"
        );
    }
    assert!(!MemoryStore::new().capabilities().has_epoch());
    let error = refused(FaultyStore::default(), day);
    assert!(matches!(error, ConfigError::Conflict(_)), "{error}");
}

#[test]
fn the_choice_is_told_at_the_start() {
    log::listen();
    log::take();
    with(|builder| builder);
    assert!(!log::take().contains("lost writes"));
    with(spared);
    let lines = log::take();
    assert!(
        lines.contains("may have lost writes") && lines.contains("seconds=3600"),
        "{lines}"
    );
}
