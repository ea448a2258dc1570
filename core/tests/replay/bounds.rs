//! Tests of the bound of all proofs, and of the quota of each key.

use countersign::proof::MemoryReplayStore;

use crate::{NOW, Outcome, bounded, insert, key};

#[test]
fn one_client_cannot_use_more_than_its_quota_and_no_other_one_notices() {
    let store = bounded(100, 10);
    let until = NOW + 90;
    for jti in 0..10 {
        assert_eq!(insert(&store, key(1, jti), NOW, until), Outcome::New);
    }
    assert_eq!(insert(&store, key(1, 10), NOW, until), Outcome::OverQuota);
    // Replays are told from what is refused.
    assert_eq!(insert(&store, key(1, 9), NOW, until), Outcome::Replay);
    assert_eq!(insert(&store, key(2, 10), NOW, until), Outcome::New);
    // It makes no room before their time.
    assert_eq!(insert(&store, key(1, 10), until, until), Outcome::OverQuota);
    for jti in 0..10 {
        assert_eq!(insert(&store, key(1, jti), until, until), Outcome::Replay);
    }
    assert_eq!(insert(&store, key(1, 10), until + 60, until), Outcome::New);
}

#[test]
fn a_store_that_is_full_fails_and_goes_on_when_proofs_of_others_have_expired() {
    let store = bounded(100, 10);
    let until = NOW + 90;
    // Ten clients, in several shards.
    for client in 0..10 {
        for jti in 0..10 {
            assert_eq!(insert(&store, key(client, jti), NOW, until), Outcome::New);
        }
    }
    for client in 10..40 {
        for now in [NOW, until] {
            assert_eq!(
                insert(&store, key(client, 0), now, until + 90),
                Outcome::Full
            );
        }
    }
    for client in 0..10 {
        for jti in 0..10 {
            assert_eq!(
                insert(&store, key(client, jti), until, until),
                Outcome::Replay
            );
        }
    }
    // Those who come now clear up after those who come no more, a part at a time.
    let now = until + 60;
    for client in 40..140 {
        assert_eq!(
            insert(&store, key(client, 0), now, now + 90),
            Outcome::New,
            "{client}"
        );
    }
    assert_eq!(insert(&store, key(140, 0), now, now + 90), Outcome::Full);
}

#[test]
fn a_crowd_that_has_gone_keeps_no_client_out() {
    let store = MemoryReplayStore::new();
    let until = NOW + 90;
    for client in 0..100 {
        for jti in 0..1_000 {
            assert_eq!(insert(&store, key(client, jti), NOW, until), Outcome::New);
        }
    }
    assert_eq!(insert(&store, key(200, 0), NOW, until), Outcome::Full);
    let again = insert(&store, key(1, 1_000), NOW, until);
    assert_eq!(again, Outcome::OverQuota);
    // It is more than one insert forgets: of those who had used up their quota, some have to come again.
    let now = until + 60;
    for client in 100..250 {
        let first = insert(&store, key(client, 0), now, now + 90);
        assert_eq!(first, Outcome::New);
    }
    for client in 0..100 {
        let mut tries = (0..5).map(|_| insert(&store, key(client, 1_000), now, now + 90));
        assert!(tries.any(|outcome| outcome == Outcome::New));
    }
}
