//! Tests of a replica that cannot follow its log: it lets no request in (S06).

use std::{error::Error, time::Duration};

use countersign::{AuthErrorKind, Clock, Revocation, testing::TestIssuer};

use super::{
    nodes::{Fault, Log, Node},
    token,
};

const UNAVAILABLE: Option<AuthErrorKind> = Some(AuthErrorKind::RevocationUnavailable);
const REVOKED: Option<AuthErrorKind> = Some(AuthErrorKind::Revoked);

fn cause(node: &Node, token: &str) -> String {
    let error = node.verifier.verify_now(token).unwrap_err();
    assert_eq!(Some(error.kind()), UNAVAILABLE);
    error.source().unwrap().to_string()
}

fn start() -> (TestIssuer, Node, String, i64) {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let now = issuer.clock().now();
    log.add(token("revoked", now + 9_000));
    let node = Node::new(&issuer, &log);
    let good = issuer.token().claim("exp", now + 9_000).sign();
    (issuer, node, good, now)
}

#[test]
fn a_replica_that_has_read_nothing_refuses_everything_with_503() {
    let (_issuer, mut node, good, now) = start();
    assert_eq!(node.refusal(&good), UNAVAILABLE);
    assert!(cause(&node, &good).contains("was not read completely yet"));
    let status = node.revocation.status();
    assert!(!status.fresh && !status.is_available());
    assert_eq!(status.synced_at, None);
    node.fail(Fault::Down);
    assert_eq!(node.refusal(&good), UNAVAILABLE);

    node.read();
    assert_eq!(node.refusal(&good), None);
    let status = node.revocation.status();
    assert!(status.fresh && status.is_available());
    assert_eq!((status.entries, status.synced_at), (1, Some(now)));
}

#[test]
fn the_answer_in_an_outage_asks_to_come_back() {
    let (_issuer, node, good, _) = start();
    let challenge = node.verifier.verify_now(&good).unwrap_err().challenge();
    assert_eq!((challenge.status(), challenge.grpc_code()), (503, 14));
    assert_eq!(challenge.retry_after(), Some(5));
    assert_eq!(challenge.www_authenticate(), None);
    assert_eq!(
        challenge.message(),
        "the service cannot verify tokens right now"
    );
}

#[test]
fn a_replica_is_stale_after_its_bound_and_recovers_by_itself() {
    let (issuer, mut node, good, now) = start();
    let bad = issuer
        .token()
        .claim("jti", "revoked")
        .claim("exp", now + 9_000)
        .sign();
    node.read();
    issuer.clock().set(now + 10);
    node.fail(Fault::Down);
    assert_eq!(node.refusal(&good), None);
    issuer.clock().set(now + 11);
    for _ in 0..3 {
        node.fail(Fault::Down);
        assert_eq!(node.refusal(&good), UNAVAILABLE);
    }
    assert!(cause(&node, &good).ends_with("is 11 s ago"));
    assert!(!node.revocation.status().fresh);
    // Known revocations stay in force.
    assert_eq!(node.refusal(&bad), REVOKED);

    node.read();
    assert_eq!(node.refusal(&good), None);
    assert_eq!(node.refusal(&bad), REVOKED);
}

#[test]
fn a_read_that_leaves_entries_out_does_not_count() {
    let (issuer, mut node, good, now) = start();
    node.fail(Fault::Partial);
    assert_eq!(node.refusal(&good), UNAVAILABLE);
    node.read();
    assert_eq!(node.refusal(&good), None);
    issuer.clock().set(now + 11);
    node.fail(Fault::Partial);
    assert_eq!(node.refusal(&good), UNAVAILABLE);
}

#[test]
fn freshness_counts_from_the_beginning_of_a_read() {
    let (issuer, mut node, good, now) = start();
    node.read();
    // The next read has begun, and is answered ten seconds later.
    issuer.clock().set(now + 10);
    node.read();
    assert_eq!(node.revocation.status().synced_at, Some(now));
    issuer.clock().set(now + 11);
    assert_eq!(node.refusal(&good), UNAVAILABLE);
    node.read();
    assert_eq!(node.revocation.status().synced_at, Some(now + 10));
    assert_eq!(node.refusal(&good), None);
}

#[test]
fn the_bound_can_be_set() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let settings = Revocation::replica().staleness(Duration::from_secs(60));
    let mut node = Node::with(&issuer, &log, settings);
    node.read();
    let good = issuer.token().sign();
    issuer.clock().advance(Duration::from_secs(60));
    assert_eq!(node.refusal(&good), None);
    issuer.clock().advance(Duration::from_secs(1));
    assert_eq!(node.refusal(&good), UNAVAILABLE);
}

#[test]
fn a_replica_that_is_not_followed_any_more_goes_stale() {
    let (issuer, mut node, good, now) = start();
    node.read();
    node.stop();
    assert_eq!(node.refusal(&good), None);
    issuer.clock().set(now + 11);
    assert_eq!(node.refusal(&good), UNAVAILABLE);
}

#[test]
fn accepting_when_stale_is_opt_in_and_still_refuses_what_is_known() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let now = issuer.clock().now();
    log.add(token("revoked", now + 9_000));
    let mut node = Node::with(&issuer, &log, Revocation::replica().accept_when_stale());
    let good = issuer.token().claim("exp", now + 9_000).sign();
    let bad = issuer
        .token()
        .claim("jti", "revoked")
        .claim("exp", now + 9_000)
        .sign();
    // That is the price.
    assert_eq!([node.refusal(&good), node.refusal(&bad)], [None, None]);
    assert!(!node.revocation.status().fresh && node.revocation.status().is_available());
    node.read();
    issuer.clock().set(now + 3_600);
    assert!(!node.revocation.status().fresh);
    assert_eq!([node.refusal(&good), node.refusal(&bad)], [None, REVOKED]);
}

#[test]
fn a_clock_that_goes_back_a_little_changes_nothing() {
    let (issuer, mut node, good, now) = start();
    node.read();
    node.read();
    issuer.clock().set(now - 10);
    assert_eq!(node.refusal(&good), None);
    node.fail(Fault::Down);
    assert_eq!(node.refusal(&good), None);
}

#[test]
fn a_clock_that_goes_back_far_makes_it_stale_until_the_next_read() {
    let (issuer, mut node, good, now) = start();
    let late = |now| {
        issuer
            .token()
            .claim("iat", now - 4_000)
            .claim("exp", now + 9_000)
            .sign()
    };
    node.read();
    node.read();
    issuer.clock().set(now - 3_600);
    assert_eq!(node.refusal(&late(now)), UNAVAILABLE);
    assert!(cause(&node, &late(now)).contains("since the clock went back"));
    // An hour later, the clock shows the time of the last read again: that does not make the list
    // fresh.
    issuer.clock().set(now);
    assert_eq!(node.refusal(&good), UNAVAILABLE);
    node.read();
    node.read();
    assert_eq!(node.refusal(&good), None);
}

#[test]
fn the_follower_too_notices_that_the_clock_went_back() {
    let (issuer, mut node, good, now) = start();
    node.read();
    issuer.clock().set(now - 3_600);
    // No request comes in the meantime.
    node.fail(Fault::Down);
    node.fail(Fault::Down);
    issuer.clock().set(now);
    assert_eq!(node.refusal(&good), UNAVAILABLE);
}
