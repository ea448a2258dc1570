use futures_executor::block_on;

use super::*;
use crate::session::store::SessionDetails;

const NOW: i64 = 1_800_000_000;
const START: StoreMark = StoreMark::new(0);

#[test]
fn a_full_store_refuses_and_keeps_what_it_has() {
    let store = MemoryStore::limited(2);
    insert(&store, 1, NOW + 10).unwrap();
    insert(&store, 2, NOW + 10).unwrap();

    let refused = insert(&store, 3, NOW + 10).unwrap_err();
    let cause = std::error::Error::source(&refused).unwrap();
    assert_eq!(cause.to_string(), "the store is full");
    assert_eq!(present(&store, 1..=3), [1, 2]);
}

#[test]
fn a_full_store_makes_room_by_what_has_expired() {
    let store = MemoryStore::limited(2);
    insert(&store, 1, NOW).unwrap();
    insert(&store, 2, NOW + 10).unwrap();
    insert(&store, 3, NOW + 10).unwrap();
    assert_eq!(present(&store, 1..=3), [2, 3]);
}

#[test]
fn what_ends_makes_room() {
    let store = MemoryStore::limited(1);
    for seed in 1..10 {
        insert(&store, seed, NOW + 10).unwrap();
        assert!(insert(&store, 0, NOW + 10).is_err());
        assert!(
            block_on(store.end(&session(seed, 0).id, None))
                .unwrap()
                .is_some()
        );
        insert(&store, seed, NOW + 10).unwrap();
        end_all(&store);
    }
}

#[test]
fn an_id_that_is_taken_is_refused_and_takes_no_room() {
    let store = MemoryStore::limited(2);
    insert(&store, 1, NOW + 10).unwrap();
    assert!(insert(&store, 1, NOW + 20).is_err());
    let found = block_on(store.find(&session(1, 0).id)).unwrap().unwrap();
    assert_eq!(found.expires_at, NOW + 10);
    insert(&store, 2, NOW + 10).unwrap();
}

#[test]
fn a_session_that_a_rotation_shortened_is_swept() {
    let store = MemoryStore::new();
    insert(&store, 1, NOW + 100).unwrap();
    assert_eq!(block_on(store.sweep(NOW + 50)).unwrap(), 0);
    let next = session(1, NOW + 60);
    assert!(block_on(store.rotate(&next.current, &next)).unwrap());
    assert_eq!(block_on(store.sweep(NOW + 60)).unwrap(), 1);
}

#[test]
fn nothing_is_left_when_all_has_ended() {
    let store = MemoryStore::new();
    for seed in 0..200 {
        insert(&store, seed, NOW + i64::from(seed)).unwrap();
    }
    assert_eq!(block_on(store.sweep(NOW + 49)).unwrap(), 50);
    assert!(
        block_on(store.end(&session(50, 0).id, None))
            .unwrap()
            .is_some()
    );
    assert_eq!(end_all(&store).len(), 149);

    assert_eq!(store.0.count.load(Ordering::Relaxed), 0);
    for shard in store.0.all.iter().map(lock) {
        assert!(shard.rows.is_empty() && shard.subjects.is_empty());
    }
}

#[test]
fn subjects_of_one_hash_are_not_confused() {
    let mut shard = Shard::default();
    for (seed, subject) in [(1, "ann"), (2, "bob")] {
        let mut session = session(seed, NOW);
        session.subject = subject.into();
        assert!(shard.insert(session.id.bytes(), 7, &session));
    }
    let ids_of = |realm: &str, subject| shard.ids_of(7, &Realm::new(realm).unwrap(), subject);
    assert_eq!(ids_of("test", "ann"), [session(1, 0).id.bytes()]);
    assert!(ids_of("test", "eve").is_empty());
    assert!(ids_of("other", "ann").is_empty());
}

#[test]
fn debug_shows_numbers_only() {
    let store = MemoryStore::limited(5);
    insert(&store, 1, NOW).unwrap();
    let shown = format!("{store:?}");
    assert_eq!(shown, "MemoryStore { sessions: 1, limit: 5, .. }");
}

#[test]
fn an_end_of_all_is_remembered_for_two_hours() {
    let store = MemoryStore::new();
    end_all(&store);
    let add = |seed, begun| block_on(store.insert(&session(seed, NOW + 10), begun)).unwrap();
    block_on(store.sweep(NOW + REMEMBERED)).unwrap();
    assert!(!add(1, START));
    assert!(add(2, block_on(store.mark()).unwrap()));
    block_on(store.sweep(NOW + REMEMBERED + 1)).unwrap();
    assert!(add(1, START));
}

fn insert(store: &MemoryStore, seed: u8, expires_at: i64) -> Result<(), StoreError> {
    let begun = block_on(store.mark())?;
    let added = block_on(store.insert(&session(seed, expires_at), begun))?;
    assert!(added);
    Ok(())
}

fn end_all(store: &MemoryStore) -> Vec<EndedSession> {
    let realm = Realm::new("test").unwrap();
    block_on(store.end_all(&realm, "user", NOW, NOW)).unwrap()
}

fn present(store: &MemoryStore, seeds: impl Iterator<Item = u8>) -> Vec<u8> {
    seeds
        .filter(|seed| {
            let found = block_on(store.find(&session(*seed, 0).id));
            found.unwrap().is_some()
        })
        .collect()
}

fn session(seed: u8, expires_at: i64) -> StoredSession {
    StoredSession {
        id: SessionId::new([seed; SessionId::BYTES]),
        realm: Realm::new("test").unwrap(),
        subject: "user".into(),
        label: None,
        binding: None,
        created_at: NOW,
        last_used_at: NOW,
        expires_at,
        absolute_expires_at: NOW + 1_000,
        tokens_until: NOW + 1_300,
        current: TokenHash::from_bytes([seed; 32]),
        previous: Vec::new(),
        details: SessionDetails::default(),
        data: None,
    }
}
