//! Tests of the bound on keys that turn out wrong, so that nobody floods the store with invented ones.

use countersign::session::NewApiKey;
use futures_executor::block_on;

use crate::{NOW, builder, shown, with_other_id, with_other_secret};

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
