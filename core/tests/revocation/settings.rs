//! Tests of the settings, and of a full list.

use std::time::Duration;

use countersign::{
    AuthErrorKind, Clock, ConfigError, Revocation,
    revocation::{RevocationBuilder, RevokeError},
    testing::TestIssuer,
};

use super::{refusal, session, token};

#[test]
fn bounds_are_checked_when_the_list_is_built() {
    let replica = Revocation::replica;
    let invalid = |settings: RevocationBuilder| {
        assert!(matches!(
            settings.build(),
            Err(ConfigError::InvalidSetting(_))
        ));
    };
    invalid(replica().capacity(0));
    replica().capacity(1).build().unwrap();
    replica().capacity(100_000_000).build().unwrap();
    invalid(replica().capacity(100_000_001));
    let staleness = |millis| replica().staleness(Duration::from_millis(millis));
    invalid(staleness(999));
    staleness(1_000).build().unwrap();
    staleness(3_600_000).build().unwrap();
    invalid(staleness(3_600_001));
}

#[test]
fn a_local_list_has_no_settings_of_a_replica() {
    let conflict = |settings: RevocationBuilder| {
        assert!(matches!(settings.build(), Err(ConfigError::Conflict(_))));
    };
    conflict(Revocation::local().staleness(Duration::from_secs(10)));
    conflict(Revocation::local().accept_when_stale());
    Revocation::local().capacity(10).build().unwrap();
}

#[test]
fn a_local_list_is_available_at_once_and_for_ever() {
    let issuer = TestIssuer::new();
    let local = Revocation::local().clock(issuer.clock().clone());
    let local = local.build().unwrap();
    for at in [-1, 0, 1_800_000_000, i64::MAX] {
        issuer.clock().set(at);
        let status = local.status();
        assert!(
            status.is_available() && status.fresh && !status.overflowed,
            "{at}"
        );
        assert_eq!(status.synced_at, None);
    }
}

#[test]
fn clones_share_the_list() {
    let issuer = TestIssuer::new();
    let clock = issuer.clock().clone();
    let now = clock.now();
    let one = Revocation::local().clock(clock).build().unwrap();
    one.clone().revoke(&token("token-1", now)).unwrap();
    let verifier = issuer.verifier().with_revocation(one);
    let text = issuer.token().sign();
    assert_eq!(refusal(&verifier, &text), Some(AuthErrorKind::Revoked));
}

#[test]
fn a_full_list_refuses_to_revoke_and_forgets_nothing() {
    let issuer = TestIssuer::new();
    let clock = issuer.clock().clone();
    let now = clock.now();
    let list = Revocation::local().capacity(2).clock(clock.clone());
    let list = list.build().unwrap();
    let verifier = issuer.verifier().with_revocation(list.clone());
    let text = |id: &str| {
        issuer
            .token()
            .claim("jti", id)
            .claim("exp", now + 9_000)
            .sign()
    };
    let [a, b, c] = ["a", "b", "c"].map(text);

    list.revoke(&token("a", now + 100)).unwrap();
    list.revoke(&token("b", now + 500)).unwrap();
    let error = list.revoke(&token("c", now + 900)).unwrap_err();
    assert_eq!(error, RevokeError::Full);
    assert_eq!((list.status().entries, list.status().capacity), (2, 2));
    let revoked = Some(AuthErrorKind::Revoked);
    assert_eq!(
        [&a, &b, &c].map(|token| refusal(&verifier, token)),
        [revoked, revoked, None]
    );
    // The refusal was reported, so the list is not incomplete. An existing entry can be prolonged.
    list.revoke(&token("a", now + 200)).unwrap();

    // A minute after its end, an entry makes room.
    clock.set(now + 260);
    list.revoke(&token("c", now + 900)).unwrap_err();
    clock.set(now + 261);
    list.revoke(&token("c", now + 900)).unwrap();
    assert_eq!(
        [&a, &b, &c].map(|token| refusal(&verifier, token)),
        [None, revoked, revoked]
    );
}

#[test]
fn a_clock_that_goes_back_brings_no_revoked_token_back() {
    let issuer = TestIssuer::new();
    let clock = issuer.clock().clone();
    let now = clock.now();
    let list = Revocation::local().capacity(1).clock(clock.clone());
    let list = list.build().unwrap();
    let verifier = issuer.verifier().with_revocation(list.clone());
    let [one, good] = ["one", "good"].map(|id| issuer.token().claim("jti", id).sign());
    list.revoke(&token("one", now + 600)).unwrap();

    // A clock far ahead, by mistake: the entry is over, and another one replaces it.
    clock.set(now + 86_400);
    list.revoke(&session(super::SESSION, now + 87_000)).unwrap();
    assert_eq!(refusal(&verifier, &one), Some(AuthErrorKind::Expired));

    clock.set(now + 60);
    let unavailable = Some(AuthErrorKind::RevocationUnavailable);
    assert_eq!(refusal(&verifier, &one), unavailable);
    assert_eq!(refusal(&verifier, &good), unavailable);
    assert!(list.status().overflowed && !list.status().is_available());
    // It ends when the lost entry would have.
    clock.set(now + 601);
    let later = issuer.token().claim("jti", "good").sign();
    assert_eq!(refusal(&verifier, &later), None);
}
