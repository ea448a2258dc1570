//! Tests of the device: the client that a session is bound to, and the label that its user sees.

use countersign::session::{
    ClientInfo, EndReason, SessionErrorKind as Kind, SessionEvent, store::TokenHash,
};
use futures_executor::block_on;
use serde_json::json;

use crate::setup::{START, Setup};

fn bound_to(byte: u8) -> ClientInfo {
    ClientInfo::new().binding(TokenHash::from_bytes([byte; 32]))
}

/// S15, S16
#[test]
fn a_bound_session_is_refreshed_by_its_client_only() {
    let setup = Setup::new();
    let pair = setup.login_from("ada", bound_to(1));
    setup.events();
    for other in [
        bound_to(2),
        ClientInfo::new(),
        ClientInfo::new().label("Laptop"),
    ] {
        let refused = setup.refresh_from(&pair, &other);
        assert_eq!(refused.unwrap_err(), Kind::WrongClient);
    }
    // That ends nothing: the token may be stolen, but the key is not. Each attempt is reported:
    // F10.
    let events = setup.events();
    assert_eq!(events.len(), 3);
    for event in events {
        let SessionEvent::WrongClient { session } = event else {
            panic!("{event:?}");
        };
        assert_eq!(session.id(), pair.session().id());
    }
    assert!(setup.refresh_from(&pair, &bound_to(1)).is_ok());
}

/// S16: one different bit is a different client.
#[test]
fn a_binding_is_compared_in_full() {
    let setup = Setup::new();
    let pair = setup.login_from("ada", bound_to(0));
    for bit in 0..256 {
        let mut bytes = [0; 32];
        bytes[bit / 8] = 1 << (bit % 8);
        let other = ClientInfo::new().binding(TokenHash::from_bytes(bytes));
        let refused = setup.refresh_from(&pair, &other);
        assert_eq!(refused.unwrap_err(), Kind::WrongClient, "{bit}");
    }
}

/// S16: the binding is kept through every exchange.
#[test]
fn the_binding_is_asked_for_at_each_refresh() {
    let setup = Setup::new();
    let first = setup.login_from("ada", bound_to(1));
    let second = setup.refresh_from(&first, &bound_to(1)).unwrap();
    let refused = setup.refresh_from(&second, &bound_to(2));
    assert_eq!(refused.unwrap_err(), Kind::WrongClient);
    let third = setup.refresh_from(&second, &bound_to(1)).unwrap();
    let refused = setup.refresh(&third);
    assert_eq!(refused.unwrap_err(), Kind::WrongClient);
}

/// S16: no answer is repeated for another client.
#[test]
fn the_grace_window_is_the_clients_own() {
    let setup = Setup::new();
    let first = setup.login_from("ada", bound_to(1));
    let second = setup.refresh_from(&first, &bound_to(1)).unwrap();
    let refused = setup.refresh_from(&first, &bound_to(2));
    assert_eq!(refused.unwrap_err(), Kind::WrongClient);
    let again = setup.refresh_from(&first, &bound_to(1)).unwrap();
    assert_eq!(again.refresh_token(), second.refresh_token());
}

/// S01, S16: an old token is proof of a copy, whatever else is wrong.
#[test]
fn a_replay_from_another_client_is_a_replay() {
    let setup = Setup::new();
    let first = setup.login_from("ada", bound_to(1));
    setup.refresh_from(&first, &bound_to(1)).unwrap();
    setup.pass(10);
    setup.events();
    let refused = setup.refresh_from(&first, &bound_to(2));
    assert_eq!(refused.unwrap_err(), Kind::Replayed);
    assert_eq!(setup.endings(), [EndReason::Replayed]);
}

/// S16, the twin: a session without a binding accepts any client with its token.
#[test]
fn a_session_that_is_not_bound_takes_any_client_and_stays_so() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let pair = setup.refresh_from(&pair, &bound_to(1)).unwrap();
    let pair = setup.refresh_from(&pair, &bound_to(2)).unwrap();
    assert!(setup.refresh(&pair).is_ok());
}

/// S16: no claims are asked for a wrong client.
#[test]
fn claims_are_not_asked_for_a_wrong_client() {
    let setup = Setup::new();
    let pair = setup.login_from("ada", bound_to(1));
    let refused = setup.refresh_while(&pair, || panic!("asked for claims"));
    assert_eq!(refused.unwrap_err(), Kind::WrongClient);
}

#[test]
fn a_label_is_what_the_login_said() {
    let setup = Setup::new();
    let pair = setup.login_from("ada", ClientInfo::new().label("Firefox on Linux"));
    assert_eq!(pair.session().label(), Some("Firefox on Linux"));
    let next = setup.refresh_from(&pair, &ClientInfo::new().label("Laptop"));
    assert_eq!(next.unwrap().session().label(), Some("Firefox on Linux"));
}

#[test]
fn a_label_is_one_short_line_of_text() {
    let setup = Setup::new();
    for (label, kept) in [
        ("a\r\nb\0c\u{1b}[2Jd\u{85}e", Some("a  b c [2Jd e")),
        (&*"x".repeat(255), Some(&*"x".repeat(255))),
        (&*"x".repeat(256), Some(&*"x".repeat(255))),
        (&*"\u{1f600}".repeat(70), Some(&*"\u{1f600}".repeat(63))),
        ("", None),
        (" \t\n", None),
        ("\u{202f}\u{3000}", None),
        ("<b>", Some("<b>")),
    ] {
        let pair = setup.login_from("ada", ClientInfo::new().label(label));
        assert_eq!(pair.session().label(), kept, "{label:?}");
    }
    let pair = setup.login("ada");
    assert_eq!(pair.session().label(), None);
}

#[test]
fn sessions_are_listed_with_the_last_used_one_first() {
    let setup = Setup::new();
    let labelled = |label: &str| setup.login_from("ada", ClientInfo::new().label(label));
    let laptop = labelled("Laptop");
    setup.pass(1);
    labelled("Phone");
    setup.pass(1);
    labelled("Tablet");
    setup.login("bob");
    setup.pass(1);
    setup.refresh(&laptop).unwrap();
    let listed = block_on(setup.sessions.list("ada")).unwrap();
    let labels: Vec<_> = listed
        .iter()
        .map(|session| session.label().unwrap())
        .collect();
    assert_eq!(labels, ["Laptop", "Tablet", "Phone"]);
    assert!(block_on(setup.sessions.list("eve")).unwrap().is_empty());
}

#[test]
fn a_listed_session_is_json_for_its_user() {
    let setup = Setup::new();
    let pair = setup.login_from("ada", ClientInfo::new().label("Laptop"));
    setup.pass(5);
    setup.refresh(&pair).unwrap();
    let listed = block_on(setup.sessions.list("ada")).unwrap();
    let expected = json!([{
        "id": pair.session().id(),
        "label": "Laptop",
        "created_at": START,
        "last_used_at": START + 5,
        "expires_at": START + 5 + 14 * 86_400,
    }]);
    assert_eq!(serde_json::to_value(listed).unwrap(), expected);
}
