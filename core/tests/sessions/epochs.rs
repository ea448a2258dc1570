//! Tests of the epoch of the store, as a list that follows its log sees it.

use std::{
    pin::{Pin, pin},
    sync::{Arc, Mutex},
};

use countersign::{
    Clock, Revocation,
    revocation::{LogBatch, LogPosition, RevocationEntry, RevocationLog, StoreEpoch},
    session::store::StoreError,
    testing::FixedClock,
};

use crate::{log, setup::poll};

/// A log without entries, in a store with an epoch; without one, it does not say.
#[derive(Clone, Default)]
struct Log {
    epoch: Arc<Mutex<Option<StoreEpoch>>>,
    asked: Arc<Mutex<usize>>,
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

    async fn store_epoch(&self) -> Result<Option<StoreEpoch>, StoreError> {
        *self.asked.lock().unwrap() += 1;
        let epoch = self.epoch.lock().unwrap().clone();
        epoch.map(Some).ok_or_else(|| StoreError::new("it is away"))
    }
}

fn read(mut following: Pin<&mut impl Future>) {
    for _ in 0..10 {
        assert!(poll(following.as_mut()).is_pending());
    }
}

const NOW: i64 = 1_800_000_000;

#[test]
fn another_epoch_is_told_once_and_so_is_a_store_that_does_not_say() {
    log::listen();
    let (clock, log) = (FixedClock::at(NOW), Log::default());
    let list = Revocation::replica().clock(clock.clone()).build().unwrap();
    // An `Arc` of a log is one, too.
    let mut following = pin!(list.follow(Arc::new(log.clone())));
    log::take();
    let mut told = |epoch: Option<(&str, Option<i64>)>| {
        *log.epoch.lock().unwrap() = epoch.map(|(id, since)| StoreEpoch::new(id, since));
        let mut lines = String::new();
        for _ in 0..3 {
            clock.set(clock.now() + 10);
            read(following.as_mut());
            lines += &log::take();
        }
        let count = |text| lines.matches(text).count();
        (
            count("the store may have lost writes: "),
            count("before this program started"),
            count("cannot ask the store"),
            count("the store says again"),
        )
    };
    let (nothing, change, away) = ((0, 0, 0, 0), (1, 0, 0, 0), (0, 0, 1, 0));
    assert_eq!(told(Some(("a", None))), nothing);
    assert_eq!(told(Some(("b", Some(NOW)))), change);
    assert_eq!(told(None), away);
    assert_eq!(told(Some(("b", Some(NOW)))), (0, 0, 0, 1));
    // Restored data on the same server.
    assert_eq!(told(Some(("b", Some(NOW + 1)))), change);
    assert_eq!(told(None), away);
    assert_eq!(told(Some(("c", Some(NOW + 2)))), (1, 0, 0, 1));
}

#[test]
fn a_node_that_starts_later_is_told_too() {
    log::listen();
    for (since, expected) in [(None, 0), (Some(NOW), 1)] {
        let (clock, log) = (FixedClock::at(NOW + 60), Log::default());
        *log.epoch.lock().unwrap() = Some(StoreEpoch::new("b", since));
        let list = Revocation::replica().clock(clock.clone()).build().unwrap();
        let mut following = pin!(list.follow(log.clone()));
        log::take();
        read(following.as_mut());
        clock.set(clock.now() + 9);
        read(following.as_mut());
        assert_eq!(*log.asked.lock().unwrap(), 1, "every ten seconds");
        let lines = log::take();
        assert_eq!(
            lines.matches("before this program started").count(),
            expected
        );
        assert!(list.status().is_available());
    }
}
