//! A model of what is kept: however locks, revocations, requests and the clock follow each other, nobody gets in for longer
//! after being locked than the time says, and nobody at all who was locked before a revocation.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use countersign::{
    Authenticator, Clock, PrincipalError, PrincipalResolver, Revocation, TokenSubject,
    revocation::{RevocationEntry, Revoked},
    session::Realm,
    testing::TestIssuer,
};
use futures_executor::block_on;
use proptest::prelude::*;

use crate::ask;

const TIME: i64 = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    Request(u8),
    Lock(u8),
    Unlock(u8),
    Revoke(u8),
    Wait(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_u8).prop_map(Step::Request),
        1 => (0..3_u8).prop_map(Step::Lock),
        1 => (0..3_u8).prop_map(Step::Unlock),
        1 => (0..3_u8).prop_map(Step::Revoke),
        2 => (0..4_u8).prop_map(Step::Wait),
    ]
}

/// What is known of a user: since when it is locked, and whether a revocation came after that.
#[derive(Default)]
struct Known {
    locked_at: Option<i64>,
    revoked_since: bool,
}

proptest! {
    #[test]
    fn nobody_is_let_in_for_longer_than_the_time(steps in proptest::collection::vec(step(), 1..60)) {
        let issuer = TestIssuer::new();
        let clock = issuer.clock().clone();
        let revocation = Revocation::local().clock(clock.clone()).build().unwrap();
        let verifier = issuer.verifier_builder().revocation(revocation.clone()).build().unwrap();
        let locked = Arc::new(Mutex::new(HashMap::<String, bool>::new()));
        let table = Arc::clone(&locked);
        let users = PrincipalResolver::of_subject(move |subject: TokenSubject| {
            let is_locked = table.lock().unwrap().get(subject.subject()) == Some(&true);
            async move {
                match is_locked {
                    true => Err(PrincipalError::forbidden("locked")),
                    false => Ok(()),
                }
            }
        });
        let users = users.cache_for(Duration::from_secs(TIME.unsigned_abs())).unwrap();
        let authenticator = Authenticator::new(verifier).principal(users);
        let mut known: HashMap<u8, Known> = HashMap::new();
        for step in steps {
            let now = clock.now();
            match step {
                Step::Request(user) => {
                    let token = issuer.token().subject(&user.to_string()).sign();
                    let verdict = block_on(ask(&authenticator, &token)).map(drop);
                    let Known { locked_at, revoked_since } = known.entry(user).or_default();
                    match locked_at {
                        Some(at) => if now - *at >= TIME || *revoked_since {
                            prop_assert!(verdict.is_err(), "let in {} s after it was locked", now - *at);
                        },
                        // A refusal is never kept.
                        None => prop_assert!(verdict.is_ok(), "{verdict:?}"),
                    }
                }
                Step::Lock(user) => {
                    locked.lock().unwrap().insert(user.to_string(), true);
                    let known = known.entry(user).or_default();
                    if known.locked_at.is_none() {
                        *known = Known { locked_at: Some(now), revoked_since: false };
                    }
                }
                Step::Unlock(user) => {
                    locked.lock().unwrap().insert(user.to_string(), false);
                    known.insert(user, Known::default());
                }
                Step::Revoke(user) => {
                    let entry = RevocationEntry {
                        revoked: Revoked::Subject {
                            realm: Realm::new(TestIssuer::ISSUER).unwrap(),
                            subject: user.to_string(),
                            issued_before: now - 1,
                        },
                        until: now + 1_000,
                    };
                    revocation.revoke(&entry).unwrap();
                    known.entry(user).or_default().revoked_since = true;
                }
                Step::Wait(seconds) => clock.advance(Duration::from_secs(seconds.into())),
            }
        }
    }
}
