//! Tests of the data of the app in a session.

use std::{cell::Cell, pin::pin, task::Poll};

use countersign::session::{
    ClientInfo, Identity, SessionErrorKind as Kind,
    store::{SessionStore, StoreError},
};
use futures_executor::block_on;

use serde_json::{Value, json};

use crate::{
    faulty_store::{Fault, Step},
    setup::{Setup, good, poll, user},
};

/// Returns the answer of a store in memory, also within a future.
fn at_once<T>(step: impl Future<Output = Result<T, StoreError>>) -> T {
    match poll(pin!(step)) {
        Poll::Ready(answer) => answer.unwrap(),
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn the_data_of_a_login_is_there_at_each_refresh_and_in_no_token() {
    let setup = Setup::new();
    let ada = Identity::new("ada", user()).data(&json!({ "tenant": "acme" }));
    let mut pair = block_on(setup.sessions.start(&ada, ClientInfo::new())).unwrap();
    for _ in 0..3 {
        assert!(setup.claims(&pair).to_string().contains("role"));
        assert!(!setup.claims(&pair).to_string().contains("acme"));
        let shown = serde_json::to_string(pair.session()).unwrap();
        assert!(!shown.contains("acme") && !format!("{pair:?}").contains("acme"));
        let client = ClientInfo::new();
        let refreshed = setup
            .sessions
            .refresh(pair.refresh_token(), &client, async |session| {
                let data: Option<Value> = session.data().unwrap();
                assert_eq!(data.unwrap()["tenant"], "acme");
                good(user())
            });
        pair = block_on(refreshed).unwrap();
    }
}

#[test]
fn a_change_is_seen_from_the_next_refresh_on() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let id = pair.session().id();
    assert_eq!(pair.session().data::<Value>().unwrap(), None);
    for turn in 1..=3 {
        let changed = setup.sessions.update_data(id, |old: Option<u32>| {
            assert_eq!(old.unwrap_or(0), turn - 1);
            Some(turn)
        });
        assert_eq!(
            block_on(changed).unwrap().data::<u32>().unwrap(),
            Some(turn)
        );
    }
    let seen = Cell::new(None);
    let client = ClientInfo::new();
    let refreshed = setup
        .sessions
        .refresh(pair.refresh_token(), &client, async |session| {
            seen.set(session.data::<u32>().unwrap());
            good(user())
        });
    block_on(refreshed).unwrap();
    assert_eq!(seen.get(), Some(3));

    block_on(setup.sessions.update_data(id, |_: Option<u32>| None)).unwrap();
    let found = block_on(setup.sessions.get(id)).unwrap().unwrap();
    assert_eq!(found.data::<Value>().unwrap(), None);
}

#[test]
fn a_change_during_a_refresh_is_not_lost_and_neither_is_the_refresh() {
    let setup = Setup::new();
    let first = setup.login("ada");
    let next = setup.refresh_while(&first, || {
        let id = first.session().id();
        block_on(setup.sessions.update_data(id, |_: Option<u32>| Some(7))).unwrap();
    });
    let next = next.unwrap();
    let found = block_on(setup.sessions.get(next.session().id()))
        .unwrap()
        .unwrap();
    assert_eq!(found.data::<u32>().unwrap(), Some(7));
    setup.refresh(&next).unwrap();
}

/// Another node writes between the look at the data and the change.
#[test]
fn a_change_that_meets_another_is_made_on_top_of_it() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let id = pair.session().id();
    let memory = &setup.store.memory;
    let meanwhile = |text: String| {
        let data = at_once(memory.find(id)).unwrap().data;
        assert!(at_once(memory.set_data(id, data.as_deref(), Some(&text))));
    };
    let calls = Cell::new(0);
    let changed = setup.sessions.update_data(id, |old: Option<Vec<u32>>| {
        let mut all = old.unwrap_or_default();
        calls.set(calls.get() + 1);
        if calls.get() < 3 {
            let mut others = all.clone();
            others.push(calls.get());
            meanwhile(json!(others).to_string());
        }
        all.push(100);
        Some(all)
    });
    let data = block_on(changed).unwrap().data::<Vec<u32>>().unwrap();
    assert_eq!(data.unwrap(), [1, 2, 100]);

    // Somebody who is always overtaken does not go on for ever.
    let changed = setup.sessions.update_data(id, |_: Option<Value>| {
        calls.set(calls.get() + 1);
        meanwhile(calls.get().to_string());
        Some(json!("mine"))
    });
    assert_eq!(block_on(changed).unwrap_err().kind(), Kind::Unavailable);
}

#[test]
fn data_has_at_most_two_kibibytes_and_a_type() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let id = pair.session().id();
    let set = |text: &str| {
        let changed = setup
            .sessions
            .update_data(id, |_: Option<Value>| Some(json!(text)));
        block_on(changed).map(drop).map_err(|error| error.kind())
    };
    assert_eq!(set(&"x".repeat(2_046)), Ok(()));
    assert_eq!(set(&"x".repeat(2_047)), Err(Kind::Misconfigured));
    let other = setup.sessions.update_data(id, |_: Option<u32>| Some(1));
    assert_eq!(block_on(other).unwrap_err().kind(), Kind::Misconfigured);
    let found = block_on(setup.sessions.get(id)).unwrap().unwrap();
    assert_eq!(found.data::<String>().unwrap().unwrap().len(), 2_046);
    found.data::<u32>().unwrap_err();
}

#[test]
fn a_session_that_is_over_has_no_data() {
    let setup = Setup::new();
    let change = |id| {
        let changed = setup.sessions.update_data(id, |_: Option<u32>| Some(1));
        block_on(changed).map(drop).map_err(|error| error.kind())
    };
    let (expired, ended) = (setup.login("ada"), setup.login("ada"));
    assert_eq!(change(expired.session().id()), Ok(()));
    block_on(setup.sessions.end(ended.session().id())).unwrap();
    setup.clock.set(expired.session().expires_at());
    for pair in [&expired, &ended] {
        assert_eq!(change(pair.session().id()), Err(Kind::Unknown));
        assert_eq!(
            block_on(setup.sessions.get(pair.session().id())).unwrap(),
            None
        );
    }
}

#[test]
fn an_outage_is_one() {
    let setup = Setup::new();
    let pair = setup.login("ada");
    let id = pair.session().id();
    setup.store.steps();
    for (skipped, fault) in [(0, Fault::Before), (1, Fault::Before), (1, Fault::After)] {
        setup.store.fail(skipped, fault);
        let changed = setup.sessions.update_data(id, |_: Option<u32>| Some(1));
        assert_eq!(block_on(changed).unwrap_err().kind(), Kind::Unavailable);
        assert!(!setup.store.heal());
    }
    assert_eq!(
        setup.store.steps(),
        [
            Step::Find,
            Step::Find,
            Step::SetData,
            Step::Find,
            Step::SetData
        ]
    );
}
