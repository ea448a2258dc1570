//! Tests of rotation, the grace window, and replays: one token, one refresh.

use countersign::session::{EndReason, SessionErrorKind as Kind, SessionEvent};

use crate::setup::Setup;

/// The nearest accepted twin of every refusal below.
#[test]
fn a_session_goes_on_from_token_to_token() {
    let setup = Setup::new();
    let mut pair = setup.login("ada");
    let id = pair.session().id().clone();
    for _ in 0..5 {
        setup.pass(60);
        let next = setup.refresh(&pair).unwrap();
        assert_ne!(next.refresh_token(), pair.refresh_token());
        assert_ne!(next.access_token().id(), pair.access_token().id());
        assert_eq!(next.session().id(), &id);
        pair = next;
    }
    assert_eq!(setup.count("ada"), 1);
}

/// S01
#[test]
fn a_replay_after_the_window_ends_the_session_and_its_newest_token() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    setup.pass(10);
    setup.events();

    assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Replayed);
    assert_eq!(setup.refresh(&second).unwrap_err(), Kind::Unknown);
    assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Unknown);
    assert_eq!(setup.count("ada"), 0);
}

/// S01: the alarm is raised once, and names the user to warn.
#[test]
fn a_replay_is_told_once() {
    let setup = Setup::new();
    let first = setup.login("ada");
    setup.refresh(&first).unwrap();
    setup.pass(10);
    setup.events();

    for _ in 0..3 {
        setup.refresh(&first).unwrap_err();
    }
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
        (first.session().id(), "ada", EndReason::Replayed)
    );
}

/// S01
#[test]
fn a_replay_ends_one_session_of_the_user_only() {
    let setup = Setup::new();
    let (laptop, phone) = (setup.login("ada"), setup.login("ada"));
    setup.refresh(&laptop).unwrap();
    setup.pass(10);
    setup.refresh(&laptop).unwrap_err();
    assert!(setup.refresh(&phone).is_ok());
}

/// S01, the twin: a second before.
#[test]
fn the_predecessor_gets_an_answer_until_the_window_is_over() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    setup.pass(9);
    let again = setup.refresh(&first).unwrap();
    assert_eq!(again.refresh_token(), second.refresh_token());
    assert_eq!(setup.endings(), []);
}

/// S02
#[test]
fn a_lost_answer_is_given_again_as_often_as_it_takes() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let lost = setup.refresh(&first).unwrap();
    setup.events();
    for _ in 0..20 {
        let again = setup.refresh(&first).unwrap();
        assert_eq!(again.refresh_token(), lost.refresh_token());
        assert_eq!(again.session(), lost.session());
    }
    // This does not count as a use of the session. Each one is reported: F10.
    let events = setup.events();
    assert_eq!(events.len(), 20);
    for event in events {
        let SessionEvent::Repeated { session } = event else {
            panic!("{event:?}");
        };
        assert_eq!(&session, lost.session());
    }
    assert!(setup.refresh(&lost).is_ok());
}

/// S02: each answer has an access token that works.
#[test]
fn a_repeated_answer_has_an_access_token_of_its_own() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    let again = setup.refresh(&first).unwrap();
    let (one, other) = (setup.claims(&second), setup.claims(&again));
    assert_eq!((&one["sub"], &one["sid"]), (&other["sub"], &other["sid"]));
    assert_ne!(one["jti"], other["jti"]);
}

/// S02: a repeated refresh does not extend the window for the next one.
#[test]
fn the_window_begins_with_the_exchange_and_is_not_extended() {
    let setup = Setup::new();
    let first = setup.login("ada");
    setup.refresh(&first).unwrap();
    setup.pass(9);
    setup.refresh(&first).unwrap();
    setup.pass(1);
    assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Replayed);
}

/// F24: a second rotation is within the window of the first.
#[test]
fn every_token_exchanged_within_the_window_gets_the_current_one() {
    let setup = Setup::new();
    let mut pairs = vec![setup.login("ada")];
    for _ in 0..5 {
        pairs.push(setup.refresh(pairs.last().unwrap()).unwrap());
    }
    setup.events();
    let newest = pairs.last().unwrap().refresh_token().to_owned();
    for old in &pairs[..5] {
        let again = setup.refresh(old).unwrap();
        assert_eq!(again.refresh_token(), newest);
    }
    assert_eq!(setup.endings(), []);
    assert!(setup.refresh(&*newest).is_ok());
}

/// F24, S03: each token has a window of its own, whatever came after it.
#[test]
fn a_token_that_left_its_window_is_a_replay_although_its_successor_has_not() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    setup.pass(5);
    let third = setup.refresh(&second).unwrap();
    setup.pass(4);
    assert_eq!(
        setup.refresh(&first).unwrap().refresh_token(),
        third.refresh_token()
    );
    setup.pass(1);
    assert_eq!(
        setup.refresh(&second).unwrap().refresh_token(),
        third.refresh_token()
    );
    setup.events();
    assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Replayed);
    assert_eq!(setup.endings(), [EndReason::Replayed]);
    assert_eq!(setup.refresh(&third).unwrap_err(), Kind::Unknown);
}

/// F24: a browser restores its tabs. Each refreshes as it loads, with the cookie of that moment,
/// and some of their requests arrive late.
#[test]
fn twenty_tabs_that_are_restored_log_nobody_out() {
    let setup = Setup::new();
    let mut cookies = vec![setup.login("ada").refresh_token().to_owned()];
    for tab in 0..60_usize {
        // A fixed order: from the newest cookie to one from long ago.
        let late = tab * 7 % cookies.len();
        let cookie = cookies[cookies.len() - 1 - late].clone();
        let pair = setup.refresh(&*cookie).unwrap();
        cookies.push(pair.refresh_token().to_owned());
        if tab % 10 == 9 {
            setup.pass(1);
        }
    }
    assert_eq!(setup.endings(), []);
    let last = cookies.last().unwrap();
    assert!(setup.refresh(&**last).is_ok());
    assert_eq!(setup.count("ada"), 1);
}

/// F24: the chain is bounded, and reaching the bound ends no session.
#[test]
fn after_sixteen_exchanges_within_the_window_the_token_stays() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let mut pair = first.clone();
    for _ in 0..16 {
        let next = setup.refresh(&pair).unwrap();
        assert_ne!(next.refresh_token(), pair.refresh_token());
        pair = next;
    }
    setup.events();
    for _ in 0..3 {
        let same = setup.refresh(&pair).unwrap();
        assert_eq!(same.refresh_token(), pair.refresh_token());
        assert_ne!(same.access_token().id(), pair.access_token().id());
        let oldest = setup.refresh(&first).unwrap();
        assert_eq!(oldest.refresh_token(), pair.refresh_token());
    }
    let events = setup.events();
    assert_eq!(events.len(), 6);
    assert!(
        events
            .iter()
            .all(|event| matches!(event, SessionEvent::Repeated { .. }))
    );
    // It goes on when the first of them has left its window, and that one is a replay.
    setup.pass(10);
    let next = setup.refresh(&pair).unwrap();
    assert_ne!(next.refresh_token(), pair.refresh_token());
    assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Replayed);
}

/// S01: an altered token of the session is a sign of a copy.
#[test]
fn a_changed_token_ends_the_session_that_it_names() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let forged = with_another_end(pair.refresh_token());
    assert_eq!(setup.refresh(&*forged).unwrap_err(), Kind::Replayed);
    assert_eq!(setup.refresh(&pair).unwrap_err(), Kind::Unknown);
}

/// S01, the twin: without knowing the session, it cannot be ended.
#[test]
fn an_invented_token_ends_nothing() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let stranger = Setup::new().login("ada");
    assert_eq!(setup.refresh(&stranger).unwrap_err(), Kind::Unknown);
    let token = pair.refresh_token();
    for at in 0..token.len() / 3 {
        let changed = if token.as_bytes()[at] == b'A' {
            "B"
        } else {
            "A"
        };
        let mut forged = token.to_owned();
        forged.replace_range(at..=at, changed);
        assert_eq!(setup.refresh(&*forged).unwrap_err(), Kind::Unknown, "{at}");
    }
    assert!(setup.refresh(&pair).is_ok());
}

#[test]
fn without_a_window_the_second_use_ends_the_session() {
    let setup = Setup::with_grace(0);
    let first = setup.login("ada");
    let second = setup.refresh(&first).unwrap();
    setup.events();
    assert_eq!(setup.refresh(&first).unwrap_err(), Kind::Replayed);
    assert_eq!(setup.endings(), [EndReason::Replayed]);
    assert_eq!(setup.refresh(&second).unwrap_err(), Kind::Unknown);
}

#[test]
fn without_a_window_one_use_after_the_other_is_good() {
    let setup = Setup::with_grace(0);
    let mut pair = setup.login("ada");
    for _ in 0..3 {
        pair = setup.refresh(&pair).unwrap();
    }
}

#[test]
fn the_longest_window_lasts_for_a_minute() {
    for (seconds, kind) in [(59, None), (60, Some(Kind::Replayed))] {
        let setup = Setup::with_grace(60);
        let first = setup.login("ada");
        setup.refresh(&first).unwrap();
        setup.pass(seconds);
        assert_eq!(setup.refresh(&first).err(), kind, "{seconds}");
    }
}

/// Replaces the last four characters, which are three bytes of the token's own secret.
fn with_another_end(token: &str) -> String {
    let end = if token.ends_with("AAAA") {
        "BBBB"
    } else {
        "AAAA"
    };
    format!("{}{end}", &token[..token.len() - 4])
}
