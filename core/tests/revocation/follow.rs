//! Tests of how entries get from the log to the nodes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use countersign::{
    AuthErrorKind, Clock, Revocation,
    revocation::{LogBatch, LogPosition, RevocationEntry, RevocationLog},
    session::store::StoreError,
    testing::TestIssuer,
};

use super::{
    OTHER_SESSION, SESSION,
    nodes::{Fault, Log, Node},
    session, subject, token,
};

const REVOKED: Option<AuthErrorKind> = Some(AuthErrorKind::Revoked);

#[test]
fn a_revocation_on_one_node_reaches_the_other() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let now = issuer.clock().now();
    let [mut one, mut two] = [Node::new(&issuer, &log), Node::new(&issuer, &log)];
    one.read();
    two.read();
    let text = issuer.token().claim("sid", SESSION).sign();
    assert_eq!([one.refusal(&text), two.refusal(&text)], [None, None]);

    let entry = session(SESSION, now + 900);
    one.revocation.revoke(&entry).unwrap();
    futures_executor::block_on(one.link.append(&[entry])).unwrap();
    // At once on this node, and on the other once it reads.
    assert_eq!([one.refusal(&text), two.refusal(&text)], [REVOKED, None]);
    two.read();
    one.read();
    assert_eq!([one.refusal(&text), two.refusal(&text)], [REVOKED, REVOKED]);
    assert_eq!(one.revocation.status().entries, 1);
}

#[test]
fn a_node_that_starts_later_reads_everything() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let now = issuer.clock().now();
    log.add(token("a", now + 900));
    log.add(subject("user-2", now, now + 900));
    log.add(session(OTHER_SESSION, now + 900));
    let mut node = Node::new(&issuer, &log);
    node.read();
    for revoked in [
        issuer.token().claim("jti", "a").sign(),
        issuer.token().subject("user-2").sign(),
        issuer.token().claim("sid", OTHER_SESSION).sign(),
    ] {
        assert_eq!(node.refusal(&revoked), REVOKED);
    }
    assert_eq!(node.refusal(&issuer.token().sign()), None);
}

#[test]
fn it_reads_on_where_it_stopped_also_after_an_error() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let now = issuer.clock().now();
    let mut node = Node::new(&issuer, &log);
    node.read();
    log.add(token("a", now + 900));
    node.read();
    node.fail(Fault::Down);
    node.fail(Fault::Down);
    log.add(token("b", now + 900));
    node.read();
    node.read();
    let positions = node.positions();
    let positions: Vec<_> = positions.iter().map(Option::as_deref).collect();
    assert_eq!(
        positions,
        [None, Some("0"), Some("1"), Some("1"), Some("1"), Some("2")]
    );
    assert_eq!(node.revocation.status().entries, 2);
}

#[test]
fn entries_that_come_twice_or_late_change_nothing() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let now = issuer.clock().now();
    let mut node = Node::new(&issuer, &log);
    log.add(subject("user-1", now - 5, now + 900));
    log.add(token("a", now + 900));
    node.read();
    let before = node.revocation.status().entries;
    // A shorter entry of the same name, and all of it again.
    log.add(subject("user-1", now - 50, now + 30));
    log.add(token("a", now - 3_600));
    node.read();
    node.fail(Fault::Repeated);
    node.fail(Fault::Forgotten);
    assert_eq!(node.revocation.status().entries, before);

    issuer.clock().set(now + 800);
    node.read();
    node.read();
    let at = |iat: i64| issuer.token().claim("iat", iat).sign();
    assert_eq!(node.refusal(&at(now - 6)), REVOKED);
    assert_eq!(node.refusal(&at(now - 4)), None);
    assert_eq!(
        node.refusal(&issuer.token().claim("jti", "a").sign()),
        REVOKED
    );
}

#[test]
fn a_log_that_was_trimmed_or_restarted_is_followed_on() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let now = issuer.clock().now();
    let mut node = Node::new(&issuer, &log);
    for id in ["a", "b", "c"] {
        log.add(token(id, now + 900));
    }
    node.read();
    // The log starts again: the node's position is out of date, and past the end.
    log.trim(3);
    log.add(token("d", now + 900));
    node.fail(Fault::Forgotten);
    for id in ["a", "b", "c", "d"] {
        let text = issuer.token().claim("jti", id).sign();
        assert_eq!(node.refusal(&text), REVOKED, "{id}");
    }
}

#[test]
fn what_has_expired_in_the_log_is_not_kept() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let now = issuer.clock().now();
    let mut node = Node::new(&issuer, &log);
    log.add(token("old", now - 3_600));
    log.add(token("new", now + 900));
    node.read();
    assert_eq!(node.revocation.status().entries, 1);
    assert!(node.revocation.status().is_available());
}

#[test]
fn a_local_list_that_follows_a_log_becomes_a_replica() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let mut node = Node::with(&issuer, &log, Revocation::local());
    let good = issuer.token().sign();
    let unavailable = Some(AuthErrorKind::RevocationUnavailable);
    assert_eq!(node.refusal(&good), unavailable);
    node.read();
    assert_eq!(node.refusal(&good), None);
    issuer.clock().advance(Duration::from_secs(11));
    assert_eq!(node.refusal(&good), unavailable);
}

#[test]
fn a_list_that_follows_two_logs_is_never_fresh() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let mut node = Node::new(&issuer, &log);
    let second = node.revocation.follow(Arc::new(node.link.clone()));
    node.read();
    let good = issuer.token().sign();
    assert_eq!(
        node.refusal(&good),
        Some(AuthErrorKind::RevocationUnavailable)
    );
    // As if one task were replaced by another.
    drop(second);
    node.read();
    assert_eq!(node.refusal(&good), None);
}

#[test]
fn a_log_that_never_waits_does_not_starve_the_executor() {
    struct Restless(Arc<AtomicUsize>);
    impl RevocationLog for Restless {
        async fn append(&self, _: &[RevocationEntry]) -> Result<(), StoreError> {
            Ok(())
        }
        async fn read(&self, _: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
            match self.0.fetch_add(1, Ordering::SeqCst) % 2 {
                0 => Err(StoreError::new("down")),
                _ => Ok(LogBatch {
                    entries: Vec::new(),
                    position: None,
                    complete: true,
                }),
            }
        }
    }
    let reads = Arc::new(AtomicUsize::new(0));
    let revocation = Revocation::replica().build().unwrap();
    let mut following = std::pin::pin!(revocation.follow(Restless(Arc::clone(&reads))));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for turn in 1..=10 {
        assert!(following.as_mut().poll(&mut context).is_pending());
        assert_eq!(reads.load(Ordering::SeqCst), turn);
    }
}

#[test]
fn a_large_batch_is_applied_in_several_turns() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let until = issuer.clock().now() + 900;
    for n in 0..10_000 {
        log.add(token(&n.to_string(), until));
    }
    let mut node = Node::new(&issuer, &log);
    assert!(node.read() >= 10);
    assert_eq!(node.revocation.status().entries, 10_000);
    assert!(node.revocation.status().fresh);
}
