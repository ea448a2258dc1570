//! Tests of the bound on keys that turn out wrong, so that nobody floods the store with invented ones.

use std::sync::atomic::Ordering;

use countersign::{Authenticator, adapter::Credentials, session::NewApiKey, testing::TestIssuer};
use futures_executor::block_on;

use crate::{NOW, builder, log, shown, with_other_id, with_other_secret};

#[test]
fn a_flood_of_invented_keys_reaches_the_store_as_often_as_it_may_and_no_good_key_suffers() {
    let (builder, store, clock) = builder();
    let keys = builder.failures_per_minute(20).build().unwrap();
    let create = || {
        block_on(keys.create("ada", &NewApiKey::new("CI")))
            .unwrap()
            .1
    };
    let (good, fresh) = (create(), create());
    let check = |text: &str| block_on(keys.check(text));
    assert!(check(good.as_str()).is_ok());
    store.calls();

    for number in 0..1_000 {
        let refused = check(&with_other_id(good.as_str(), number)).unwrap_err();
        let is_asked = number < 20;
        assert_eq!(store.calls().len(), usize::from(is_asked), "{number}");
        assert_eq!(
            shown(&refused).contains("OpaqueTokenUnavailable"),
            !is_asked
        );
        assert!(check(good.as_str()).is_ok());
        store.calls();
    }
    // Nobody knows by now whether these are good: the right id with another secret, and a key of late.
    for text in [&*with_other_secret(good.as_str()), fresh.as_str()] {
        let refused = shown(&check(text).unwrap_err());
        assert!(refused.contains("OpaqueTokenUnavailable"), "{refused}");
        assert_eq!(store.calls(), [""; 0]);
    }
    clock.set(NOW + 60);
    assert!(check(fresh.as_str()).is_ok());
}

#[test]
fn many_invented_keys_at_once_are_bounded_though_the_store_is_away() {
    let (builder, store, clock) = builder();
    let keys = builder.failures_per_minute(20).build().unwrap();
    let (_, good) = block_on(keys.create("ada", &NewApiKey::new("CI"))).unwrap();
    store.calls();
    store.is_away.store(true, Ordering::Relaxed);
    for number in 0..1_000 {
        assert!(block_on(keys.check(&with_other_id(good.as_str(), number))).is_err());
    }
    assert_eq!(store.calls().len(), 20);
    store.is_away.store(false, Ordering::Relaxed);
    clock.set(NOW + 60);
    // Each that is accepted gives its question back.
    for _ in 0..100 {
        assert!(block_on(keys.check(good.as_str())).is_ok());
    }
}

#[test]
fn a_client_with_a_wrong_or_an_expired_key_uses_up_nothing() {
    let (builder, store, clock) = builder();
    let keys = builder.failures_per_minute(3).build().unwrap();
    let new = |new: NewApiKey| block_on(keys.create("ada", &new)).unwrap().1;
    let expired = new(NewApiKey::new("CI").expires_at(NOW + 10));
    let good = new(NewApiKey::new("CI"));
    clock.set(NOW + 10);
    store.calls();
    let wrong = with_other_secret(good.as_str());
    for _ in 0..100 {
        for bad in [expired.as_str(), &wrong] {
            let refused = shown(&block_on(keys.check(bad)).unwrap_err());
            assert!(refused.contains("OpaqueTokenRefused"), "{refused}");
        }
    }
    assert_eq!(store.calls(), ["find", "find"]);
    assert!(block_on(keys.check(good.as_str())).is_ok());
}

#[test]
fn a_client_with_an_ended_key_uses_up_nothing() {
    let (builder, store, clock) = builder();
    let keys = builder.failures_per_minute(2).build().unwrap();
    let new = || block_on(keys.create("ada", &NewApiKey::new("CI"))).unwrap();
    let ((ended, gone), (_, fresh)) = (new(), new());
    assert!(block_on(keys.end(ended.id())).unwrap());
    store.calls();
    let check = |text: &str| block_on(keys.check(text));
    for _ in 0..100 {
        assert!(shown(&check(gone.as_str()).unwrap_err()).contains("OpaqueTokenRefused"));
    }
    assert_eq!(store.calls(), ["find"]);
    assert!(check(fresh.as_str()).is_ok());
    // It is asked about now and then.
    clock.set(NOW + 60);
    store.calls();
    assert!(check(gone.as_str()).is_err());
    assert_eq!(store.calls(), ["find"]);
}

/// How long a refused client waits: the default of `Retry-After`.
const RETRY: i64 = 5;

#[test]
fn a_good_key_that_a_fresh_process_has_never_seen_gets_in_at_its_second_attempt_in_a_flood() {
    let (builder, store, clock) = builder();
    let keys = builder.failures_per_minute(600).build().unwrap();
    let (_, good) = block_on(keys.create("ada", &NewApiKey::new("CI"))).unwrap();
    store.calls();
    // From the first second of one minute into the next one, whose budget the flood uses up first, too.
    for minute in 0..2 {
        let mut questions = 0;
        let mut attempts = Vec::new();
        for second in 0..60 {
            clock.set(NOW + 60 * minute + second);
            for number in 0..1_000 {
                let number = usize::try_from(minute * 60_000 + second * 1_000).unwrap() + number;
                assert!(block_on(keys.check(&with_other_id(good.as_str(), number))).is_err());
            }
            questions += store.calls().len();
            if minute == 0 && second >= 30 && second % RETRY == 0 {
                attempts.push(block_on(keys.check(good.as_str())));
                store.calls();
            }
        }
        // Keys that come once get none of the reserve.
        assert_eq!(questions, 600);
        if minute == 0 {
            let refused = shown(attempts[0].as_ref().unwrap_err());
            assert!(refused.contains("OpaqueTokenUnavailable"), "{refused}");
            assert!(attempts[1..].iter().all(Result::is_ok));
        }
    }
}

#[test]
fn a_flood_has_a_cause_of_its_own_in_the_log() {
    log::listen();
    let (builder, ..) = builder();
    let keys = builder.failures_per_minute(1).build().unwrap();
    let (_, good) = block_on(keys.create("ada", &NewApiKey::new("CI"))).unwrap();
    let authenticator = Authenticator::new(TestIssuer::new().verifier());
    let authenticator = authenticator.opaque_tokens(&keys).unwrap();
    for number in 0..2 {
        let text = with_other_id(good.as_str(), number);
        assert!(block_on(authenticator.authenticate(Some(Credentials::new(&text)))).is_err());
    }
    let log = log::take();
    let cause = "too many unknown API keys in this minute: only those that were good before are looked up, and now and then one that comes again";
    assert!(log.contains("opaque tokens cannot be checked"), "{log}");
    assert!(log.contains(cause), "{log}");
}

#[test]
fn a_good_key_is_among_those_that_come_again_and_the_store_is_asked_about_few_of_them() {
    let (builder, store, clock) = builder();
    let keys = builder.failures_per_minute(600).build().unwrap();
    let (_, good) = block_on(keys.create("ada", &NewApiKey::new("CI"))).unwrap();
    let use_up = |minute: usize| {
        for number in 0..600 {
            let text = with_other_id(good.as_str(), 1_000 * (minute + 1) + number);
            assert!(block_on(keys.check(&text)).is_err());
        }
    };
    use_up(0);
    store.calls();
    // Forty others come again each second, and before the good one.
    let mut waited = None;
    for second in 0..59 {
        clock.set(NOW + second);
        for number in 0..40 {
            let text = with_other_id(good.as_str(), number);
            assert!(block_on(keys.check(&text)).is_err());
        }
        if block_on(keys.check(good.as_str())).is_ok() {
            waited = waited.or(Some(second));
        }
    }
    // One question a second: each of the others has had its own.
    assert_eq!(waited, Some(40));
    let questions = store.calls().into_iter().filter(|call| *call == "find");
    assert_eq!(questions.count(), 40 + 19);
}

#[test]
fn the_reserve_is_bounded_and_spread_over_the_minute_though_the_store_is_away() {
    for (failures, of_reserve) in [(600, 60), (20, 2), (1, 1)] {
        let (builder, store, clock) = builder();
        let keys = builder.failures_per_minute(failures).build().unwrap();
        let (_, good) = block_on(keys.create("ada", &NewApiKey::new("CI"))).unwrap();
        store.calls();
        store.is_away.store(true, Ordering::Relaxed);
        let mut asked = Vec::new();
        for second in 0..60 {
            clock.set(NOW + second);
            for number in 0..1_000 {
                assert!(block_on(keys.check(&with_other_id(good.as_str(), number))).is_err());
            }
            asked.push(store.calls().len());
        }
        let failures = usize::try_from(failures).unwrap();
        assert_eq!(asked[0], failures);
        let later = &asked[1..];
        assert_eq!(later.iter().sum::<usize>(), of_reserve);
        // The first second leaves its own share to the second one.
        assert!(later[1..].iter().all(|questions| *questions <= 1));
    }
}

#[test]
fn a_good_key_gives_its_question_back_to_the_next_one_that_comes_again() {
    let (builder, store, clock) = builder();
    let keys = builder.failures_per_minute(1).build().unwrap();
    let new = || {
        block_on(keys.create("ada", &NewApiKey::new("CI")))
            .unwrap()
            .1
    };
    let good: Vec<_> = (0..20).map(|_| new()).collect();
    let check = |text: &str| block_on(keys.check(text));
    assert!(check(&with_other_id(good[0].as_str(), 0)).is_err());
    assert!(good.iter().all(|key| check(key.as_str()).is_err()));
    store.calls();
    // In the same second nobody comes again.
    assert!(good.iter().all(|key| check(key.as_str()).is_err()));
    assert_eq!(store.calls(), [""; 0]);
    clock.set(NOW + 1);
    assert!(good.iter().all(|key| check(key.as_str()).is_ok()));
}
