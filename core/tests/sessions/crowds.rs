//! Tests of more refreshes than the store may be asked at once.

use std::pin::{Pin, pin};

use countersign::{
    SessionRoutes,
    adapter::{Reply, RequestHead},
    session::{
        ClientInfo, EndReason, Identity, SessionErrorKind as Kind, SignIn, store::StoreCapabilities,
    },
};
use futures_executor::block_on;
use serde_json::Value;

use crate::{
    faulty_store::{Fault, FaultyStore, Step},
    log,
    setup::{Setup, good, issuer, poll, user},
};

/// Creates a setup in which one refresh is at the store, and one waits.
fn narrow() -> Setup {
    Setup::with(|builder| builder.concurrent_refreshes(1).waiting_refreshes(1))
}

/// Begins a refresh whose first call of the store takes until it is polled again.
fn begin<T>(setup: &Setup, refresh: Pin<&mut impl Future<Output = T>>) {
    setup.store.fail(0, Fault::Late);
    assert!(poll(refresh).is_pending());
    assert_eq!(setup.store.steps(), [Step::Find]);
}

#[test]
fn one_more_than_may_wait_is_turned_away_and_the_store_is_not_asked() {
    let setup = narrow();
    let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| setup.login(name));
    setup.store.steps();
    let client = ClientInfo::new();
    let refresh = |token| {
        setup
            .sessions
            .refresh(token, &client, async |_| good(user()))
    };
    let mut first = pin!(refresh(ada.refresh_token()));
    begin(&setup, first.as_mut());
    let mut second = pin!(refresh(bob.refresh_token()));
    assert!(poll(second.as_mut()).is_pending());
    for _ in 0..3 {
        let refused = block_on(refresh(eve.refresh_token())).unwrap_err();
        assert_eq!(refused.kind(), Kind::Overloaded);
        assert_eq!(
            (refused.kind().status(), refused.reason()),
            (503, "sessions_overloaded")
        );
    }
    assert_eq!(setup.store.steps(), []);

    // Everybody is served in the end, with the token that was turned away too. The first one waits behind the second
    // now, for the exchange, although there is no room in the queue.
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    block_on(first).unwrap();
    block_on(second).unwrap();
    block_on(refresh(eve.refresh_token())).unwrap();
}

#[test]
fn no_turn_is_kept_while_the_app_looks_the_user_up() {
    let setup = narrow();
    let [ada, bob] = ["ada", "bob"].map(|name| setup.login(name));
    let looked_up = setup.refresh_while(&ada, || {
        for _ in 0..3 {
            setup.refresh(&bob).unwrap();
        }
    });
    looked_up.unwrap();
}

#[test]
fn logouts_do_not_stand_behind_refreshes() {
    let setup = narrow();
    let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| setup.login(name));
    setup.store.steps();
    let client = ClientInfo::new();
    let refresh = |token| {
        setup
            .sessions
            .refresh(token, &client, async |_| good(user()))
    };
    let mut first = pin!(refresh(ada.refresh_token()));
    begin(&setup, first.as_mut());
    let mut second = pin!(refresh(bob.refresh_token()));
    assert!(poll(second.as_mut()).is_pending());

    assert!(block_on(setup.sessions.end_by_token(eve.refresh_token())).unwrap());
    assert!(block_on(setup.sessions.end(bob.session().id())).unwrap());
    assert_eq!(block_on(setup.sessions.end_all("ada")).unwrap(), 1);
    setup.login("ada");
}

#[test]
fn logouts_by_a_token_have_a_bound_too() {
    let setup = narrow();
    let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| setup.login(name));
    setup.store.steps();
    let mut first = pin!(setup.sessions.end_by_token(ada.refresh_token()));
    begin(&setup, first.as_mut());
    let mut second = pin!(setup.sessions.end_by_token(bob.refresh_token()));
    assert!(poll(second.as_mut()).is_pending());
    let refused = block_on(setup.sessions.end_by_token(eve.refresh_token())).unwrap_err();
    assert_eq!(refused.kind(), Kind::Overloaded);
    assert!(block_on(first).unwrap() && block_on(second).unwrap());
    assert!(block_on(setup.sessions.end_by_token(eve.refresh_token())).unwrap());
}

#[test]
fn a_replay_that_is_detected_ends_the_session_in_the_same_turn() {
    let setup = narrow();
    let old = setup.login("ada");
    setup.refresh(&old).unwrap();
    setup.pass(60);
    let bob = setup.login("bob");
    setup.store.steps();
    setup.events();
    let client = ClientInfo::new();
    let refresh = |token| {
        setup
            .sessions
            .refresh(token, &client, async |_| good(user()))
    };
    let mut replay = pin!(refresh(old.refresh_token()));
    begin(&setup, replay.as_mut());
    let mut other = pin!(refresh(bob.refresh_token()));
    assert!(poll(other.as_mut()).is_pending());
    assert_eq!(block_on(replay).unwrap_err().kind(), Kind::Replayed);
    assert_eq!(setup.endings(), [EndReason::Replayed]);
    block_on(other).unwrap();
}

#[test]
fn half_of_the_calls_that_a_store_carries_out_at_once_are_for_refreshes() {
    let builds = |calls| {
        let store = FaultyStore::with(StoreCapabilities::local().concurrent_calls(calls));
        let clock = countersign::testing::FixedClock::at(crate::setup::START);
        let issuer = issuer(&clock).build().unwrap();
        let sessions = countersign::Sessions::builder(issuer, store.clone());
        let sessions = sessions.waiting_refreshes(0).build().unwrap();
        let ada = Identity::new("ada", user());
        let pair = block_on(sessions.start(&ada, ClientInfo::new())).unwrap();
        let client = ClientInfo::new();
        let mut waiting: Vec<_> = (0..100)
            .map(|_| {
                Box::pin(sessions.refresh(pair.refresh_token(), &client, async |_| good(user())))
            })
            .collect();
        let mut at_store = 0;
        for refresh in &mut waiting {
            store.fail(0, Fault::Late);
            at_store += usize::from(poll(refresh.as_mut()).is_pending());
        }
        at_store
    };
    assert_eq!([0, 1, 2, 10, 90].map(builds), [1, 1, 1, 5, 45]);
}

#[test]
fn clients_that_were_turned_away_are_told_when_to_come_again_and_the_log_does_not_fill() {
    log::listen();
    let setup = narrow();
    let [ada, bob, eve] = ["ada", "bob", "eve"].map(|name| setup.login(name));
    let routes = SessionRoutes::json(setup.sessions.clone(), async |_: SignIn<Value>| {
        Ok::<Option<Identity<Value>>, std::io::Error>(None)
    });
    let client = ClientInfo::new();
    let refresh = |token| {
        setup
            .sessions
            .refresh(token, &client, async |_| good(user()))
    };
    let mut first = pin!(refresh(ada.refresh_token()));
    setup.store.steps();
    begin(&setup, first.as_mut());
    let mut second = pin!(refresh(bob.refresh_token()));
    assert!(poll(second.as_mut()).is_pending());
    log::take();
    let body = format!(r#"{{"refresh_token":"{}"}}"#, eve.refresh_token());
    let answers: Vec<Reply> = (0..100)
        .map(|_| block_on(routes.answer("/refresh", &Post, body.as_bytes())))
        .collect();
    for answer in &answers {
        assert_eq!(answer.status(), 503);
        let mut headers = answer.headers();
        assert!(headers.any(|header| header == ("retry-after", "1")));
    }
    let lines = log::take();
    let reason = "reason=\"sessions_overloaded\"";
    assert_eq!(lines.matches(reason).count(), 10, "{lines}");
}

/// A request without headers but for the type of its body.
struct Post;

impl RequestHead for Post {
    fn method(&self) -> &'static str {
        "POST"
    }

    fn path(&self) -> &'static str {
        ""
    }

    fn query(&self) -> Option<&str> {
        None
    }

    fn authority(&self) -> Option<&str> {
        None
    }

    fn visit_header<'h>(&'h self, name: &str, visit: &mut dyn FnMut(&'h [u8])) {
        if name == "content-type" {
            visit(b"application/json");
        }
    }
}
