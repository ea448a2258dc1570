//! Tests of logins that are under way when all sessions of their subject end: at one node or two,
//! within one second.

use std::convert::Infallible;

use countersign::{
    AuthErrorKind, Sessions,
    session::{ClientInfo, Identity, SessionErrorKind as Kind, TokenPair},
};
use futures_executor::block_on;

use crate::setup::{START, Setup, good, user};

fn ada() -> Identity<serde_json::Value> {
    Identity::new("ada", user())
}

fn refresh(sessions: &Sessions, pair: &TokenPair) -> Result<TokenPair, Kind> {
    let claims = async |_| good(user());
    let client = ClientInfo::new();
    let refreshed = block_on(sessions.refresh(pair.refresh_token(), &client, claims));
    refreshed.map_err(|error| error.kind())
}

/// F3: the old password was read before it changed, and hashing it takes until after the change.
#[test]
fn a_login_that_began_before_the_password_changed_starts_nothing() {
    let setup = Setup::new();
    let nodes = [setup.sessions.clone(), setup.node()];
    for (here, there) in [(0, 0), (0, 1), (1, 0)] {
        let login = block_on(nodes[here].begin()).unwrap();
        let changed = block_on(nodes[there].password_changed(&ada(), ClientInfo::new())).unwrap();
        let refused = block_on(login.start(&ada(), ClientInfo::new())).unwrap_err();
        assert_eq!(refused.kind(), Kind::Unknown);
        assert_eq!(refused.kind().status(), 400);
        assert_eq!(setup.count("ada"), 1);
        assert!(refresh(&nodes[here], &changed).is_ok());
    }
}

/// F3: all of it within one second, and no clock is asked.
#[test]
fn the_session_of_a_changed_password_survives_and_every_older_one_does_not() {
    let setup = Setup::new();
    let other_node = setup.node();
    let older = [setup.login("ada"), setup.login("ada")];
    let other = setup.login("bob");
    let own = block_on(setup.sessions.password_changed(&ada(), ClientInfo::new())).unwrap();
    // A login after it has returned, at either node.
    let later = block_on(other_node.start(&ada(), ClientInfo::new())).unwrap();
    for pair in &older {
        assert_eq!(setup.refresh(pair).unwrap_err(), Kind::Unknown);
        let verified = setup
            .sessions
            .verifier()
            .verify_now(pair.access_token().as_str());
        assert_eq!(verified.unwrap_err().kind(), AuthErrorKind::Revoked);
    }
    for pair in [&own, &later, &other] {
        setup.claims(pair);
        assert!(setup.refresh(pair).is_ok());
    }
    assert_eq!(setup.count("ada"), 2);
}

/// F3: clocks that are an hour apart make no difference.
#[test]
fn a_node_whose_clock_is_wrong_ends_and_starts_the_same_sessions() {
    for apart in [-3_600, 3_600] {
        let setup = Setup::new();
        let (other_node, clock) = setup.node_with_clock();
        clock.set(START + apart);
        let older = setup.login("ada");
        let waiting = block_on(setup.sessions.begin()).unwrap();
        let own = block_on(other_node.password_changed(&ada(), ClientInfo::new())).unwrap();
        assert!(block_on(waiting.start(&ada(), ClientInfo::new())).is_err());
        let later = block_on(setup.sessions.start(&ada(), ClientInfo::new())).unwrap();
        assert_eq!(setup.refresh(&older).unwrap_err(), Kind::Unknown);
        assert!(refresh(&other_node, &own).is_ok());
        assert!(setup.refresh(&later).is_ok());
    }
}

#[test]
fn what_ends_others_concerns_no_login() {
    let setup = Setup::new();
    let login = block_on(setup.sessions.begin()).unwrap();
    let bob = setup.login("bob");
    block_on(setup.sessions.end_all("bob")).unwrap();
    block_on(setup.sessions.end(bob.session().id())).unwrap();
    let own = setup.login("ada");
    block_on(setup.sessions.end(own.session().id())).unwrap();
    let pair = block_on(login.start(&ada(), ClientInfo::new())).unwrap();
    assert!(setup.refresh(&pair).is_ok());
}

#[test]
fn a_session_is_created_when_its_login_began() {
    let setup = Setup::new();
    let login = block_on(setup.sessions.begin()).unwrap();
    setup.pass(30);
    let pair = block_on(login.start(&ada(), ClientInfo::new())).unwrap();
    assert_eq!(pair.session().created_at(), START);
    assert_eq!(pair.session().last_used_at(), START + 30);
    assert_eq!(pair.access_token().expires_at(), START + 30 + 900);
}

/// Stores remember for two hours that all sessions of a subject were ended.
#[test]
fn a_login_is_good_for_an_hour() {
    for (seconds, is_good) in [(3_600, true), (3_601, false)] {
        let setup = Setup::new();
        let login = block_on(setup.sessions.begin()).unwrap();
        setup.pass(seconds);
        block_on(setup.sessions.sweep()).unwrap();
        let started = block_on(login.start(&ada(), ClientInfo::new()));
        assert_eq!(started.is_ok(), is_good);
        assert_eq!(setup.count("ada"), usize::from(is_good));
    }
}

#[test]
fn a_login_that_waits_across_a_sweep_is_still_overtaken() {
    let setup = Setup::new();
    let login = block_on(setup.sessions.begin()).unwrap();
    block_on(setup.sessions.end_all("ada")).unwrap();
    setup.pass(3_600);
    block_on(setup.sessions.sweep()).unwrap();
    assert!(block_on(login.start(&ada(), ClientInfo::new())).is_err());
}

/// A refresh is not a login: its row is gone, however long it waits.
#[test]
fn a_refresh_that_is_under_way_when_the_password_changes_gets_nothing() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let refused = setup.refresh_while(&pair, || {
        block_on(setup.sessions.password_changed(&ada(), ClientInfo::new())).unwrap();
    });
    assert_eq!(refused.unwrap_err(), Kind::Unknown);
    assert_eq!(setup.count("ada"), 1);
}

#[test]
fn a_failed_change_is_made_again() {
    let setup = Setup::new();
    let older = setup.login("ada");
    setup.store.is_down(true);
    let refused = block_on(setup.sessions.password_changed(&ada(), ClientInfo::new())).unwrap_err();
    assert_eq!(refused.kind(), Kind::Unavailable);
    setup.store.is_down(false);
    block_on(setup.sessions.password_changed(&ada(), ClientInfo::new())).unwrap();
    assert_eq!(setup.refresh(&older).unwrap_err(), Kind::Unknown);
    assert_eq!(setup.count("ada"), 1);
}

/// The app need not know when a password was changed.
#[test]
fn claims_are_asked_for_as_ever_after_a_change() {
    let setup = Setup::new();
    let own = block_on(setup.sessions.password_changed(&ada(), ClientInfo::new())).unwrap();
    let asked = async |session: countersign::session::Session| {
        assert_eq!(session.subject(), "ada");
        Ok::<_, Infallible>(Some(user()))
    };
    let client = ClientInfo::new();
    assert!(block_on(setup.sessions.refresh(own.refresh_token(), &client, asked)).is_ok());
}
