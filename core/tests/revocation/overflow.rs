//! Tests of a log with more entries than a replica has room for.

use countersign::{
    AuthErrorKind, Clock, Revocation, revocation::RevocationBuilder, testing::TestIssuer,
};

use super::{
    nodes::{Fault, Log, Node},
    token,
};

const UNAVAILABLE: Option<AuthErrorKind> = Some(AuthErrorKind::RevocationUnavailable);
const REVOKED: Option<AuthErrorKind> = Some(AuthErrorKind::Revoked);

/// Starts a node with room for two entries, and a log of three.
fn start(settings: RevocationBuilder, ends: [i64; 3]) -> (TestIssuer, Log, Node, i64) {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let now = issuer.clock().now();
    for (id, end) in ["a", "b", "c"].into_iter().zip(ends) {
        log.add(token(id, now + end));
    }
    let mut node = Node::with(&issuer, &log, settings.capacity(2));
    node.read();
    (issuer, log, node, now)
}

fn refusals(issuer: &TestIssuer, node: &Node) -> [Option<AuthErrorKind>; 4] {
    ["a", "b", "c", "good"].map(|id| node.refusal(&issuer.token().claim("jti", id).sign()))
}

/// Returns how often the log was read from its start.
fn starts(node: &Node) -> usize {
    node.positions().iter().filter(|at| at.is_none()).count()
}

#[test]
fn an_entry_that_does_not_fit_closes_the_replica() {
    let (issuer, _log, node, _) = start(Revocation::replica(), [900; 3]);
    assert_eq!(
        refusals(&issuer, &node),
        [REVOKED, REVOKED, UNAVAILABLE, UNAVAILABLE]
    );
    let status = node.revocation.status();
    assert!(status.fresh && status.overflowed && !status.is_available());
    let error = node
        .verifier
        .verify_now(&issuer.token().sign())
        .unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("there was no room for it"));
}

#[test]
fn an_entry_of_an_earlier_part_of_the_log_that_does_not_fit_closes_the_replica_too() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let until = issuer.clock().now() + 900;
    for id in ["a", "b", "c", "a"] {
        log.add(token(id, until));
    }
    let mut node = Node::with(&issuer, &log, Revocation::replica().capacity(2));
    for _ in 0..3 {
        node.fail(Fault::Partial);
    }
    node.read();
    assert!(node.revocation.status().fresh);
    assert_eq!(
        refusals(&issuer, &node),
        [REVOKED, REVOKED, UNAVAILABLE, UNAVAILABLE]
    );
}

#[test]
fn two_entries_fit_into_two_places() {
    let (issuer, _log, node, _) = start(Revocation::replica(), [900, 900, -900]);
    assert_eq!(refusals(&issuer, &node), [REVOKED, REVOKED, None, None]);
    assert!(node.revocation.status().is_available());
}

#[test]
fn when_there_is_room_the_log_is_read_again_and_the_replica_opens() {
    let (issuer, _log, mut node, now) = start(Revocation::replica(), [100, 900, 900]);
    // Without room, another read would change nothing.
    for at in [1, 101, 160] {
        issuer.clock().set(now + at);
        node.read();
        node.read();
        assert_eq!(refusals(&issuer, &node)[3], UNAVAILABLE, "{at}");
        assert_eq!(starts(&node), 1);
    }
    issuer.clock().set(now + 161);
    node.read();
    assert_eq!(starts(&node), 1);
    node.read();
    assert_eq!(starts(&node), 2);
    assert_eq!(refusals(&issuer, &node), [None, REVOKED, REVOKED, None]);
    assert!(!node.revocation.status().overflowed);
    node.read();
    assert_eq!(starts(&node), 2);
}

#[test]
fn a_reading_that_fails_half_way_does_not_open_the_replica() {
    let (issuer, _log, mut node, now) = start(Revocation::replica(), [100, 900, 900]);
    issuer.clock().set(now + 161);
    node.read();
    node.fail(Fault::Partial);
    node.fail(Fault::Down);
    assert_eq!(refusals(&issuer, &node)[3], UNAVAILABLE);
    node.fail(Fault::Partial);
    assert_eq!(refusals(&issuer, &node)[3], UNAVAILABLE);
    node.read();
    assert_eq!(refusals(&issuer, &node), [None, REVOKED, REVOKED, None]);
}

#[test]
fn when_what_did_not_fit_has_expired_the_replica_opens() {
    let (issuer, _log, mut node, now) = start(Revocation::replica(), [900, 900, 100]);
    issuer.clock().set(now + 100);
    node.read();
    node.read();
    assert_eq!(refusals(&issuer, &node)[3], UNAVAILABLE);
    issuer.clock().set(now + 101);
    assert_eq!(refusals(&issuer, &node), [REVOKED, REVOKED, None, None]);
    node.read();
    assert_eq!(starts(&node), 1);
}

#[test]
fn accepting_when_stale_does_not_open_a_replica_that_lacks_an_entry() {
    let settings = Revocation::replica().accept_when_stale();
    let (issuer, _log, node, now) = start(settings, [900; 3]);
    assert_eq!(refusals(&issuer, &node)[3], UNAVAILABLE);
    issuer.clock().set(now + 300);
    assert!(!node.revocation.status().fresh);
    assert_eq!(refusals(&issuer, &node)[3], UNAVAILABLE);
}

#[test]
fn a_replica_whose_clock_went_back_reads_the_log_again() {
    let (issuer, _log, mut node, now) = start(Revocation::replica(), [900, -900, -900]);
    node.revocation.revoke(&token("x", now + 50)).unwrap();
    // A clock far ahead, by mistake: both entries are over, and make room.
    issuer.clock().set(now + 86_400);
    node.revocation.revoke(&token("y", now + 90_000)).unwrap();
    assert_eq!(node.revocation.status().entries, 1);

    issuer.clock().set(now + 5);
    assert_eq!(refusals(&issuer, &node), [UNAVAILABLE; 4]);
    node.fail(Fault::Down);
    assert_eq!(refusals(&issuer, &node), [UNAVAILABLE; 4]);
    assert_eq!(starts(&node), 1);
    node.read();
    assert_eq!(refusals(&issuer, &node), [REVOKED, None, None, None]);
    assert_eq!(starts(&node), 2);
}
