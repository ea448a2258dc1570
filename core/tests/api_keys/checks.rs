//! Tests of checks of keys: what each text leads to, alone and through an authenticator.

use std::sync::atomic::Ordering;

use countersign::{
    AuthErrorKind, Authenticator, Clock, Policy, Revocation,
    adapter::Credentials,
    revocation::{RevocationEntry, Revoked},
    session::{ApiKeys, NewApiKey, Realm},
    testing::TestIssuer,
};
use futures_executor::block_on;

use crate::{NOW, PEPPER, api_keys, builder, shown, with_other_id, with_other_secret};

#[test]
fn each_text_leads_to_its_verdict_and_no_store_is_asked_about_what_is_no_key() {
    let (keys, store, clock) = api_keys();
    let new = NewApiKey::new("CI").expires_at(NOW + 60);
    let (key, text) = block_on(keys.create("ada", &new)).unwrap();
    let text = text.as_str();
    let (ended, gone) = block_on(keys.create("ada", &NewApiKey::new("old"))).unwrap();
    assert!(block_on(keys.end(ended.id())).unwrap());
    store.calls();

    let check = |text: &str| block_on(keys.check(text));
    for bad in [
        "",
        "sk_",
        &text[..57],
        &text[1..],
        &format!("{text}0"),
        &text.to_uppercase(),
    ] {
        let refused = shown(&check(bad).unwrap_err());
        assert!(refused.contains("no API key by its form"), "{refused}");
    }
    for at in 3..58 {
        let digit = if text.as_bytes()[at] == b'7' {
            "8"
        } else {
            "7"
        };
        let mut typo = text.to_owned();
        typo.replace_range(at..=at, digit);
        assert!(check(&typo).is_err());
    }
    assert_eq!(store.calls(), [""; 0]);

    let wrong = with_other_secret(text);
    let unknown = with_other_id(text, 7);
    for bad in [&wrong, &unknown, gone.as_str()] {
        let refused = shown(&check(bad).unwrap_err());
        assert!(refused.contains("OpaqueTokenRefused"), "{refused}");
        assert!(refused.contains("unknown API key"), "{refused}");
        assert_eq!(store.calls(), ["find"]);
    }
    assert_eq!(check(text).unwrap().id(), key.id());
    assert_eq!(store.calls(), ["find", "touch"]);

    clock.set(NOW + 59);
    assert!(check(text).is_ok());
    clock.set(NOW + 60);
    let refused = shown(&check(text).unwrap_err());
    assert!(refused.contains("has expired"), "{refused}");

    store.is_away.store(true, Ordering::Relaxed);
    let refused = shown(&check(text).unwrap_err());
    assert!(refused.contains("OpaqueTokenUnavailable"), "{refused}");
    let refused = shown(&check("sk_").unwrap_err());
    assert!(refused.contains("OpaqueTokenRefused"), "{refused}");
}

#[test]
fn a_key_is_a_credential_of_an_authenticator() {
    let issuer = TestIssuer::new();
    let (keys, store, _) = api_keys();
    let authenticator = Authenticator::new(issuer.verifier())
        .opaque_tokens(&keys)
        .unwrap()
        .require(Policy::scope("orders:read"));
    let new = NewApiKey::new("CI")
        .scopes(["orders:read"])
        .expires_at(NOW + 60);
    let (key, text) = block_on(keys.create("ada", &new)).unwrap();
    let (_, weak) = block_on(keys.create("ada", &NewApiKey::new("weak"))).unwrap();
    let ask = |text: &str| block_on(authenticator.authenticate(Some(Credentials::new(text))));

    let token = ask(text.as_str()).unwrap().unwrap();
    assert_eq!(
        (token.credential(), token.issuer()),
        (Some("api_key"), Some("api_key"))
    );
    assert_eq!(
        (token.subject(), token.id()),
        (Some("ada"), Some(key.id().as_str()))
    );
    assert_eq!(
        (token.expires_at(), token.issued_at()),
        (Some(NOW + 60), Some(NOW))
    );
    assert_eq!(token.remaining(), Some(60));
    let refused = ask(weak.as_str()).unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::InsufficientScope);
    let refused = ask(&with_other_secret(text.as_str())).unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::OpaqueTokenRefused);
    assert!(ask(&issuer.token().scope("orders:read").sign()).is_ok());

    assert!(block_on(keys.end(key.id())).unwrap());
    let refused = ask(text.as_str()).unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::OpaqueTokenRefused);
    store.is_away.store(true, Ordering::Relaxed);
    let refused = ask(weak.as_str()).unwrap_err();
    assert_eq!(refused.challenge().status(), 503);
}

#[test]
fn a_key_may_come_in_a_header_of_its_own() {
    let (keys, ..) = api_keys();
    let authenticator = Authenticator::new(TestIssuer::new().verifier())
        .opaque_tokens(keys.in_header("x-api-key"))
        .unwrap();
    assert_eq!(
        authenticator.credential_headers(),
        ["authorization", "x-api-key"]
    );
    let (_, text) = block_on(keys.create("ada", &NewApiKey::new("CI"))).unwrap();
    // Elsewhere it is no JWT.
    let ask = authenticator.authenticate(Some(Credentials::new(text.as_str())));
    let refused = block_on(ask).unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::MalformedToken);
}

#[tokio::test]
async fn no_request_waits_for_the_note_of_its_use() {
    let (keys, store, _) = api_keys();
    let (key, text) = keys.create("ada", &NewApiKey::new("CI")).await.unwrap();
    store.calls();
    keys.check(text.as_str()).await.unwrap();
    assert_eq!(store.calls(), ["find"]);
    // The task that notes it has its turn.
    while keys.list("ada").await.unwrap()[0].last_used_at().is_none() {
        tokio::task::yield_now().await;
    }
    assert!(keys.end(key.id()).await.unwrap());
}

#[test]
fn a_revocation_of_the_subject_ends_no_key() {
    let issuer = TestIssuer::new();
    let list = Revocation::local()
        .clock(issuer.clock().clone())
        .build()
        .unwrap();
    let verifier = issuer
        .verifier_builder()
        .revocation(list.clone())
        .build()
        .unwrap();
    let (keys, ..) = api_keys();
    let authenticator = Authenticator::new(verifier).opaque_tokens(&keys).unwrap();
    let (_, text) = block_on(keys.create("ada", &NewApiKey::new("CI"))).unwrap();
    let jwt = issuer.token().subject("ada").sign();
    let ask = |text: &str| block_on(authenticator.authenticate(Some(Credentials::new(text))));
    assert!(ask(&jwt).is_ok() && ask(text.as_str()).is_ok());
    let entry = RevocationEntry {
        revoked: Revoked::Subject {
            realm: Realm::new(TestIssuer::ISSUER).unwrap(),
            subject: "ada".into(),
            issued_before: issuer.clock().now(),
        },
        until: issuer.clock().now() + 60,
    };
    list.revoke(&entry).unwrap();
    assert!(ask(&jwt).is_err() && ask(text.as_str()).is_ok());
}

#[test]
fn an_older_pepper_still_verifies_and_the_first_one_writes() {
    let (builder, store, _) = builder();
    let before = builder.build().unwrap();
    let (_, old) = block_on(before.create("ada", &NewApiKey::new("old"))).unwrap();
    let rotated = |older: bool| {
        let builder = ApiKeys::builder(store.clone(), "another pepper of 32 bytes or more");
        let builder = if older {
            builder.older_pepper(PEPPER)
        } else {
            builder
        };
        builder.build().unwrap()
    };
    let both = rotated(true);
    assert!(block_on(both.check(old.as_str())).is_ok());
    let (_, new) = block_on(both.create("ada", &NewApiKey::new("new"))).unwrap();
    assert!(block_on(both.check(new.as_str())).is_ok());
    assert!(block_on(before.check(new.as_str())).is_err());
    let after = rotated(false);
    assert!(block_on(after.check(new.as_str())).is_ok());
    assert!(block_on(after.check(old.as_str())).is_err());
}

#[test]
fn the_use_of_a_key_is_noted_once_an_hour_and_an_outage_of_that_is_no_refusal() {
    let (keys, store, clock) = api_keys();
    let (_, text) = block_on(keys.create("ada", &NewApiKey::new("CI"))).unwrap();
    store.calls();
    let check = || block_on(keys.check(text.as_str())).unwrap().last_used_at();
    assert_eq!(check(), None);
    assert_eq!(store.calls(), ["find", "touch"]);
    for later in [0, 1, 3_599] {
        clock.set(NOW + later);
        assert_eq!(check(), Some(NOW));
        assert_eq!(store.calls(), ["find"], "{later}");
    }
    clock.set(NOW + 3_600);
    store.takes_no_notes.store(true, Ordering::Relaxed);
    check();
    assert_eq!(store.calls(), ["find", "touch"]);
    // What fails is not tried at each request.
    check();
    assert_eq!(store.calls(), ["find"]);
    clock.set(NOW + 7_200);
    store.takes_no_notes.store(false, Ordering::Relaxed);
    assert_eq!(check(), Some(NOW));
    assert_eq!(check(), Some(NOW + 7_200));
}
