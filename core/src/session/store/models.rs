//! Models of the store in memory.

use std::sync::{
    Arc,
    atomic::Ordering::{Acquire, Release},
};

use super::{
    details::SessionDetails, digest::TokenHash, mark::StoreMark, record::StoredSession,
    session_store::SessionStore,
};
use crate::{
    claims::{Realm, SessionId},
    session::store::memory::MemoryStore,
};
use crate::{
    models::{block_on, check, spawn},
    sync::AtomicBool,
};

const NOW: i64 = 1_800_000_000;

/// The seed decides on the shard, too.
fn session(seed: u8, current: u8) -> StoredSession {
    StoredSession {
        id: SessionId::new([seed; SessionId::BYTES]),
        realm: realm(),
        subject: "user".into(),
        label: None,
        binding: None,
        created_at: NOW,
        last_used_at: NOW,
        expires_at: NOW + 10,
        absolute_expires_at: NOW + 10,
        tokens_until: NOW + 10,
        current: TokenHash::from_bytes([current; 32]),
        previous: Vec::new(),
        details: SessionDetails::default(),
        data: None,
    }
}

fn realm() -> Realm {
    Realm::new("test").unwrap()
}

fn insert(store: &MemoryStore, session: &StoredSession) -> bool {
    insert_since(store, session, StoreMark::new(0))
}

fn insert_since(store: &MemoryStore, session: &StoredSession, begun: StoreMark) -> bool {
    block_on(store.insert(session, begun)).unwrap_or(false)
}

fn end_all(store: &MemoryStore) -> usize {
    block_on(store.end_all(&realm(), "user", NOW, NOW))
        .unwrap()
        .len()
}

fn find(store: &MemoryStore, seed: u8) -> Option<StoredSession> {
    block_on(store.find(&session(seed, 0).id)).unwrap()
}

/// From the token 0 to another one.
fn rotate(store: &MemoryStore, seed: u8, current: u8) -> bool {
    let from = TokenHash::from_bytes([0; 32]);
    block_on(store.rotate(&from, &session(seed, current))).unwrap()
}

fn end(store: &MemoryStore, seed: u8) -> bool {
    block_on(store.end(&session(seed, 0).id, None))
        .unwrap()
        .is_some()
}

/// Claim: of racers with one token, exactly one rotates, and its successor is the one that is kept.
#[test]
fn of_two_racers_one_rotates() {
    check(3, || {
        let store = MemoryStore::new();
        insert(&store, &session(1, 0));
        let other = spawn({
            let store = store.clone();
            move || rotate(&store, 1, 1)
        });
        let won = rotate(&store, 1, 2);
        assert_ne!(other.join().unwrap(), won);
        let winner = if won { 2 } else { 1 };
        assert!(find(&store, 1) == Some(session(1, winner)));
    });
}

/// Claim: a session that has ended stays so, also when it is just being rotated. A rotation that began
/// after the end fails.
#[test]
fn an_ended_session_stays_ended() {
    check(3, || {
        let store = MemoryStore::new();
        insert(&store, &session(1, 0));
        let ended = Arc::new(AtomicBool::new(false));
        let other = spawn({
            let (store, ended) = (store.clone(), Arc::clone(&ended));
            move || {
                let is_ended = ended.load(Acquire);
                let rotated = rotate(&store, 1, 1);
                assert!(!(is_ended && rotated));
            }
        });
        assert!(end(&store, 1));
        ended.store(true, Release);
        other.join().unwrap();
        assert!(find(&store, 1).is_none());
    });
}

/// Claim: when all sessions of a subject end, a reader that finds one of them ended finds none of the others.
#[test]
fn all_sessions_of_a_subject_end_in_one_step() {
    check(3, || {
        let store = MemoryStore::new();
        let seeds = [1, 2];
        for seed in seeds {
            insert(&store, &session(seed, 0));
        }
        let other = spawn({
            let store = store.clone();
            move || end_all(&store)
        });
        for [first, then] in [[1, 2], [2, 1]] {
            assert!(find(&store, first).is_some() || find(&store, then).is_none());
        }
        assert_eq!(other.join().unwrap(), 2);
        assert!(seeds.iter().all(|seed| find(&store, *seed).is_none()));
    });
}

/// Claim: a list that runs beside an end of all shows all sessions of the subject, or none.
#[test]
fn a_list_shows_all_sessions_that_end_together_or_none() {
    check(2, || {
        let store = MemoryStore::new();
        for seed in [1, 2] {
            insert(&store, &session(seed, 0));
        }
        let other = spawn({
            let store = store.clone();
            move || end_all(&store)
        });
        let listed = block_on(store.list(&realm(), "user", NOW)).unwrap().len();
        assert!([0, 2].contains(&listed), "{listed}");
        assert_eq!(other.join().unwrap(), 2);
    });
}

/// Claim: a login that began before the end of all sessions does not outlive it, whichever comes first.
#[test]
fn a_login_that_races_an_end_of_all_does_not_outlive_it() {
    check(3, || {
        let store = MemoryStore::new();
        let begun = block_on(store.mark()).unwrap();
        let other = spawn({
            let store = store.clone();
            move || end_all(&store)
        });
        let added = insert_since(&store, &session(1, 0), begun);
        let ended = other.join().unwrap();
        assert_eq!(ended, usize::from(added));
        assert!(find(&store, 1).is_none());
    });
}

/// Claim: the store never has more sessions than its limit, and a place that was given back can be taken.
#[test]
fn the_limit_holds_when_two_come_at_once() {
    check(3, || {
        let store = MemoryStore::limited(2);
        insert(&store, &session(0, 0));
        let other = spawn({
            let store = store.clone();
            move || insert(&store, &session(1, 0))
        });
        let own = insert(&store, &session(2, 0));
        assert!(own != other.join().unwrap());
        assert!(end(&store, 0));
        assert!(insert(&store, &session(3, 0)));
    });
}

/// Claim: a place is free only when its session is gone.
#[test]
fn a_place_is_given_back_after_its_session_is_gone() {
    check(3, || {
        let store = MemoryStore::limited(1);
        insert(&store, &session(1, 0));
        let other = spawn({
            let store = store.clone();
            move || end(&store, 1)
        });
        let came = insert(&store, &session(2, 0));
        assert!(!came || find(&store, 1).is_none());
        assert!(other.join().unwrap());
    });
}
