//! Nodes that follow one log, one turn at a time, and a log that fails on command.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use countersign::{
    AuthErrorKind, Revocation, Verifier,
    revocation::{LogBatch, LogPosition, RevocationBuilder, RevocationEntry, RevocationLog},
    session::store::StoreError,
    testing::TestIssuer,
};

use super::refusal;

/// The log that all nodes share.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<RevocationEntry>>>);

impl Log {
    pub(super) fn add(&self, entry: RevocationEntry) {
        self.0.lock().unwrap().push(entry);
    }

    /// Removes the oldest entries, as a log does once they have expired.
    pub(super) fn trim(&self, count: usize) {
        self.0.lock().unwrap().drain(..count);
    }
}

/// A fault of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The store cannot be reached.
    Down,
    /// The store no longer knows the position.
    Forgotten,
    /// The read returns only some of the entries.
    Partial,
    /// The last read is repeated.
    Repeated,
}

/// One node's link to the log. A read waits until the test grants it.
#[derive(Clone, Default)]
pub(super) struct Link {
    log: Log,
    granted: Arc<Mutex<VecDeque<Option<Fault>>>>,
    reads: Arc<Mutex<Vec<Option<String>>>>,
}

impl Link {
    fn answer(&self, after: Option<&LogPosition>, fault: Option<Fault>) -> LogAnswer {
        let entries = self.log.0.lock().unwrap();
        let known = after.map_or(0, |at| at.as_str().parse::<usize>().unwrap());
        let start = match fault {
            Some(Fault::Down) => return Err(StoreError::new("connection refused")),
            Some(Fault::Forgotten) => 0,
            Some(Fault::Repeated) => known.saturating_sub(1),
            _ => known.min(entries.len()),
        };
        let partial = fault == Some(Fault::Partial);
        let end = match partial {
            true => (start + 1).min(entries.len()),
            false => entries.len(),
        };
        Ok(LogBatch {
            entries: entries[start..end].to_vec(),
            position: Some(LogPosition::new(end.to_string())),
            complete: !partial,
        })
    }
}

type LogAnswer = Result<LogBatch, StoreError>;

impl RevocationLog for Link {
    async fn append(&self, entries: &[RevocationEntry]) -> Result<(), StoreError> {
        self.log.0.lock().unwrap().extend_from_slice(entries);
        Ok(())
    }

    async fn read(&self, after: Option<&LogPosition>) -> LogAnswer {
        let fault = poll_fn(|_| match self.granted.lock().unwrap().pop_front() {
            Some(fault) => Poll::Ready(fault),
            None => Poll::Pending,
        });
        let fault = fault.await;
        let position = after.map(|at| at.as_str().to_owned());
        self.reads.lock().unwrap().push(position);
        self.answer(after, fault)
    }
}

type Following = Pin<Box<dyn Future<Output = Infallible> + Send>>;

/// A server: a verifier whose list follows the log.
pub(super) struct Node {
    pub(super) revocation: Revocation,
    pub(super) verifier: Verifier,
    pub(super) link: Link,
    following: Option<Following>,
}

impl Node {
    pub(super) fn new(issuer: &TestIssuer, log: &Log) -> Self {
        Self::with(issuer, log, Revocation::replica())
    }

    pub(super) fn with(issuer: &TestIssuer, log: &Log, settings: RevocationBuilder) -> Self {
        let revocation = settings.clock(issuer.clock().clone()).build().unwrap();
        let link = Link {
            log: log.clone(),
            ..Link::default()
        };
        Self {
            verifier: issuer.verifier().with_revocation(revocation.clone()),
            following: Some(Box::pin(revocation.follow(link.clone()))),
            revocation,
            link,
        }
    }

    /// Lets the node read once, and begin the next read. Returns the number of turns it took.
    pub(super) fn read(&mut self) -> usize {
        self.read_with(None)
    }

    /// Lets the node read once, with a fault.
    pub(super) fn fail(&mut self, fault: Fault) {
        self.read_with(Some(fault));
    }

    fn read_with(&mut self, fault: Option<Fault>) -> usize {
        self.link.granted.lock().unwrap().push_back(fault);
        self.following.as_mut().map_or(0, run_until_it_waits)
    }

    /// Returns the positions at which the reads began: `None` is the start of the log.
    pub(super) fn positions(&self) -> Vec<Option<String>> {
        self.link.reads.lock().unwrap().clone()
    }

    /// Stops following, as if the task were aborted.
    pub(super) fn stop(&mut self) {
        self.following = None;
    }

    pub(super) fn refusal(&self, token: &str) -> Option<AuthErrorKind> {
        refusal(&self.verifier, token)
    }
}

/// Polls until the future waits for something other than its next turn. Returns the number of turns
/// it took.
fn run_until_it_waits(future: &mut Following) -> usize {
    struct Flag(AtomicBool);
    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let flag = Arc::new(Flag(AtomicBool::new(true)));
    let waker = Waker::from(Arc::clone(&flag));
    let mut turns = 0;
    while flag.0.swap(false, Ordering::SeqCst) {
        turns += 1;
        let Poll::Pending = future.as_mut().poll(&mut Context::from_waker(&waker));
    }
    turns
}
