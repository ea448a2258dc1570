//! Tests of failed fetches: the last good keys stay, and are renewed once the provider works again.

use std::time::Duration;

use countersign::{
    remote::KeysState,
    testing::{Fault, JwksServer},
};
use tokio::{task::JoinSet, time::Instant};

use crate::setup::{JWKS, PATIENCE, Site, within};

#[tokio::test]
async fn an_answer_that_brings_nothing_takes_no_key_away() {
    let mut sites = JoinSet::new();
    for (fault, expected) in [
        // An error.
        (Fault::Status(500), "status"),
        (Fault::Status(404), "status"),
        (Fault::Status(204), "status"),
        (Fault::Unavailable(1), "status"),
        (
            Fault::Redirect("https://id.example/jwks".into()),
            "redirect",
        ),
        // Too slow.
        (Fault::Hang, "timeout"),
        (Fault::HangAfterHeaders, "timeout"),
        (Fault::Drip(Duration::from_secs(1)), "timeout"),
        // Cut off, or not HTTP.
        (Fault::Truncated, "read"),
        (Fault::Raw(Vec::new()), "read"),
        (Fault::Raw(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()), "read"),
        // Too long, or compressed.
        (Fault::Huge((256 << 10) + 1), "too_large"),
        (Fault::Huge(1 << 40), "too_large"),
        (Fault::ChunkedWithoutEnd, "too_large"),
        (Fault::Gzip, "encoded"),
        (Fault::GzipBomb, "encoded"),
        // Not a set.
        (Fault::Html, "invalid_keys"),
        (Fault::Body("{}".into()), "invalid_keys"),
        (Fault::Body(String::new()), "invalid_keys"),
        // A set without a usable key: these faults spoil the only one.
        (Fault::EmptySet, "invalid_keys"),
        (Fault::OnlyOct, "invalid_keys"),
        (Fault::DuplicateKid, "invalid_keys"),
        (Fault::PrivateMembers, "invalid_keys"),
    ] {
        sites.spawn(fails(fault, expected));
    }
    sites.join_all().await;
}

#[tokio::test]
async fn answers_that_are_only_unusual_are_used() {
    let mut sites = JoinSet::new();
    for twin in [
        Fault::Body(r#"{"keys":[{"kty":"new"},KEY]}"#.into()),
        Fault::CacheControl("no-store".into()),
        Fault::Chunked,
        Fault::Drip(Duration::from_millis(1)),
        Fault::Headers(vec![("content-encoding".into(), "identity".into())]),
        Fault::Huge(256 << 10),
        Fault::NoEtag,
        Fault::Oct,
    ] {
        sites.spawn(async move {
            let site = Site::start().await;
            let old = site.server.key();
            site.server.rotate();
            site.server.remove(old.id());
            let new = site.server.key();
            let jwk = new.verifying_key().to_jwk().unwrap();
            let twin = match twin {
                Fault::Body(text) => Fault::Body(text.replace("KEY", &jwk)),
                other => other,
            };
            site.server.fault(JWKS, twin.clone());
            site.accepts_soon(&site.token(&new), &format!("{twin:?}"))
                .await;
            let status = site.keys.status();
            assert_eq!(status.last_error(), None, "{twin:?}");
            assert_eq!(status.generation(), 2, "{twin:?}");
            assert_eq!(site.server.requests(JWKS), 2, "{twin:?}");
            assert_eq!(site.check_now(&site.token(&old)), "unknown_key");
        });
    }
    sites.join_all().await;
}

#[tokio::test]
async fn a_provider_that_wants_to_be_left_alone_says_so_to_clients_too() {
    for (fault, expected) in [
        (Fault::Status(503), 1..=2),
        (Fault::Unavailable(40), 39..=40),
    ] {
        let site = Site::start().await;
        site.server.fault(JWKS, fault.clone());
        let unknown = site.invented("a");
        let error = within(site.verifier.verify(&unknown)).await.unwrap_err();
        assert_eq!(error.challenge().status(), 503);
        let seconds = error.challenge().retry_after().unwrap();
        assert!(expected.contains(&seconds), "{fault:?}: {seconds}");
    }
}

#[tokio::test]
async fn the_target_of_a_redirect_is_never_asked() {
    let target = JwksServer::start();
    let redirect = |status| {
        let target = target.url();
        let head = format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {target}");
        Fault::Raw(format!("{head}\r\ncontent-length: 0\r\n\r\n").into())
    };
    let faults = [301, 302, 303, 307, 308].map(redirect);
    let mut sites = JoinSet::new();
    for fault in faults.into_iter().chain([Fault::Redirect(target.url())]) {
        sites.spawn(async move {
            let site = Site::start().await;
            site.server.fault(JWKS, fault.clone());
            let verdict = site.check(&site.invented("a")).await;
            assert_eq!(verdict, "keys_unavailable", "{fault:?}");
            let last_error = site.keys.status().last_error();
            assert_eq!(last_error, Some("redirect"), "{fault:?}");
            assert_eq!(site.check_now(&site.newest_token()), "accepted");
        });
    }
    sites.join_all().await;
    assert_eq!(target.requests(JWKS), 0);

    // If the operator names it, it is asked.
    let site = Site::of(target);
    assert_eq!(site.check(&site.newest_token()).await, "accepted");
    assert_eq!(site.server.requests(JWKS), 1);
}

#[tokio::test]
async fn a_provider_that_ends_takes_no_key_away() {
    let site = Site::start().await;
    let (known, unknown) = (site.newest_token(), site.invented("a"));
    assert_eq!(site.check(&unknown).await, "unknown_key");
    let unknown = site.invented("b");
    let Site {
        server,
        keys,
        verifier,
        ..
    } = site;
    drop(server);
    let refused = within(verifier.verify(&unknown)).await.unwrap_err();
    assert_eq!(refused.challenge().status(), 503);
    assert_eq!(keys.status().last_error(), Some("connect"));
    verifier.verify_now(&known).unwrap();
}

#[tokio::test]
async fn a_provider_that_fails_from_the_start_is_asked_until_it_is_well() {
    let mut sites = JoinSet::new();
    for (fault, expected) in [
        (Fault::Status(500), "status"),
        (Fault::Truncated, "read"),
        (Fault::Html, "invalid_keys"),
    ] {
        sites.spawn(async move {
            let server = JwksServer::start();
            server.fault(JWKS, fault.clone());
            let site = Site::of(server);
            assert!(within(site.keys.ready()).await.is_err(), "{fault:?}");
            let status = site.keys.status();
            assert_eq!(status.state(), KeysState::Unavailable, "{fault:?}");
            assert_eq!(status.last_error(), Some(expected), "{fault:?}");
            let token = site.newest_token();
            assert_eq!(site.check_now(&token), "keys_unavailable", "{fault:?}");
            site.server.heal(JWKS);
            site.accepts_soon(&token, expected).await;
            assert_eq!(site.keys.status().last_error(), None, "{fault:?}");
        });
    }
    sites.join_all().await;
}

/// Tests a fault after a good set, and the end of the fault.
async fn fails(fault: Fault, expected: &'static str) {
    let site = Site::start().await;
    let known = site.newest_token();
    site.server.fault(JWKS, fault.clone());

    // A token with an unknown key causes a fetch, which fails.
    let start = Instant::now();
    let unknown = site.invented("invented");
    let waits = site.verifier.verify(&unknown);
    let meanwhile = async {
        site.server.requested(JWKS, 2).await;
        assert_eq!(site.check_now(&known), "accepted", "{fault:?}");
        let known_start = Instant::now();
        assert_eq!(site.check(&known).await, "accepted", "{fault:?}");
        assert!(known_start.elapsed() < AT_ONCE, "{fault:?}");
    };
    let (verdict, ()) = within(async { tokio::join!(waits, meanwhile) }).await;
    let took = start.elapsed();
    let refused = verdict.unwrap_err();
    assert_eq!(refused.challenge().status(), 503, "{fault:?}");
    assert!(refused.challenge().retry_after().is_some(), "{fault:?}");
    assert!(took < PATIENCE, "{fault:?}: {took:?}");

    // The fetch has ended when its connection has.
    within(site.server.disconnected()).await;
    let status = site.keys.status();
    assert_eq!(status.last_error(), Some(expected), "{fault:?}");
    // After an immediate failure, there is time for a second try while the request waits.
    assert!(status.failures() >= 1, "{fault:?}");
    assert_eq!(status.state(), KeysState::Fresh, "{fault:?}");
    assert_eq!(status.generation(), 1, "{fault:?}");
    assert_eq!(site.check_now(&known), "accepted", "{fault:?}");

    site.server.rotate();
    site.server.heal(JWKS);
    let new = site.newest_token();
    site.accepts_soon(&new, &format!("{fault:?}")).await;
    let status = site.keys.status();
    assert_eq!(status.last_error(), None, "{fault:?}");
    assert_eq!(status.failures(), 0, "{fault:?}");
    assert_eq!(status.generation(), 2, "{fault:?}");
    assert_eq!(site.check_now(&known), "accepted", "{fault:?}");
}

/// A time shorter than any wait for a provider, and longer than a busy machine needs.
const AT_ONCE: Duration = Duration::from_millis(900);
