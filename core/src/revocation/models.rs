//! Models of the list: map, index, replica.

use std::{
    future::{Future, pending, ready},
    num::NonZeroU64,
    pin::pin,
    sync::{
        Arc,
        atomic::Ordering::{Acquire, Release},
    },
    task::{Context, Waker},
};

use super::{
    entry::{RevocationEntry, Revoked},
    error::Refusal,
    list::Revocation,
    log::{LogBatch, LogPosition, RevocationLog},
};
use crate::revocation::index::{
    AtomicMap, HashedName, RevocationIndex, Table, TokenNames, Validity,
};
use crate::{
    error::StoreError,
    models::{check, spawn},
    sync::AtomicBool,
    testing::FixedClock,
};

const NOW: i64 = 1_800_000_000;

fn token(id: &str, until: i64) -> RevocationEntry {
    RevocationEntry {
        revoked: Revoked::Token(id.to_owned()),
        until,
    }
}

fn named(id: &str) -> TokenNames<'_> {
    TokenNames {
        id: Some(id),
        session: None,
        realm: None,
        subject: None,
        issued_at: None,
    }
}

/// Claim: a look that finds a name finds all that was stored with it, even while it is being added. Once
/// the addition has ended, every look finds it.
#[test]
fn a_name_that_is_found_is_found_whole() {
    check(3, || {
        let table = Arc::new(Table::of(AtomicMap::for_entries(1)));
        let done = Arc::new(AtomicBool::new(false));
        let name = HashedName {
            key: NonZeroU64::MIN,
            mark: 7,
        };
        let validity = Validity {
            until: 100,
            issued_before: 50,
        };
        let writer = spawn({
            let (table, done) = (Arc::clone(&table), Arc::clone(&done));
            move || {
                table.put(name, validity);
                done.store(true, Release);
            }
        });
        let is_done = done.load(Acquire);
        let may_be_there = table.filter.may_contain([name.mark]);
        let found = table.map.find(name);
        assert!(found.is_none_or(|found| found == validity), "{found:?}");
        assert!(!is_done || may_be_there && found.is_some());
        writer.join().unwrap();
    });
}

/// Claim: while the entry of a name is raised, each of its times is an old or a new one, and none goes back.
#[test]
fn an_entry_that_is_raised_never_goes_back() {
    check(3, || {
        let map = Arc::new(AtomicMap::for_entries(1));
        let name = HashedName {
            key: NonZeroU64::MIN,
            mark: 7,
        };
        let validity = |until, issued_before| Validity {
            until,
            issued_before,
        };
        map.put(name, validity(100, 90));
        let writer = spawn({
            let map = Arc::clone(&map);
            move || {
                map.put(name, validity(200, 50));
                map.put(name, validity(50, 150));
            }
        });
        let [first, second] = [(); 2].map(|()| map.find(name).expect("it is there"));
        assert!(first.until >= 100 && first.issued_before >= 90);
        assert!(second.until >= first.until);
        assert!(second.issued_before >= first.issued_before);
        writer.join().unwrap();
        assert_eq!(map.find(name), Some(validity(200, 150)));
    });
}

/// Claim: every check that begins after an insertion has ended sees the entry, also when the table had to
/// grow for it.
#[test]
fn nobody_misses_a_revocation_that_was_made() {
    check(3, || {
        let index = Arc::new(RevocationIndex::new(4));
        let done = Arc::new(AtomicBool::new(false));
        let writer = spawn({
            let (index, done) = (Arc::clone(&index), Arc::clone(&done));
            move || {
                index.insert(&token("a", NOW), NOW).unwrap();
                done.store(true, Release);
            }
        });
        let is_done = done.load(Acquire);
        let found = index.lookup(&named("a"), NOW);
        assert!(!is_done || found == Err(Refusal::Revoked), "{found:?}");
        writer.join().unwrap();
    });
}

/// Claim: of two that revoke at once, neither loses its entry, and both count, although the table grows
/// for one.
#[test]
fn two_revocations_at_once_are_both_made() {
    check(3, || {
        let index = Arc::new(RevocationIndex::new(8));
        for id in ["1", "2", "3", "4", "5"] {
            index.insert(&token(id, NOW), NOW).unwrap();
        }
        let other = spawn({
            let index = Arc::clone(&index);
            move || index.insert(&token("a", NOW), NOW).unwrap()
        });
        index.insert(&token("b", NOW), NOW).unwrap();
        other.join().unwrap();
        for id in ["a", "b"] {
            assert_eq!(index.lookup(&named(id), NOW), Err(Refusal::Revoked));
        }
        assert_eq!(index.len(), 7);
    });
}

/// Claim: while a full table makes room, a revoked token stays refused at every moment. The entry that is
/// dropped leaves a gap behind: for a clock that is behind, its token is never an unlisted one.
#[test]
fn a_revoked_token_stays_refused_while_the_table_makes_room() {
    const LATER: i64 = NOW + 1_000;

    check(3, || {
        let index = Arc::new(RevocationIndex::new(2));
        index.insert(&token("kept", LATER), NOW).unwrap();
        index.insert(&token("dropped", NOW), NOW).unwrap();
        let writer = spawn({
            let index = Arc::clone(&index);
            move || index.insert(&token("new", LATER), LATER).unwrap()
        });
        let found = index.lookup(&named("dropped"), NOW);
        assert_ne!(found, Ok(()));
        let found = index.lookup(&named("kept"), NOW);
        assert_eq!(found, Err(Refusal::Revoked));
        writer.join().unwrap();
        assert_eq!(index.lookup(&named("new"), LATER), Err(Refusal::Revoked));
    });
}

/// Claim: a gap that is noted while the log is read anew is still known after that reading.
#[test]
fn a_gap_that_comes_up_meanwhile_is_not_forgotten() {
    check(3, || {
        let index = Arc::new(RevocationIndex::new(2));
        index.miss(NOW);
        index.count_gaps_anew();
        let other = spawn({
            let index = Arc::clone(&index);
            move || index.miss(NOW + 1)
        });
        index.forget_gaps(NOW);
        other.join().unwrap();
        assert!(index.is_incomplete(NOW + 1));
    });
}

/// Claim: a token whose revocation found no room is refused at every moment while the log is read anew.
#[test]
fn a_token_whose_entry_is_missing_is_never_an_unlisted_one() {
    check(3, || {
        let index = Arc::new(RevocationIndex::new(4));
        index.insert(&token("other", NOW), NOW).unwrap();
        index.miss(NOW);
        let follower = spawn({
            let index = Arc::clone(&index);
            move || {
                index.count_gaps_anew();
                index.insert(&token("missing", NOW), NOW).unwrap();
                index.forget_gaps(NOW);
            }
        });
        assert_ne!(index.lookup(&named("missing"), NOW), Ok(()));
        follower.join().unwrap();
        assert_eq!(index.lookup(&named("missing"), NOW), Err(Refusal::Revoked));
        assert_eq!(index.lookup(&named("unknown"), NOW), Ok(()));
    });
}

/// A log of one batch. Whoever reads on waits for ever.
struct Told(Vec<RevocationEntry>);

impl RevocationLog for Told {
    fn append(&self, _: &[RevocationEntry]) -> impl Future<Output = Result<(), StoreError>> + Send {
        ready(Ok(()))
    }

    async fn read(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        match after {
            None => Ok(LogBatch {
                entries: self.0.clone(),
                position: Some(LogPosition::new("end")),
                complete: true,
            }),
            Some(_) => pending().await,
        }
    }
}

/// Follows the log to its end, and then no more.
fn follow(revocation: &Revocation, log: Told) {
    let mut following = pin!(revocation.follow(log));
    for _ in 0..8 {
        let mut cx = Context::from_waker(Waker::noop());
        assert!(following.as_mut().poll(&mut cx).is_pending());
    }
}

fn replica(clock: &FixedClock) -> Revocation {
    let builder = Revocation::replica().capacity(4).clock(clock.clone());
    builder.build().unwrap()
}

/// Claim: a check that finds the copy fresh finds everything that the log said in it.
#[test]
fn a_fresh_copy_has_all_that_the_log_said() {
    check(3, || {
        let revocation = replica(&FixedClock::at(NOW));
        let follower = spawn({
            let revocation = revocation.clone();
            move || follow(&revocation, Told(vec![token("a", NOW)]))
        });
        assert!(revocation.decide(named("a"), NOW).is_err());
        follower.join().unwrap();
        let decided = revocation.decide(named("a"), NOW);
        assert!(matches!(decided, Err(Refusal::Revoked)));
        assert!(revocation.decide(named("b"), NOW).is_ok());
    });
}
