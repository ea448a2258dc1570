//! A node: its clock, its sessions, and its replica of the list of revocations.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
};

use countersign::{
    AuthErrorKind, Clock, Issuer, Revocation, Sessions, SigningKey, Verifier,
    revocation::{LogBatch, LogPosition, RevocationEntry, RevocationLog, Revoked},
    session::{SessionEvent, SessionId, store::StoreError},
    testing::FixedClock,
};

use crate::{
    scene::{ABSOLUTE, IDLE, Rules, TTL, seconds},
    stage::Stage,
};

/// The longest time without a read of the replica, in seconds.
const STALENESS: i64 = 60;
/// The leeway of the verifiers, in seconds.
pub(crate) const LEEWAY: i64 = 30;

pub(crate) struct Node {
    pub(crate) clock: FixedClock,
    pub(crate) sessions: Sessions,
    verifier: Verifier,
    events: Arc<Mutex<Vec<SessionEvent>>>,
    reader: Reader,
    follower: Pin<Box<dyn Future<Output = Infallible> + Send>>,
    /// The time at which the read began that the follower waits for.
    began: i64,
    /// The time at which the last complete read began.
    synced_at: Option<i64>,
    /// The sessions that it has to refuse: it has ended them, or knows that they have ended.
    pub(crate) ended: BTreeSet<SessionId>,
    /// The sessions that it may refuse, and those that it has to refuse, until these times: it has asked
    /// the store to end them, and has no answer.
    may_refuse: BTreeMap<SessionId, i64>,
    must_refuse: BTreeMap<SessionId, i64>,
}

impl Node {
    /// Starts a node at this time.
    pub(crate) fn start(stage: &Stage, rules: Rules, now: i64) -> Self {
        let clock = FixedClock::at(now);
        Self::with_clock(stage, rules, clock)
    }

    /// Ends the process, and starts it again with nothing but its clock.
    pub(crate) fn restart(&mut self, stage: &Stage, rules: Rules) {
        *self = Self::with_clock(stage, rules, self.clock.clone());
    }

    fn with_clock(stage: &Stage, rules: Rules, clock: FixedClock) -> Self {
        let key = SigningKey::hs256("a secret of 32 bytes or more, for tests").unwrap();
        let issuer = Issuer::builder("https://id.test", key)
            .audience("orders")
            .ttl(seconds(TTL))
            .leeway(seconds(LEEWAY))
            .clock(clock.clone())
            .build()
            .unwrap();
        let list = Revocation::replica()
            .staleness(seconds(STALENESS))
            .clock(clock.clone());
        let list = list.build().unwrap();
        let events = Arc::<Mutex<Vec<_>>>::default();
        let ear = Arc::clone(&events);
        let sessions = Sessions::builder(issuer, stage.clone())
            .revocation(list.clone())
            .idle(seconds(IDLE))
            .absolute(seconds(ABSOLUTE))
            .grace(seconds(rules.grace))
            .on_event(move |event| ear.lock().unwrap().push(event.clone()))
            .build()
            .unwrap();
        let reader = Reader {
            log: stage.log(),
            delivery: Arc::default(),
        };
        let mut node = Self {
            verifier: sessions.verifier(),
            follower: Box::pin(list.follow(reader.clone())),
            began: clock.now(),
            synced_at: None,
            ended: BTreeSet::new(),
            may_refuse: BTreeMap::new(),
            must_refuse: BTreeMap::new(),
            clock,
            sessions,
            events,
            reader,
        };
        node.follow();
        node
    }

    pub(crate) fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Returns the events since the last call.
    pub(crate) fn events(&self) -> Vec<SessionEvent> {
        std::mem::take(&mut self.events.lock().unwrap())
    }

    /// Lets the node refuse a session for as long as it has not heard of its end.
    pub(crate) fn doubt(&mut self, id: &SessionId) {
        let until = self.now() + STALENESS + 1;
        extend(&mut self.may_refuse, id, until);
    }

    /// Makes the node refuse a session that it has ended without an answer, until the log must have told.
    pub(crate) fn end_unanswered(&mut self, id: &SessionId) {
        let until = self.now() + STALENESS;
        extend(&mut self.must_refuse, id, until);
    }

    pub(crate) fn may_refuse(&self, id: &SessionId) -> bool {
        self.may_refuse
            .get(id)
            .is_some_and(|until| self.now() <= *until)
    }

    pub(crate) fn must_refuse(&self, id: &SessionId) -> bool {
        let is_in_doubt = |until: &i64| self.now() <= *until;
        self.ended.contains(id) || self.must_refuse.get(id).is_some_and(is_in_doubt)
    }

    /// Lets this many messages arrive from the log, in one read. Returns true if these were all.
    pub(crate) fn deliver(&mut self, count: usize) -> bool {
        *self.reader.delivery() = Delivery {
            allowed: Some(count),
            ..Delivery::default()
        };
        self.follow();
        let delivery = std::mem::take(&mut *self.reader.delivery());
        assert_eq!(delivery.allowed, None, "the follower does not read");
        for entry in delivery.entries {
            if let Revoked::Session(id) = entry.revoked {
                self.ended.insert(id);
            }
        }
        if delivery.complete {
            self.synced_at = Some(self.began);
        }
        self.began = self.now();
        delivery.complete
    }

    /// Lets the follower do everything that it can.
    fn follow(&mut self) {
        for _ in 0..16 {
            let mut context = Context::from_waker(Waker::noop());
            let polled = self.follower.as_mut().poll(&mut context);
            assert!(polled.is_pending());
        }
    }

    /// Returns the verdict of the node on an access token of any node.
    pub(crate) fn verdict(&self, token: &str) -> Result<(), AuthErrorKind> {
        let verified = self.verifier.verify_now(token);
        verified.map(|_| ()).map_err(|error| error.kind())
    }

    /// Returns true if it has to answer: its list was read recently enough, by its own clock.
    pub(crate) fn is_synced(&self) -> bool {
        let is_fresh = |at: i64| self.now().abs_diff(at) <= STALENESS.unsigned_abs();
        let is_available = self.sessions.revocation().status().is_available();
        if is_available {
            assert!(self.synced_at.is_some_and(is_fresh), "a stale list counts");
        }
        is_available
    }
}

fn extend(times: &mut BTreeMap<SessionId, i64>, id: &SessionId, until: i64) {
    let time = times.entry(id.clone()).or_insert(until);
    *time = until.max(*time);
}

/// The log, as this node sees it: nothing arrives before the scene lets it.
#[derive(Clone)]
struct Reader {
    log: Arc<Mutex<Vec<RevocationEntry>>>,
    delivery: Arc<Mutex<Delivery>>,
}

/// One read of the log.
#[derive(Default)]
struct Delivery {
    /// The number of entries that can arrive. `None`: none, and the reader waits.
    allowed: Option<usize>,
    /// The entries that arrived.
    entries: Vec<RevocationEntry>,
    /// True if there were no more.
    complete: bool,
}

impl Reader {
    fn delivery(&self) -> MutexGuard<'_, Delivery> {
        self.delivery.lock().unwrap()
    }

    fn try_read(&self, start: usize) -> Option<LogBatch> {
        let mut delivery = self.delivery();
        let count = delivery.allowed.take()?;
        let log = self.log.lock().unwrap();
        let end = log.len().min(start.saturating_add(count));
        delivery.entries = log[start..end].to_vec();
        delivery.complete = end == log.len();
        Some(LogBatch {
            entries: delivery.entries.clone(),
            position: Some(LogPosition::new(end.to_string())),
            complete: delivery.complete,
        })
    }
}

impl RevocationLog for Reader {
    async fn append(&self, entries: &[RevocationEntry]) -> Result<(), StoreError> {
        self.log.lock().unwrap().extend_from_slice(entries);
        Ok(())
    }

    async fn read(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        let start = after.map_or(0, |after| after.as_str().parse().unwrap());
        let batch = poll_fn(|_| self.try_read(start).map_or(Poll::Pending, Poll::Ready));
        Ok(batch.await)
    }
}
