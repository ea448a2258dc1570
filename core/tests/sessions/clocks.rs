//! Tests of the comparison with the clock of the store.

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use countersign::{
    Clock, Revocation, Sessions,
    revocation::{LogBatch, LogPosition, RevocationEntry, RevocationLog},
    session::{
        ClientInfo, EndReason, Identity, SessionErrorKind, SessionEvent, TokenPair,
        store::StoreError,
    },
    testing::FixedClock,
};
use futures_executor::block_on;

use crate::{
    faulty_store::FaultyStore,
    log,
    setup::{START, TTL, good, issuer, poll, user},
};

/// A log without entries, with a clock.
#[derive(Clone, Default)]
struct Log {
    time: Arc<AtomicI64>,
    asked: Arc<AtomicI64>,
}

impl RevocationLog for Log {
    async fn append(&self, _: &[RevocationEntry]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn read(&self, _: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        Ok(LogBatch {
            entries: Vec::new(),
            position: None,
            complete: true,
        })
    }

    async fn time(&self) -> Result<Option<i64>, StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match self.time.load(Ordering::Relaxed) {
            0 => Err(StoreError::new("it does not say")),
            time => Ok(Some(time)),
        }
    }
}

fn read(mut following: Pin<&mut impl Future>) {
    for _ in 0..10 {
        assert!(poll(following.as_mut()).is_pending());
    }
}

#[test]
fn a_difference_is_told_where_it_begins_and_where_it_ends() {
    log::listen();
    let (clock, log) = (FixedClock::at(1_800_000_000), Log::default());
    let list = Revocation::replica().clock(clock.clone()).build().unwrap();
    assert_eq!(list.status().clock_ahead, None);
    let mut following = pin!(list.follow(log.clone()));
    // Without an answer, nothing is known.
    read(following.as_mut());
    assert_eq!(list.status().clock_ahead, None);
    assert!(list.status().is_available());

    let mut told = Vec::new();
    for ahead in [0, 1, 2, 3, 12, 2, -2, 1, -1, -2, -3, -12, 0, 0] {
        clock.set(clock.now() + 10);
        log.time.store(clock.now() - ahead, Ordering::Relaxed);
        read(following.as_mut());
        assert_eq!(list.status().clock_ahead, Some(ahead));
        let lines = log::take();
        told.push((
            lines.matches("differs from that of the store").count(),
            lines.matches("agrees with").count(),
        ));
    }
    let (begin, end, nothing) = ((1, 0), (0, 1), (0, 0));
    assert_eq!(
        told,
        [
            nothing, nothing, nothing, begin, nothing, nothing, nothing, end, nothing, nothing,
            begin, nothing, end, nothing
        ]
    );
}

#[test]
fn clocks_are_compared_every_ten_seconds_and_not_with_each_read() {
    let (clock, log) = (FixedClock::at(1_800_000_000), Log::default());
    let list = Revocation::replica().clock(clock.clone()).build().unwrap();
    let mut following = pin!(list.follow(log.clone()));
    let mut asked = |seconds: i64| {
        clock.set(clock.now() + seconds);
        read(following.as_mut());
        log.asked.swap(0, Ordering::Relaxed)
    };
    // Also where the clock went back.
    assert_eq!([0, 0, 9, 1, 5, -30].map(&mut asked), [1, 0, 0, 1, 0, 1]);
}

/// A node, the clock of which is ahead of the store's, or behind it.
struct Node {
    sessions: Sessions,
    clock: FixedClock,
    ahead: i64,
    endings: Arc<std::sync::Mutex<Vec<EndReason>>>,
}

impl Node {
    fn new(store: &FaultyStore, ahead: i64) -> Self {
        let clock = FixedClock::at(START + ahead);
        let log = Log::default();
        log.time.store(START, Ordering::Relaxed);
        let list = Revocation::replica()
            .clock(clock.clone())
            .staleness(std::time::Duration::from_secs(3_600));
        let list = list.build().unwrap();
        read(pin!(list.follow(log)));
        let endings = Arc::<std::sync::Mutex<Vec<_>>>::default();
        let heard = Arc::clone(&endings);
        let sessions = Sessions::builder(issuer(&clock).build().unwrap(), store.clone());
        let sessions = sessions.revocation(list).on_event(move |event| {
            if let SessionEvent::Ended { why, .. } = event {
                heard.lock().unwrap().push(*why);
            }
        });
        let sessions = sessions.build().unwrap();
        Self {
            sessions,
            clock,
            ahead,
            endings,
        }
    }

    fn at(&self, seconds: i64) -> &Self {
        self.clock.set(START + self.ahead + seconds);
        self
    }

    fn login(&self) -> TokenPair {
        let ada = Identity::new("ada", user());
        block_on(self.sessions.start(&ada, ClientInfo::new())).unwrap()
    }

    fn refresh(&self, pair: &TokenPair) -> Result<TokenPair, SessionErrorKind> {
        let client = ClientInfo::new();
        let refreshed =
            self.sessions
                .refresh(pair.refresh_token(), &client, async |_| good(user()));
        block_on(refreshed).map_err(|error| error.kind())
    }
}

#[test]
fn the_grace_window_is_that_of_the_stores_clock_whatever_the_nodes_think_the_time_is() {
    let differences = [-3_000, -300, -12, -2, 0, 2, 12, 300, 3_000];
    for one in differences {
        for other in differences {
            let store = FaultyStore::default();
            let [one, other] = [Node::new(&store, one), Node::new(&store, other)];
            let first = one.at(0).login();
            let second = one.at(5).refresh(&first).unwrap();
            // The answer was lost: the client comes again, to the other node.
            let again = other.at(14).refresh(&first).unwrap();
            assert_eq!(again.refresh_token(), second.refresh_token());
            assert_eq!(
                other.at(15).refresh(&first).unwrap_err(),
                SessionErrorKind::Replayed
            );
            assert_eq!(*other.endings.lock().unwrap(), [EndReason::Replayed]);
        }
    }
}

#[test]
fn a_session_expires_by_the_stores_clock_and_its_tokens_by_that_of_their_node() {
    for ahead in [-300, -12, 0, 12, 300] {
        let store = FaultyStore::default();
        let (node, right) = (Node::new(&store, ahead), Node::new(&store, 0));
        let pair = node.at(0).login();
        assert_eq!(pair.session().created_at(), START);
        assert_eq!(pair.session().expires_at(), START + 14 * 86_400);
        assert_eq!(pair.access_token().expires_at(), START + ahead + TTL);
        let pair = node.at(60).refresh(&pair).unwrap();
        assert_eq!(pair.session().last_used_at(), START + 60);
        // A logout reaches the tokens of a node that is ahead, however late they expire.
        let id = pair.session().id();
        let until =
            |row: Option<countersign::session::store::StoredSession>| row.unwrap().tokens_until;
        let row = block_on(countersign::session::store::SessionStore::find(&store, id)).unwrap();
        assert!(until(row) >= START + ahead.max(0) + 60 + TTL + 300);
        assert!(block_on(right.at(60).sessions.end(id)).unwrap());
    }
}
