//! Tests of making, listing and ending keys.

use std::sync::atomic::Ordering;

use countersign::session::{ApiKeyError, ApiKeys, NewApiKey, store::ApiKeyId};
use futures_executor::block_on;

use crate::{NOW, PEPPER, api_keys, builder};

#[test]
fn a_key_is_made_listed_and_ended() {
    let (keys, ..) = api_keys();
    block_on(async {
        let new = NewApiKey::new("CI").scopes(["orders:read", "orders:write"]);
        let (key, text) = keys.create("ada", &new.expires_at(NOW + 60)).await.unwrap();
        assert_eq!(&text.as_str()[3..19], key.id().as_str());
        assert_eq!((key.subject(), key.label()), ("ada", "CI"));
        assert_eq!(
            key.scopes().collect::<Vec<_>>(),
            ["orders:read", "orders:write"]
        );
        assert_eq!((key.created_at(), key.expires_at()), (NOW, Some(NOW + 60)));
        assert_eq!(key.last_used_at(), None);

        let (other, _) = keys.create("ada", &NewApiKey::new("laptop")).await.unwrap();
        let listed = keys.list("ada").await.unwrap();
        assert_eq!(listed.len(), 2);
        assert!(listed.contains(&key) && listed.contains(&other));
        assert!(keys.list("bob").await.unwrap().is_empty());

        // Nobody ends a key of somebody else.
        assert!(!keys.end_of("bob", key.id()).await.unwrap());
        assert!(keys.check(text.as_str()).await.is_ok());
        assert!(keys.end_of("ada", key.id()).await.unwrap());
        assert!(!keys.end_of("ada", key.id()).await.unwrap());
        assert!(!keys.end(key.id()).await.unwrap());
        assert!(keys.check(text.as_str()).await.is_err());
        assert_eq!(keys.list("ada").await.unwrap(), [other]);

        assert_eq!(keys.end_all("ada").await.unwrap(), 1);
        assert_eq!(keys.end_all("ada").await.unwrap(), 0);
        let unknown = ApiKeyId::parse("AAAAAAAAAAAAAAAA").unwrap();
        assert!(!keys.end(&unknown).await.unwrap());
    });
}

#[test]
fn an_object_for_a_list_has_neither_subject_nor_secret() {
    let (keys, ..) = api_keys();
    let new = NewApiKey::new("CI").scopes(["a", "b"]);
    let (key, text) = block_on(keys.create("private-subject", &new)).unwrap();
    let object = serde_json::to_value(&key).unwrap();
    let expected = serde_json::json!({
        "id": key.id(), "label": "CI", "scopes": ["a", "b"], "created_at": NOW,
        "expires_at": null, "last_used_at": null,
    });
    assert_eq!(object, expected);
    assert!(!object.to_string().contains(&text.as_str()[20..52]));
}

#[test]
fn a_key_that_nobody_can_have_is_not_made() {
    let (keys, store, _) = api_keys();
    let ci = || NewApiKey::new("CI");
    let long = "x".repeat(255);
    let scopes = |count: usize| (0..count).map(|n| format!("s{n:014}")).collect::<Vec<_>>();
    for (subject, bad, good) in [
        ("ada", NewApiKey::new(""), ci()),
        ("ada", NewApiKey::new("a\nb"), NewApiKey::new("a b")),
        (
            "ada",
            NewApiKey::new(format!("{long}x")),
            NewApiKey::new(&*long),
        ),
        ("ada", ci().scopes(["a b"]), ci().scopes(["a", "b"])),
        ("ada", ci().scopes([""]), ci()),
        ("ada", ci().scopes(["a\"b"]), ci().scopes(["a'b"])),
        ("ada", ci().scopes(["\u{e9}"]), ci().scopes(["e"])),
        ("ada", ci().scopes(scopes(65)), ci().scopes(scopes(64))),
        (
            "ada",
            ci().scopes(["x".repeat(1_025)]),
            ci().scopes(["x".repeat(1_024)]),
        ),
        ("ada", ci().expires_at(NOW), ci().expires_at(NOW + 1)),
        (
            "ada",
            ci().expires_at(1_000 * NOW),
            ci().expires_at(2 * NOW),
        ),
    ] {
        let refused = block_on(keys.create(subject, &bad));
        assert!(matches!(refused, Err(ApiKeyError::Invalid(_))), "{bad:?}");
        assert_eq!(store.calls(), [""; 0], "{bad:?}");
        block_on(keys.create(subject, &good)).unwrap();
        store.calls();
    }
    for subject in ["", "a\nb", &format!("{long}x")] {
        let refused = block_on(keys.create(subject, &ci()));
        assert!(matches!(refused, Err(ApiKeyError::Invalid(_))), "{subject}");
    }
}

#[test]
fn a_subject_has_as_many_keys_as_it_can_and_expired_ones_make_room() {
    let (builder, _, clock) = builder();
    let keys = builder.per_subject(2).build().unwrap();
    let create = |new: &NewApiKey| block_on(keys.create("ada", new));
    create(&NewApiKey::new("1").expires_at(NOW + 10)).unwrap();
    let (second, _) = create(&NewApiKey::new("2")).unwrap();
    let refused = create(&NewApiKey::new("3")).unwrap_err();
    assert!(matches!(refused, ApiKeyError::TooMany));
    assert!(block_on(keys.create("bob", &NewApiKey::new("1"))).is_ok());

    clock.set(NOW + 10);
    let (third, _) = create(&NewApiKey::new("3")).unwrap();
    assert!(create(&NewApiKey::new("4")).is_err());
    assert_eq!(block_on(keys.list("ada")).unwrap(), [third, second]);
}

#[test]
fn keys_of_another_realm_are_nobodys() {
    let (builder, store, _) = builder();
    let own = builder.build().unwrap();
    let other = ApiKeys::builder(store, PEPPER).realm("back office");
    let other = other.build().unwrap();
    block_on(async {
        let (key, text) = own.create("ada", &NewApiKey::new("CI")).await.unwrap();
        assert!(other.check(text.as_str()).await.is_err());
        assert!(!other.end(key.id()).await.unwrap());
        assert_eq!(other.end_all("ada").await.unwrap(), 0);
        assert!(other.list("ada").await.unwrap().is_empty());
        assert!(own.check(text.as_str()).await.is_ok());
    });
}

#[test]
fn an_outage_of_the_store_is_told() {
    let (keys, store, _) = api_keys();
    let (key, _) = block_on(keys.create("ada", &NewApiKey::new("CI"))).unwrap();
    store.is_away.store(true, Ordering::Relaxed);
    block_on(async {
        for refused in [
            keys.create("ada", &NewApiKey::new("CI")).await.unwrap_err(),
            keys.list("ada").await.unwrap_err(),
            keys.end(key.id()).await.unwrap_err(),
            keys.end_of("ada", key.id()).await.unwrap_err(),
            keys.end_all("ada").await.unwrap_err(),
        ] {
            assert!(matches!(refused, ApiKeyError::Unavailable(_)));
            assert!(!refused.to_string().contains("refused"), "{refused}");
        }
    });
}
