//! Tests of the log lines about a list with problems.

use std::{
    fmt::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use countersign::{Authenticator, Clock, Revocation, adapter::Credentials, testing::TestIssuer};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use super::{
    nodes::{Fault, Log, Node},
    subject, token,
};

/// Collects events as lines: level, then fields.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn of(work: impl FnOnce()) -> Vec<String> {
        let lines = Self::default();
        tracing::subscriber::with_default(lines.clone(), work);
        lines.0.lock().unwrap().clone()
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "countersign"
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        struct Fields(String);
        impl Visit for Fields {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                write!(self.0, " {field}={value:?}").unwrap();
            }
        }
        let mut fields = Fields(event.metadata().level().to_string());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn an_outage_of_the_log_is_told_once_and_so_is_its_end() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let mut node = Node::new(&issuer, &log);
    let lines = Lines::of(|| {
        node.read();
        for _ in 0..5 {
            node.fail(Fault::Down);
        }
        node.read();
        node.read();
        node.fail(Fault::Down);
    });
    let out = "WARN message=cannot read the revocation log list=\"revocations\" cause=\"connection refused\"";
    let back = "INFO message=the revocation log can be read again list=\"revocations\"";
    assert_eq!(lines, [out, back, out]);
}

#[test]
fn a_full_list_is_told_once_and_names_nobody() {
    let issuer = TestIssuer::new();
    let clock = issuer.clock().clone();
    let now = clock.now();
    let list = Revocation::local().capacity(1).clock(clock.clone());
    let list = list.build().unwrap();
    let somebody = subject("somebody", now, now + 900);
    let first = Lines::of(|| {
        list.revoke(&token("a", now)).unwrap();
        list.revoke(&somebody).unwrap_err();
    });
    let more = Lines::of(|| {
        for _ in 0..3 {
            list.revoke(&somebody).unwrap_err();
        }
    });
    let full_again = Lines::of(|| {
        clock.set(now + 61);
        list.revoke(&token("b", now + 900)).unwrap();
        list.revoke(&token("c", now + 900)).unwrap_err();
    });
    let full = "ERROR message=no room for another revocation: it is not in force here capacity=1";
    assert_eq!((first, more), (vec![full.to_owned()], vec![]));
    assert_eq!(full_again, [full]);
}

/// Each request would be a line, and the text of each second another one.
#[test]
fn a_list_that_is_not_up_to_date_is_told_once_with_its_cause_and_so_is_its_end() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let mut node = Node::new(&issuer, &log);
    let authenticator = Authenticator::new(&node.verifier);
    let text = issuer.token().sign();
    let ask = || {
        let future = authenticator.authenticate(Some(Credentials::new(&text)));
        futures_executor::block_on(future).is_ok()
    };
    let told = |lines: Vec<String>| {
        let (refused, told): (Vec<_>, Vec<_>) = lines
            .into_iter()
            .partition(|line| line.contains("request refused"));
        let is_quiet = |line: &String| line.starts_with("DEBUG") && line.contains("status=503");
        assert!(refused.iter().all(is_quiet), "{refused:?}");
        told
    };
    let not_yet = told(Lines::of(|| assert!(!ask() && !ask())));
    let [line] = not_yet.as_slice() else {
        panic!("{not_yet:?}");
    };
    for part in [
        "WARN",
        "every good token is answered with 503",
        "not read completely yet",
    ] {
        assert!(line.contains(part), "{line}");
    }
    let over = "INFO message=the list of revocations is up to date again list=\"revocations\"";
    assert_eq!(told(Lines::of(|| assert!(node.read() > 0))), [over]);

    let stale = told(Lines::of(|| {
        for _ in 0..5 {
            issuer.clock().advance(Duration::from_secs(11));
            assert!(!ask());
        }
    }));
    assert_eq!(stale.len(), 1, "{stale:?}");
    // The read that was waiting began too long ago, and counts for nothing.
    assert_eq!(told(Lines::of(|| assert!(node.read() > 0))), [""; 0]);
    assert!(stale[0].contains("the last complete read"), "{stale:?}");
    assert_eq!(told(Lines::of(|| assert!(node.read() > 0))), [over]);
    assert!(told(Lines::of(|| assert!(ask()))).is_empty());
}

/// The clock went back behind the end of an entry that was dropped.
#[test]
fn a_missing_revocation_is_told_once_and_so_is_its_end() {
    let issuer = TestIssuer::new();
    let clock = issuer.clock().clone();
    let now = clock.now();
    let list = Revocation::local().capacity(1).clock(clock.clone());
    let list = list.build().unwrap();
    let verifier = issuer.verifier_builder().revocation(list.clone());
    let verifier = verifier.build().unwrap();
    let text = issuer.token().sign();
    list.revoke(&token("a", now + 10)).unwrap();
    clock.set(now + 80);
    list.revoke(&token("b", now + 900)).unwrap();
    clock.set(now);
    let began = Lines::of(|| {
        for _ in 0..5 {
            verifier.verify_now(&text).unwrap_err();
        }
    });
    assert_eq!(began.len(), 1, "{began:?}");
    for part in [
        "WARN",
        "every good token is answered with 503",
        "a revocation that still counts is missing",
    ] {
        assert!(began[0].contains(part), "{began:?}");
    }
    clock.set(now + 11);
    let over = Lines::of(|| {
        verifier.verify_now(&text).unwrap();
        assert!(list.status().is_available() && list.status().is_available());
    });
    let end = "INFO message=no revocation that counts is missing any more list=\"revocations\"";
    assert_eq!(over, [end]);
}

#[test]
fn the_first_log_is_followed_in_silence() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let lines = Lines::of(|| drop(Node::new(&issuer, &log)));
    assert!(lines.is_empty(), "{lines:?}");
}

#[test]
fn a_second_log_is_told() {
    let (issuer, log) = (TestIssuer::new(), Log::default());
    let node = Node::new(&issuer, &log);
    let lines = Lines::of(|| drop(node.revocation.follow(node.link.clone())));
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("ERROR") && lines[0].contains("follows two logs"));
}
