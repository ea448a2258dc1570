//! Tests of keys that are added and removed, and of late answers.

use countersign::{
    remote::{Fetch, FetchRequest, HttpFetch},
    testing::{Fault, JwksServer},
};
use tokio::task::JoinSet;

use crate::setup::{JWKS, Site, within};

#[tokio::test]
async fn the_first_tokens_of_a_new_key_pass_and_share_one_fetch() {
    let site = Site::start().await;
    let old = site.newest_token();
    site.server.rotate();
    let new = site.newest_token();
    let gate = site.server.hold(JWKS);
    let mut requests = JoinSet::new();
    for _ in 0..50 {
        let (verifier, new) = (site.verifier.clone(), new.clone());
        requests.spawn(async move { verifier.verify(&new).await.is_ok() });
    }
    within(site.server.requested(JWKS, 2)).await;
    assert_eq!(site.check_now(&old), "accepted");
    gate.release();
    let verdicts = within(requests.join_all()).await;
    assert!(verdicts.into_iter().all(|is_accepted| is_accepted));
    assert_eq!(site.server.requests(JWKS), 2);
    assert_eq!(site.check_now(&old), "accepted");
}

#[tokio::test]
async fn a_key_that_left_the_set_is_refused_after_the_next_fetch() {
    let site = Site::start().await;
    let (old, old_token) = (site.server.key(), site.newest_token());
    site.server.rotate();
    site.server.remove(old.id());
    assert_eq!(site.check_now(&old_token), "accepted");
    assert_eq!(site.check(&site.newest_token()).await, "accepted");
    assert_eq!(site.check_now(&old_token), "unknown_key");
    assert_eq!(site.check_now(&site.newest_token()), "accepted");
}

#[tokio::test]
async fn a_set_that_did_not_change_is_asked_for_by_its_etag() {
    let site = Site::start().await;
    let etag = etag(&site.server).await;
    let asked = || {
        let request = site.server.last_request(JWKS).unwrap();
        request.header("if-none-match").map(str::to_owned)
    };
    assert_eq!(asked(), None);
    assert_eq!(site.check(&site.invented("a")).await, "unknown_key");
    assert_eq!(site.server.requests(JWKS), 3);
    assert_eq!(asked().as_deref(), Some(&*etag));
    let status = site.keys.status();
    assert_eq!((status.last_error(), status.generation()), (None, 1));
    assert_eq!(site.check_now(&site.newest_token()), "accepted");

    // Once the set has changed, it is sent.
    site.server.rotate();
    assert_eq!(site.check(&site.newest_token()).await, "accepted");
    assert_eq!(asked().as_deref(), Some(&*etag));
    assert_eq!(site.keys.status().generation(), 2);
}

#[tokio::test]
async fn unchanged_is_no_answer_to_whoever_did_not_ask_whether_it_changed() {
    let with_etag = Fault::Headers(Vec::new());
    let mut sites = JoinSet::new();
    for (first, verdict, last_error) in [
        (Fault::NoEtag, "keys_unavailable", Some("status")),
        (with_etag, "unknown_key", None),
    ] {
        sites.spawn(async move {
            let server = JwksServer::start();
            server.fault_once(JWKS, first.clone());
            server.fault(JWKS, Fault::NotModified(None));
            let site = Site::of(server);
            within(site.keys.ready()).await.unwrap();
            let known = site.newest_token();
            assert_eq!(site.check(&site.invented("a")).await, verdict, "{first:?}");
            assert_eq!(site.keys.status().last_error(), last_error, "{first:?}");
            assert_eq!(site.keys.status().generation(), 1, "{first:?}");
            assert_eq!(site.check_now(&known), "accepted", "{first:?}");
            site.server.heal(JWKS);
            site.server.rotate();
            site.accepts_soon(&site.newest_token(), "a new key").await;
            assert_eq!(site.keys.status().last_error(), None, "{first:?}");
        });
    }
    sites.join_all().await;
}

#[tokio::test]
async fn an_answer_that_comes_late_does_not_bring_old_keys_back() {
    let site = Site::start().await;
    let (old, old_token) = (site.server.key(), site.newest_token());
    // The old set, delayed until a later request has its answer.
    site.server.fault_once(JWKS, Fault::OutOfOrder);
    assert_eq!(site.check(&site.invented("a")).await, "keys_unavailable");
    assert_eq!(site.server.requests(JWKS), 2);
    site.server.rotate();
    site.server.remove(old.id());
    let new_token = site.newest_token();
    site.accepts_soon(&new_token, "the later answer").await;
    // By now, the delayed answer has been sent, but nothing reads it.
    within(site.server.disconnected()).await;
    assert_eq!(site.keys.status().generation(), 2);
    assert_eq!(site.check_now(&new_token), "accepted");
    assert_eq!(site.check_now(&old_token), "unknown_key");
    assert_eq!(site.check(&new_token).await, "accepted");
}

async fn etag(server: &JwksServer) -> String {
    let request = FetchRequest::new(server.url(), 1 << 16);
    let answer = within(HttpFetch::default().get(request)).await.unwrap();
    answer.values("etag").next().unwrap().to_owned()
}
