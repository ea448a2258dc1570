//! Tests of sessions as keys.

use countersign::session::store::{SessionStore, StoredSession};
use countersign_redis::RedisStore;
use countersign_tests::services::{Redis, RedisCluster};
use tokio::task::JoinSet;

use crate::lab::{
    START, add, all, connect, digest, ending, id, now, on_runtime, realm, session, successor,
};

#[test]
fn of_fifty_rotations_of_one_token_one_succeeds() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let stores = [connect(&server).await, connect(&server).await];
        for round in 0..200 {
            let first = session(round, "ann");
            add(&stores[0], &first).await;
            let mut racers = JoinSet::new();
            for racer in 0..50 {
                let store = stores[racer % 2].clone();
                let next = successor(&first, racer as u8);
                let from = first.current;
                racers.spawn(
                    async move { store.rotate(&from, &next).await.unwrap().then_some(next) },
                );
            }
            let winners: Vec<_> = racers.join_all().await.into_iter().flatten().collect();
            let [winner] = &winners[..] else {
                panic!("{} winners", winners.len());
            };
            assert_eq!(
                stores[1].find(&first.id).await.unwrap().as_ref(),
                Some(winner)
            );
        }
    });
}

#[test]
fn keys_expire_after_the_sessions() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let expiry = |key: &str| server.send(&format!("EXPIRETIME {{countersign}}:{key}"));
        let at = |time: i64| format!(":{time}\r\n");
        let key = format!("session:{}", id(1));
        let index = "subject:18:https://id.example:ann";
        let first = session(1, "ann");
        add(&store, &first).await;
        assert_eq!(expiry(&key), at(first.expires_at + 3_600));
        assert_eq!(expiry(index), at(first.expires_at + 3_600));

        let mut next = successor(&first, 1);
        next.expires_at += 500;
        assert!(store.rotate(&first.current, &next).await.unwrap());
        assert_eq!(expiry(&key), at(next.expires_at + 3_600));
        assert_eq!(expiry(index), at(next.expires_at + 3_600));

        // One that expires earlier does not shorten the index.
        add(&store, &session(2, "ann")).await;
        assert_eq!(expiry(index), at(next.expires_at + 3_600));
    });
}

#[test]
fn a_subject_leaves_nothing_behind() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        for number in 0..3 {
            add(&store, &session(number, "ann")).await;
        }
        // Long expired.
        let mut old = session(3, "ann");
        old.expires_at = 1_000;
        add(&store, &old).await;
        let count = || server.send("ZCARD {countersign}:subject:18:https://id.example:ann");
        assert_eq!(count(), ":3\r\n");
        assert!(
            store
                .end(&id(0), Some(&ending(0, now() + 60)))
                .await
                .unwrap()
                .is_some()
        );
        assert_eq!(count(), ":2\r\n");
        store
            .end_all(&realm(), "ann", now(), now() + 60)
            .await
            .unwrap();
        let keys = server.send("KEYS *");
        let mut keys: Vec<_> = keys.lines().filter(|line| line.contains(':')).collect();
        keys.sort_unstable();
        assert_eq!(
            keys,
            [
                "{countersign}:end:18:https://id.example:ann",
                "{countersign}:layout",
                "{countersign}:log",
            ]
        );
    });
}

#[test]
fn a_session_of_the_far_future_is_kept() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let mut session = session(1, "ann");
        session.expires_at = i64::MAX;
        session.absolute_expires_at = i64::MAX;
        add(&store, &session).await;
        assert_eq!(store.list(&realm(), "ann", now()).await.unwrap(), [session]);
    });
}

#[test]
fn an_id_that_is_taken_is_refused_unless_by_the_same_session() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let first = session(1, "ann");
        add(&store, &first).await;
        add(&store, &first).await;
        assert!(store.insert(&session(1, "bob"), START).await.is_err());
        assert_eq!(store.find(&id(1)).await.unwrap(), Some(first));
        assert_eq!(store.list(&realm(), "bob", now()).await.unwrap(), []);
    });
}

#[test]
fn a_rotation_replaces_every_field_that_it_may() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let mut first = successor(&session(1, "ann"), 1);
        first.binding = Some(digest(1, 9));
        add(&store, &first).await;
        let bare = StoredSession {
            label: None,
            binding: None,
            previous: Vec::new(),
            ..successor(&first, 2)
        };
        assert!(store.rotate(&first.current, &bare).await.unwrap());
        assert_eq!(store.find(&id(1)).await.unwrap(), Some(bare));
    });
}

#[test]
fn a_row_that_cannot_be_read_is_an_error() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        add(&store, &session(1, "ann")).await;
        let _ = server.send(&format!("HSET {{countersign}}:session:{} used soon", id(1)));
        assert!(store.find(&id(1)).await.is_err());
        assert!(store.list(&realm(), "ann", now()).await.is_err());
    });
}

#[test]
fn stores_of_other_prefixes_share_nothing() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let one = connect(&server).await;
        let other = RedisStore::builder().prefix("other");
        let other = other.connect(&server.url()).await.unwrap();
        add(&one, &session(1, "ann")).await;
        assert_eq!(other.find(&id(1)).await.unwrap(), None);
        assert_eq!(other.list(&realm(), "ann", now()).await.unwrap(), []);
        assert_eq!(
            other
                .end_all(&realm(), "ann", now(), now() + 60)
                .await
                .unwrap(),
            []
        );
        assert!(one.find(&id(1)).await.unwrap().is_some());
        assert_eq!(all(&one).await, []);
        assert_eq!(all(&other).await.len(), 1);
    });
}

#[test]
fn a_cluster_does_the_same() {
    let Some(cluster) = RedisCluster::start() else {
        return;
    };
    on_runtime(async {
        // Prefixes whose slots are on different nodes.
        let mut slots = Vec::new();
        for prefix in ["a", "b", "c"] {
            let store = RedisStore::builder().prefix(prefix).cluster(cluster.urls());
            let store = store.await.unwrap();
            slots.push(cluster.nodes[0].send(&format!("CLUSTER KEYSLOT {prefix}")));
            let first = session(1, "ann");
            add(&store, &first).await;
            let next = successor(&first, 1);
            assert!(store.rotate(&first.current, &next).await.unwrap());
            assert!(!store.rotate(&first.current, &next).await.unwrap());
            add(&store, &session(2, "ann")).await;
            assert_eq!(store.list(&realm(), "ann", now()).await.unwrap().len(), 2);
            assert!(
                store
                    .end(&id(1), Some(&ending(1, now() + 60)))
                    .await
                    .unwrap()
                    .is_some()
            );
            let ended = store
                .end_all(&realm(), "ann", now(), now() + 60)
                .await
                .unwrap();
            assert_eq!(ended[0].id, id(2));
            assert_eq!(all(&store).await.len(), 3);
        }
        let keys = cluster.nodes.iter().map(|node| node.send("DBSIZE"));
        assert!(keys.into_iter().all(|count| count == ":3\r\n"), "{slots:?}");
    });
}

/// A hash without the fields that came later is that of an earlier version: nobody is logged out.
#[test]
fn a_session_of_an_earlier_version_goes_on() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let first = session(1, "ann");
        add(&store, &first).await;
        let key = format!("{{countersign}}:session:{}", id(1));
        let fields = server.send(&format!("HLEN {key}"));
        // Neither details nor data, nor a binding.
        assert_eq!(fields, ":10\r\n");
        let next = successor(&first, 1);
        assert!(store.rotate(&first.current, &next).await.unwrap());
        assert!(store.set_data(&id(1), None, Some("7")).await.unwrap());
        let expected = StoredSession {
            data: Some("7".into()),
            ..next
        };
        assert_eq!(store.find(&id(1)).await.unwrap(), Some(expected));

        let _ = server.send(&format!("HSET {key} details nonsense"));
        assert!(store.find(&id(1)).await.is_err());
        let _ = server.send(&format!("HSET {key} details {{}}"));
        assert!(store.find(&id(1)).await.is_ok());
    });
}
