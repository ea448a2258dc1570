//! Tests of access tokens after the end of their session, whatever fails on the way.

use std::{pin::pin, time::Duration};

use countersign::{
    AuthErrorKind, Revocation,
    revocation::{LogBatch, LogPosition, RevocationEntry, RevocationLog},
    session::{
        ClientInfo, EndReason, Identity, SessionErrorKind, SessionsBuilder, TokenPair,
        store::{SessionStore, StoreError},
    },
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
        // Whoever finds nothing left to end, while this waits for the answer, finds it revoked.
        assert_eq!(verdict(&setup, &pair), Err(AuthErrorKind::Revoked));
    }
    assert_eq!(verdict(&setup, &pair), Err(AuthErrorKind::Revoked));
}

/// Only this node can know whether the session has ended. A logout was requested, so its access
/// tokens are refused.
#[test]
fn a_logout_without_an_answer_of_the_store_ends_the_access_tokens() {
    for fault in [Fault::Before, Fault::After] {
        let setup = Setup::new();
        let (pair, other) = (setup.login("ada"), setup.login("ada"));
        setup.store.fail(1, fault);
        assert!(block_on(setup.sessions.end(pair.session().id())).is_err());
        assert_eq!(verdict(&setup, &pair), Err(AuthErrorKind::Revoked));
        assert_eq!(verdict(&setup, &other), Ok(()));
        // Those of a later refresh, if there is one, are refused too: its user wanted to log out.
        let next = setup.refresh(&pair);
        assert_eq!(next.is_ok(), fault == Fault::Before);
        if let Ok(next) = next {
            assert_eq!(verdict(&setup, &next), Err(AuthErrorKind::Revoked));
        }
        // A new login has another session.
        assert_eq!(verdict(&setup, &setup.login("ada")), Ok(()));
    }
}

#[test]
fn a_logout_everywhere_without_an_answer_of_the_store_ends_the_access_tokens_of_until_then() {
    for fault in [Fault::Before, Fault::After] {
        let setup = Setup::new();
        let (pair, other) = (setup.login("ada"), setup.login("bob"));
        setup.pass(1);
        setup.store.fail(0, fault);
        assert!(block_on(setup.sessions.end_all("ada")).is_err());
        assert_eq!(verdict(&setup, &pair), Err(AuthErrorKind::Revoked));
        assert_eq!(verdict(&setup, &other), Ok(()));
        setup.pass(1);
        if let Ok(next) = setup.refresh(&pair) {
            assert_eq!(verdict(&setup, &next), Ok(()));
        }
        assert_eq!(verdict(&setup, &setup.login("ada")), Ok(()));
    }
}

/// The twin: a node that follows a log hears from it whether the session has ended, as do all other
/// nodes. Until then it refuses, also after a second logout, which can find nothing to end.
#[test]
fn a_logout_without_an_answer_of_the_store_is_left_to_the_log_where_there_is_one() {
    for fault in [Fault::Before, Fault::After] {
        let setup = Setup::with_clock(follows_a_log);
        let mut follower = pin!(setup.sessions.revocation().follow(SilentLog));
        assert!(poll(follower.as_mut()).is_pending());
        let (pair, other) = (setup.login("ada"), setup.login("ada"));
        setup.store.fail(1, fault);
        let logout = || block_on(setup.sessions.end_by_token(pair.refresh_token()));
        assert!(logout().is_err());
        assert_eq!(verdict(&setup, &pair), Err(AuthErrorKind::Revoked));
        assert_eq!(verdict(&setup, &other), Ok(()));
        if fault == Fault::After {
            assert!(!logout().unwrap());
            assert_eq!(verdict(&setup, &pair), Err(AuthErrorKind::Revoked));
            continue;
        }
        // In the tenth second, a reading from before is fresh.
        for (seconds, expected) in [(11, Err(AuthErrorKind::Revoked)), (1, Ok(()))] {
            setup.pass(seconds);
            assert!(poll(follower.as_mut()).is_pending());
            assert_eq!(verdict(&setup, &pair), expected);
        }
    }
}

#[test]
fn a_logout_everywhere_without_an_answer_of_the_store_is_left_to_the_log_where_there_is_one() {
    for fault in [Fault::Before, Fault::After] {
        let setup = Setup::with_clock(follows_a_log);
        let mut follower = pin!(setup.sessions.revocation().follow(SilentLog));
        assert!(poll(follower.as_mut()).is_pending());
        let (pair, other) = (setup.login("ada"), setup.login("bob"));
        setup.store.fail(1, fault);
        let everywhere = || block_on(setup.sessions.end_all("ada"));
        assert!(everywhere().is_err());
        assert_eq!(verdict(&setup, &pair), Err(AuthErrorKind::Revoked));
        assert_eq!(verdict(&setup, &other), Ok(()));
        assert_eq!(everywhere().unwrap(), usize::from(fault == Fault::Before));
        assert_eq!(verdict(&setup, &pair), Err(AuthErrorKind::Revoked));
        // Not even in the same second is the next login in doubt.
        assert_eq!(verdict(&setup, &setup.login("ada")), Ok(()));
    }
}

fn follows_a_log(builder: SessionsBuilder, clock: &FixedClock) -> SessionsBuilder {
    let list = Revocation::replica().clock(clock.clone()).build();
    builder.revocation(list.unwrap())
}

/// A log that has not heard of anything yet.
struct SilentLog;

impl RevocationLog for SilentLog {
    async fn append(&self, _entries: &[RevocationEntry]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn read(&self, _after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        Ok(LogBatch {
            entries: Vec::new(),
            position: None,
            complete: true,
        })
    }
}

#[test]
fn the_tokens_of_a_session_that_the_store_has_forgotten_can_be_revoked_too() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    block_on(setup.store.memory.end(pair.session().id(), None)).unwrap();
    assert!(!block_on(setup.sessions.end(pair.session().id())).unwrap());
    assert_eq!(verdict(&setup, &pair), Err(AuthErrorKind::Revoked));
}

/// S11: by the longest lifetime that a token can have, not by the usual one.
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
    assert_eq!(setup.endings(), [EndReason::Displaced]);
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

/// F5: not as long as the longest token that an app can request, a day by default.
#[test]
fn a_revocation_is_dropped_when_no_token_can_live() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let start = || setup.sessions.revocation().status();
    block_on(setup.sessions.end(pair.session().id())).unwrap();
    assert_eq!(start().entries, 1);
    // The lifetime of a token, the leeway, and a minute for clocks.
    setup.pass(TTL + LEEWAY + 61);
    for _ in 0..64 {
        let other = setup.login("bob");
        block_on(setup.sessions.end(other.session().id())).unwrap();
    }
    assert_eq!(start().entries, 64);
}

/// A refresh exchanges a token between the two calls of a logout, when the tokens known to the
/// logout have long expired.
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

/// The session is over nevertheless. Its tokens are not, which is an outage, and logged as one.
#[test]
fn an_ending_without_room_in_the_list_is_told() {
    let list = |clock: &FixedClock| Revocation::local().capacity(1).clock(clock.clone()).build();
    let setup = Setup::with_clock(|builder, clock| builder.revocation(list(clock).unwrap()));
    let (first, second) = (setup.login("ada"), setup.login("bob"));
    assert!(block_on(setup.sessions.end(first.session().id())).unwrap());
    setup.events();
    let error = block_on(setup.sessions.end(second.session().id())).unwrap_err();
    assert_eq!(error.kind(), SessionErrorKind::Unavailable);
    assert_eq!(setup.endings(), [EndReason::LoggedOut]);
    assert_eq!(setup.count("bob"), 0);
}

/// Its tokens have expired. A revocation would take up room for nothing.
#[test]
fn an_idle_session_that_ends_takes_no_entry_of_the_list() {
    // An entry is kept for another minute, because clocks go back.
    for (idle, entries) in [(TTL + LEEWAY + 60, 1), (TTL + LEEWAY + 61, 0)] {
        let setup = Setup::new();
        let pair = setup.login("ada");
        setup.pass(idle);
        assert!(block_on(setup.sessions.end(pair.session().id())).unwrap());
        assert_eq!(setup.sessions.revocation().status().entries, entries);
    }
}

/// The race above, for a subject that has used up its share of the list: all tokens that it was
/// issued until then are revoked.
#[test]
fn a_token_of_a_refresh_that_a_logout_overtakes_is_revoked_beyond_the_share_too() {
    let list = |clock: &FixedClock| {
        Revocation::local()
            .capacity(100)
            .clock(clock.clone())
            .build()
    };
    let setup = Setup::with_clock(|builder, clock| builder.revocation(list(clock).unwrap()));
    block_on(setup.sessions.end(setup.login("ada").session().id())).unwrap();
    let first = setup.login("ada");
    for seconds in [0, 1, 600] {
        let first = setup.refresh(&first).unwrap_or_else(|_| setup.login("ada"));
        setup.pass(seconds);
        let mut ending = pin!(setup.sessions.end(first.session().id()));
        setup.store.fail(0, Fault::Late);
        assert!(poll(ending.as_mut()).is_pending());
        let second = setup.refresh(&first).unwrap();
        let again = setup.refresh(&first).unwrap();
        assert!(block_on(ending).unwrap());
        assert_eq!(verdict(&setup, &second), Err(AuthErrorKind::Revoked));
        assert_eq!(verdict(&setup, &again), Err(AuthErrorKind::Revoked));
    }
    // The twin, a second later.
    setup.pass(11);
    assert_eq!(verdict(&setup, &setup.login("ada")), Ok(()));
}

#[test]
fn a_late_answer_is_revoked_beyond_the_share_too() {
    let list = |clock: &FixedClock| {
        Revocation::local()
            .capacity(100)
            .clock(clock.clone())
            .build()
    };
    let setup = Setup::with_clock(|builder, clock| builder.revocation(list(clock).unwrap()));
    block_on(setup.sessions.end(setup.login("ada").session().id())).unwrap();
    let first = setup.login("ada");
    let late = setup.refresh_while(&first, || {
        setup.refresh(&first).unwrap();
        setup.pass(600);
    });
    let late = late.unwrap();
    assert!(block_on(setup.sessions.end(late.session().id())).unwrap());
    assert_eq!(verdict(&setup, &late), Err(AuthErrorKind::Revoked));
}

/// A session near its end, whose tokens do not outlive it.
#[test]
fn a_late_answer_near_the_end_of_a_session_is_revoked_beyond_the_share_too() {
    let list = |clock: &FixedClock| {
        Revocation::local()
            .capacity(100)
            .clock(clock.clone())
            .build()
    };
    let short = Duration::from_secs(TTL.unsigned_abs());
    let setup = Setup::with_clock(|builder, clock| {
        let list = list(clock).unwrap();
        builder.revocation(list).idle(short).absolute(short)
    });
    block_on(setup.sessions.end(setup.login("ada").session().id())).unwrap();
    let first = setup.login("ada");
    let late = setup.refresh_while(&first, || {
        setup.refresh(&first).unwrap();
        setup.pass(600);
    });
    let late = late.unwrap();
    assert!(block_on(setup.sessions.end(late.session().id())).unwrap());
    assert_eq!(verdict(&setup, &late), Err(AuthErrorKind::Revoked));
}

/// F5: one account cannot fill the list, and so block everyone's requests.
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
        let pair = block_on(setup.sessions.start(&mallory, ClientInfo::new())).unwrap();
        assert!(block_on(setup.sessions.end(pair.session().id())).unwrap());
        pairs.push(pair);
    }
    assert!(setup.sessions.revocation().status().entries <= 21);
    // All of these are revoked, by name or together.
    for pair in &pairs {
        assert_eq!(verdict(&setup, pair), Err(AuthErrorKind::Revoked));
    }
    // Others log in and out as usual.
    let ada = setup.login("ada");
    assert_eq!(verdict(&setup, &ada), Ok(()));
    assert!(block_on(setup.sessions.end(ada.session().id())).unwrap());
    assert_eq!(verdict(&setup, &ada), Err(AuthErrorKind::Revoked));
    // So does she, a second later.
    setup.pass(1);
    let pair = block_on(setup.sessions.start(&mallory, ClientInfo::new())).unwrap();
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
