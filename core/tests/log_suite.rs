//! Tests that the suite for logs of revocations finds faults in a log.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
    task::Poll,
};

use countersign::{
    revocation::{LogBatch, LogPosition, RevocationEntry, RevocationLog, Revoked},
    session::{Realm, store::StoreError},
    testing::revocation_log_suite,
};
use futures_executor::block_on;

#[test]
fn a_log_that_keeps_the_rules_passes() {
    block_on(revocation_log_suite(Toy::default()));
}

#[test]
fn a_log_that_breaks_a_rule_is_caught() {
    for (bug, message) in [
        (Bug::ForgetsTheMoment, "`read` returns what was appended"),
        (Bug::ForgetsTheRealm, "`read` returns what was appended"),
        (Bug::LastFirst, "in that order"),
        (Bug::MixesKinds, "`read` returns what was appended"),
        (Bug::NeverComplete, "`read` says when the batch is complete"),
        (
            Bug::RepeatsTheLast,
            "`read` returns nothing from before its position",
        ),
        (
            Bug::SkipsBetweenParts,
            "`read` goes on where the part before has ended",
        ),
        (Bug::TokensOnly, "`read` returns what was appended"),
        (
            Bug::UnknownIsTheEnd,
            "an unknown position counts as the start",
        ),
    ] {
        let log = Toy {
            bug: Some(bug),
            ..Toy::default()
        };
        let suite = AssertUnwindSafe(|| block_on(revocation_log_suite(log)));
        let panic = catch_unwind(suite).expect_err(message);
        let said = match panic.downcast_ref::<String>() {
            Some(text) => text.as_str(),
            None => panic.downcast_ref::<&str>().expect("a text"),
        };
        assert!(said.contains(message), "{bug:?}: {said}");
    }
}

/// A minimal log with a fault. A position is the number of entries before it.
#[derive(Default)]
struct Toy {
    entries: Mutex<Vec<RevocationEntry>>,
    bug: Option<Bug>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bug {
    ForgetsTheMoment,
    ForgetsTheRealm,
    LastFirst,
    MixesKinds,
    NeverComplete,
    RepeatsTheLast,
    SkipsBetweenParts,
    TokensOnly,
    UnknownIsTheEnd,
}

const PART: usize = 100;

impl Toy {
    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn stored(&self, entry: &RevocationEntry) -> Option<RevocationEntry> {
        let mut entry = entry.clone();
        match &mut entry.revoked {
            Revoked::Subject { issued_before, .. } if self.has(Bug::ForgetsTheMoment) => {
                *issued_before = 0;
            }
            Revoked::Subject { subject, .. } if self.has(Bug::MixesKinds) => {
                entry.revoked = Revoked::Token(subject.clone());
            }
            Revoked::Sessionless { realm, .. } | Revoked::Subject { realm, .. }
                if self.has(Bug::ForgetsTheRealm) =>
            {
                *realm = Realm::new("one for all").expect("a realm");
            }
            Revoked::Session(_) if self.has(Bug::TokensOnly) => return None,
            _ => {}
        }
        Some(entry)
    }
}

impl RevocationLog for Toy {
    async fn append(&self, entries: &[RevocationEntry]) -> Result<(), StoreError> {
        let mut entries: Vec<_> = entries
            .iter()
            .filter_map(|entry| self.stored(entry))
            .collect();
        if self.has(Bug::LastFirst) {
            entries.reverse();
        }
        wait_a_turn().await;
        self.entries.lock().expect("no panic").extend(entries);
        Ok(())
    }

    async fn read(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        wait_a_turn().await;
        let all = self.entries.lock().expect("no panic");
        let unknown = if self.has(Bug::UnknownIsTheEnd) {
            all.len()
        } else {
            0
        };
        let start = after.map_or(0, |after| after.as_str().parse().unwrap_or(unknown));
        let part: Vec<_> = all.iter().skip(start).take(PART).cloned().collect();
        let mut end = start + part.len();
        let complete = end == all.len();
        if self.has(Bug::SkipsBetweenParts) && !complete {
            end += 1;
        }
        if self.has(Bug::RepeatsTheLast) && complete {
            end = end.saturating_sub(1);
        }
        Ok(LogBatch {
            entries: part,
            position: Some(LogPosition::new(end.to_string())),
            complete: complete && !self.has(Bug::NeverComplete),
        })
    }
}

/// Lets every other future have a turn.
async fn wait_a_turn() {
    let mut waited = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        match std::mem::replace(&mut waited, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}
