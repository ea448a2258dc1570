//! Tests of the comparison with the clock of the store.

use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use countersign::{
    Clock, Revocation,
    revocation::{LogBatch, LogPosition, RevocationEntry, RevocationLog},
    session::store::StoreError,
    testing::FixedClock,
};

use crate::{log, setup::poll};

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
