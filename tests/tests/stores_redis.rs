//! Sessions and revocations on real Redis servers.

#![allow(clippy::unwrap_used)] // a helper of tests may panic as they may

use std::{future::Future, io, sync::Arc, time::Duration};

use countersign::{
    Clock, Digest, LogPosition, Predecessor, RevocationEntry, RevocationLog, Revoked, SessionId,
    SessionStore, StoreError, StoredSession, SystemClock,
    testing::{revocation_log_suite, sessions_suite, store_and_log_suite, store_suite},
};
use countersign_redis::RedisStore;
use countersign_tests::services::{Proxy, Redis, RedisCluster};
use tokio::{task::JoinSet, time::timeout};

/// What every call of a store with the default settings ends within.
const BOUND: Duration = Duration::from_secs(3);
/// For what comes back by itself.
const PATIENCE: Duration = Duration::from_secs(30);
/// For a test.
const LIMIT: Duration = Duration::from_secs(300);

#[test]
fn it_passes_the_suites() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        store_suite(store.clone()).await;
        revocation_log_suite(store.clone()).await;
        store_and_log_suite(store.clone()).await;
        sessions_suite(store).await;
    });
}

#[test]
fn it_passes_the_suites_in_a_cluster() {
    let Some(cluster) = RedisCluster::start() else {
        return;
    };
    on_runtime(async {
        let store = RedisStore::cluster(cluster.urls()).await.unwrap();
        store_suite(store.clone()).await;
        revocation_log_suite(store.clone()).await;
        store_and_log_suite(store).await;
    });
}

#[test]
fn it_passes_the_suites_as_the_user_that_the_readme_tells_to_make() {
    let Some(server) = Redis::start() else { return };
    let readme = include_str!("../../stores/redis/README.md");
    let (_, user) = readme.split_once("ACL SETUSER shop ").unwrap();
    let (user, _) = user.split_once("```").unwrap();
    let user = user.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(server.send(&format!("ACL SETUSER shop {user}")), "+OK\r\n");
    on_runtime(async {
        let url = server.url().replace("//", "//shop:a-password@");
        let store = RedisStore::builder().prefix("shop").connect(&url);
        let store = store.await.unwrap();
        store_suite(store.clone()).await;
        revocation_log_suite(store.clone()).await;
        store_and_log_suite(store).await;

        let elsewhere = RedisStore::connect(&url).await.unwrap();
        assert!(elsewhere.insert(&session(1, "ann")).await.is_err());
    });
}

#[test]
fn of_fifty_rotations_of_one_token_one_succeeds() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let stores = [connect(&server).await, connect(&server).await];
        for round in 0..200 {
            let first = session(round, "ann");
            stores[0].insert(&first).await.unwrap();
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
fn what_ends_is_in_the_log_and_nothing_else_is() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let until = now() + 900;
        for number in 0..4 {
            store.insert(&session(number, "ann")).await.unwrap();
        }
        store.insert(&session(9, "bob")).await.unwrap();

        assert!(store.end(&id(0), until).await.unwrap());
        assert!(!store.end(&id(0), until).await.unwrap());
        let mut ended = store.end_all("ann", now(), until).await.unwrap();
        ended.sort();
        assert_eq!(ended, [id(1), id(2), id(3)]);

        let mut logged = all(&store).await;
        let last = logged.pop().unwrap();
        assert!(matches!(last.revoked, Revoked::Subject { subject, .. } if subject == "ann"));
        assert_eq!(logged.len(), 5);
        assert!(logged.iter().all(|entry| entry.until == until));
        let names = logged.iter().map(|entry| match &entry.revoked {
            Revoked::Session(id) => id.clone(),
            _ => panic!("{entry:?}"),
        });
        let mut names: Vec<_> = names.collect();
        names[2..].sort();
        assert_eq!(names, [id(0), id(0), id(1), id(2), id(3)]);
    });
}

#[test]
fn a_session_that_cannot_be_logged_for_long_enough_does_not_end() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        store.insert(&session(1, "ann")).await.unwrap();
        let retention = 25 * 3_600;
        let too_late = now() + retention + 60;
        assert!(store.end(&id(1), too_late).await.is_err());
        assert!(store.end_all("ann", now(), too_late).await.is_err());
        let entries = [revoked("good", now() + 60), revoked("bad", too_late)];
        assert!(store.append(&entries).await.is_err());
        assert!(store.find(&id(1)).await.unwrap().is_some());
        assert_eq!(all(&store).await, []);

        assert!(store.end(&id(1), now() + retention - 60).await.unwrap());
    });
}

#[test]
fn the_log_is_read_on_from_where_it_was_left() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let until = now() + 60;
        let entries: Vec<_> = (0..2_500).map(|n| revoked(&n.to_string(), until)).collect();
        for entries in entries.chunks(700) {
            store.append(entries).await.unwrap();
        }
        let mut read = Vec::new();
        let mut position = None;
        loop {
            let batch = store.read(position.as_ref()).await.unwrap();
            read.extend(batch.entries);
            position = batch.position;
            assert_eq!(batch.complete, read.len() == 2_500);
            if batch.complete {
                break;
            }
        }
        assert_eq!(read, entries);

        let batch = store.read(position.as_ref()).await.unwrap();
        assert!(batch.complete && batch.entries.is_empty());
        assert_eq!(batch.position, position);
    });
}

#[test]
fn a_revocation_reaches_every_reader_at_once() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let [writer, one, other] = [
            connect(&server).await,
            connect(&server).await,
            connect(&server).await,
        ];
        let [mut at_one, mut at_other] = [None, None];
        for round in 0..5 {
            let entry = revoked(&round.to_string(), now() + 60);
            let waiting =
                async { tokio::join!(next(&one, &mut at_one), next(&other, &mut at_other)) };
            let written = writer.append(std::slice::from_ref(&entry));
            let both = async { tokio::join!(waiting, written) };
            let (read, written) = timeout(Duration::from_secs(1), both).await.unwrap();
            written.unwrap();
            assert_eq!(read, (vec![entry.clone()], vec![entry]));
        }
    });
}

#[test]
fn a_position_that_was_dropped_is_the_start() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        // The server drops whole blocks.
        assert_eq!(
            server.send("CONFIG SET stream-node-max-entries 1"),
            "+OK\r\n"
        );
        for entry in 1..=3 {
            let _ = server.send(&format!(
                "XADD {{countersign}}:revoked {entry}-1 kind token value {entry} before \"\" until 1"
            ));
        }
        let batch = store.read(None).await.unwrap();
        assert_eq!(batch.entries.len(), 3);
        let position = batch.position.unwrap();
        assert_eq!(position.as_str(), "3-1");

        let entries = ["a", "b"].map(|id| revoked(id, now() + 60));
        store.append(&entries).await.unwrap();
        assert_eq!(all(&store).await, entries);
        assert_eq!(store.read(Some(&position)).await.unwrap().entries, entries);

        for unknown in ["", "1", "a-b", "+1-1", "99999999999999999999-0"] {
            let batch = store.read(Some(&LogPosition::new(unknown))).await.unwrap();
            assert_eq!(batch.entries, entries, "{unknown:?}");
        }
    });
}

#[test]
fn entries_that_come_after_a_loss_of_data_are_read() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        store.append(&[revoked("lost", now() + 60)]).await.unwrap();
        let position = store.read(None).await.unwrap().position;
        assert_eq!(server.send("FLUSHALL"), "+OK\r\n");
        let batch = store.read(position.as_ref()).await.unwrap();
        assert!(batch.complete && batch.entries.is_empty());
        assert_eq!(batch.position, None);

        // A server whose clock lags has taken over; later ones make its ids pass the position.
        let late = now() + 60;
        let key = "{countersign}:revoked";
        let _ = server.send(&format!(
            "XADD {key} 5-0 kind token value a before \"\" until {late}"
        ));
        store.append(&[revoked("b", late)]).await.unwrap();
        let batch = store.read(position.as_ref()).await.unwrap();
        assert_eq!(batch.entries, ["a", "b"].map(|id| revoked(id, late)));
    });
}

#[test]
fn an_entry_that_cannot_be_read_is_an_error() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        store.append(&[revoked("a", now() + 60)]).await.unwrap();
        let _ = server.send("XADD {countersign}:revoked * kind other value a before \"\" until 1");
        assert!(store.read(None).await.is_err());
    });
}

#[test]
fn whatever_writes_to_the_log_drops_what_it_need_not_keep() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let set = "CONFIG SET stream-node-max-entries 1";
        assert_eq!(server.send(set), "+OK\r\n");
        let until = now() + 60;
        for (step, left) in [("sweep", 0), ("append", 1), ("end", 1), ("end_all", 1)] {
            let _ = server.send("DEL {countersign}:revoked");
            let old = "XADD {countersign}:revoked 1-1 kind token value a before \"\" until 1";
            assert_eq!(server.send(old), "$3\r\n1-1\r\n");
            match step {
                "sweep" => assert_eq!(store.sweep(until).await.unwrap(), 0),
                "append" => store.append(&[revoked("a", until)]).await.unwrap(),
                "end" => assert!(!store.end(&id(1), until).await.unwrap()),
                _ => assert_eq!(store.end_all("ann", until, until).await.unwrap(), []),
            }
            let length = server.send("XLEN {countersign}:revoked");
            assert_eq!(length, format!(":{left}\r\n"), "{step}");
        }
    });
}

#[test]
fn a_killed_server_is_an_error_in_time_and_comes_back_with_everything() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    on_runtime(async {
        let store = connect(&server).await;
        let first = session(1, "ann");
        store.insert(&first).await.unwrap();
        store.append(&[revoked("a", now() + 60)]).await.unwrap();
        let position = store.read(None).await.unwrap().position;
        let next = successor(&first, 1);
        assert!(store.rotate(&first.current, &next).await.unwrap());

        server.kill();
        for _ in 0..3 {
            assert_unavailable(&store).await;
        }
        server.restart();
        assert_eq!(
            eventually(async || store.find(&id(1)).await).await,
            Some(next.clone())
        );
        // Its scripts are new to the server.
        assert!(!store.rotate(&first.current, &next).await.unwrap());
        store.append(&[revoked("b", now() + 60)]).await.unwrap();
        let batch = store.read(position.as_ref()).await.unwrap();
        assert_eq!(batch.entries.len(), 1);
        assert!(store.end(&id(1), now() + 60).await.unwrap());
    });
}

#[test]
fn a_server_that_does_not_answer_is_an_error_in_time() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let quick = RedisStore::builder().timeout(Duration::from_secs(1));
        let store = quick.connect(&server.url()).await.unwrap();
        assert_eq!(server.send("CLIENT PAUSE 60000 WRITE"), "+OK\r\n");
        let insert = async || store.insert(&session(1, "ann")).await;
        let refused = timeout(BOUND, insert()).await.unwrap();
        assert!(refused.is_err());

        assert_eq!(server.send("CLIENT UNPAUSE"), "+OK\r\n");
        eventually(insert).await;
        assert!(store.find(&id(1)).await.unwrap().is_some());
    });
}

#[test]
fn a_connection_whose_answers_stop_coming_is_replaced() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let proxy = Proxy::start(server.address());
        let quick = RedisStore::builder().timeout(Duration::from_secs(1));
        let url = format!("redis://{}", proxy.address());
        let store = quick.connect(&url).await.unwrap();
        store.insert(&session(1, "ann")).await.unwrap();
        proxy.mute();
        let find = async || store.find(&id(1)).await;
        let refused = timeout(BOUND, find()).await.unwrap();
        assert!(refused.is_err());
        assert!(eventually(find).await.is_some());
    });
}

#[test]
fn a_server_that_turned_into_a_replica_is_left_for_the_new_master() {
    let Some(old) = Redis::start() else { return };
    let Some(new) = Redis::start() else { return };
    on_runtime(async {
        let proxy = Proxy::start(old.address());
        let url = format!("redis://{}", proxy.address());
        let store = RedisStore::connect(&url).await.unwrap();
        // The name leads to another server now, but the connection stays.
        proxy.lead_to(new.address());
        assert_eq!(old.send("REPLICAOF 127.0.0.1 1"), "+OK\r\n");
        let insert = async || store.insert(&session(1, "ann")).await;
        assert!(insert().await.is_err());
        eventually(insert).await;
        assert_eq!(new.send("DBSIZE"), ":2\r\n");
    });
}

#[test]
fn a_server_that_refuses_the_user_for_a_while_is_used_again() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let grant = "ACL SETUSER app on >secret ~* &* +@all";
        assert_eq!(server.send(grant), "+OK\r\n");
        let url = server.url().replace("//", "//app:secret@");
        let store = RedisStore::connect(&url).await.unwrap();
        assert_eq!(server.send("ACL DELUSER app"), ":1\r\n");
        for _ in 0..3 {
            assert_unavailable(&store).await;
        }
        assert_eq!(server.send(grant), "+OK\r\n");
        eventually(async || store.find(&id(1)).await).await;
    });
}

#[test]
fn a_server_without_memory_refuses_new_sessions_and_still_ends_old_ones() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        store.insert(&session(1, "ann")).await.unwrap();
        store.insert(&session(2, "bob")).await.unwrap();
        assert_eq!(server.send("CONFIG SET maxmemory 1"), "+OK\r\n");
        assert!(store.insert(&session(3, "ann")).await.is_err());
        assert!(store.end(&id(1), now() + 60).await.unwrap());
        let ended = store.end_all("bob", now(), now() + 60).await.unwrap();
        assert_eq!(ended, [id(2)]);
        assert_eq!(all(&store).await.len(), 3);
    });
}

#[test]
fn keys_expire_after_the_sessions() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let expiry = |key: &str| server.send(&format!("EXPIRETIME {{countersign}}:{key}"));
        let at = |time: i64| format!(":{time}\r\n");
        let [key, index] = [format!("s:{}", id(1)), "u:ann".to_owned()];
        let first = session(1, "ann");
        store.insert(&first).await.unwrap();
        assert_eq!(expiry(&key), at(first.expires_at + 3_600));
        assert_eq!(expiry(&index), at(first.expires_at + 3_600));

        let mut next = successor(&first, 1);
        next.expires_at += 500;
        assert!(store.rotate(&first.current, &next).await.unwrap());
        assert_eq!(expiry(&key), at(next.expires_at + 3_600));
        assert_eq!(expiry(&index), at(next.expires_at + 3_600));

        // One that expires earlier does not shorten the index.
        store.insert(&session(2, "ann")).await.unwrap();
        assert_eq!(expiry(&index), at(next.expires_at + 3_600));
    });
}

#[test]
fn a_subject_leaves_nothing_behind() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        for number in 0..3 {
            store.insert(&session(number, "ann")).await.unwrap();
        }
        // Long expired.
        let mut old = session(3, "ann");
        old.expires_at = 1_000;
        store.insert(&old).await.unwrap();
        assert_eq!(server.send("ZCARD {countersign}:u:ann"), ":3\r\n");
        assert!(store.end(&id(0), now() + 60).await.unwrap());
        assert_eq!(server.send("ZCARD {countersign}:u:ann"), ":2\r\n");
        store.end_all("ann", now(), now() + 60).await.unwrap();
        assert_eq!(
            server.send("KEYS *"),
            "*1\r\n$21\r\n{countersign}:revoked\r\n"
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
        store.insert(&session).await.unwrap();
        assert_eq!(store.list("ann", now()).await.unwrap(), [session]);
    });
}

#[test]
fn an_id_that_is_taken_is_refused_unless_by_the_same_session() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let first = session(1, "ann");
        store.insert(&first).await.unwrap();
        store.insert(&first).await.unwrap();
        assert!(store.insert(&session(1, "bob")).await.is_err());
        assert_eq!(store.find(&id(1)).await.unwrap(), Some(first));
        assert_eq!(store.list("bob", now()).await.unwrap(), []);
    });
}

#[test]
fn a_rotation_replaces_every_field() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let mut first = successor(&session(1, "ann"), 1);
        first.binding = Some(digest(1, 9));
        store.insert(&first).await.unwrap();
        let bare = StoredSession {
            label: None,
            binding: None,
            previous: None,
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
        store.insert(&session(1, "ann")).await.unwrap();
        let _ = server.send(&format!("HSET {{countersign}}:s:{} used soon", id(1)));
        assert!(store.find(&id(1)).await.is_err());
        assert!(store.list("ann", now()).await.is_err());
    });
}

#[test]
fn stores_of_other_prefixes_share_nothing() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let one = connect(&server).await;
        let other = RedisStore::builder().prefix("other");
        let other = other.connect(&server.url()).await.unwrap();
        one.insert(&session(1, "ann")).await.unwrap();
        assert_eq!(other.find(&id(1)).await.unwrap(), None);
        assert_eq!(other.list("ann", now()).await.unwrap(), []);
        assert_eq!(other.end_all("ann", now(), now() + 60).await.unwrap(), []);
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
            store.insert(&first).await.unwrap();
            let next = successor(&first, 1);
            assert!(store.rotate(&first.current, &next).await.unwrap());
            assert!(!store.rotate(&first.current, &next).await.unwrap());
            store.insert(&session(2, "ann")).await.unwrap();
            assert_eq!(store.list("ann", now()).await.unwrap().len(), 2);
            assert!(store.end(&id(1), now() + 60).await.unwrap());
            let ended = store.end_all("ann", now(), now() + 60).await.unwrap();
            assert_eq!(ended, [id(2)]);
            assert_eq!(all(&store).await.len(), 3);
        }
        let keys = cluster.nodes.iter().map(|node| node.send("DBSIZE"));
        assert!(keys.into_iter().all(|count| count == ":1\r\n"), "{slots:?}");
    });
}

#[test]
fn a_cluster_whose_nodes_come_back_is_used_again() {
    let Some(mut cluster) = RedisCluster::start() else {
        return;
    };
    on_runtime(async {
        let store = RedisStore::cluster(cluster.urls()).await.unwrap();
        store.insert(&session(1, "ann")).await.unwrap();
        for node in &mut cluster.nodes {
            node.kill();
        }
        assert_unavailable(&store).await;
        for node in &mut cluster.nodes {
            node.restart();
        }
        assert!(
            eventually(async || store.find(&id(1)).await)
                .await
                .is_some()
        );
        assert!(store.end(&id(1), now() + 60).await.unwrap());
    });
}

#[test]
fn what_cannot_be_used_is_refused_when_it_connects() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        for prefix in ["", "{a}", "a b"] {
            let store = RedisStore::builder().prefix(prefix);
            assert!(store.connect(&server.url()).await.is_err(), "{prefix:?}");
        }
        let nobody = "redis://user:hunter2@127.0.0.1:1";
        for url in ["", "http://127.0.0.1", "redis://user:hunter2@:x", nobody] {
            let refused = timeout(BOUND, RedisStore::connect(url)).await.unwrap();
            let refused = format!("{:?}", refused.unwrap_err());
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        let no_nodes: [&str; 0] = [];
        assert!(RedisStore::cluster(no_nodes).await.is_err());
        let refused = timeout(BOUND, RedisStore::cluster([nobody])).await.unwrap();
        let refused = format!("{:?}", refused.unwrap_err());
        assert!(!refused.contains("hunter2"), "{refused}");
    });
}

#[test]
fn a_server_that_makes_room_by_removing_keys_is_warned_of() {
    let Some(server) = Redis::start() else { return };
    for (policy, is_warned_of) in [("noeviction", false), ("volatile-lru", true)] {
        let set = format!("CONFIG SET maxmemory-policy {policy}");
        assert_eq!(server.send(&set), "+OK\r\n");
        let (reader, writer) = io::pipe().unwrap();
        let log = tracing_subscriber::fmt().with_writer(Arc::new(writer));
        tracing::subscriber::with_default(log.finish(), || {
            on_runtime(async { drop(connect(&server).await) });
        });
        let lines = io::read_to_string(reader).unwrap();
        let words = format!("set maxmemory-policy to noeviction policy={policy:?}");
        assert_eq!(lines.contains(&words), is_warned_of, "{lines}");
        assert_eq!(lines.is_empty(), !is_warned_of, "{lines}");
    }
}

#[test]
fn debug_shows_the_name_of_the_log_only() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let shown = format!("{:?}", connect(&server).await);
        assert_eq!(shown, r#"RedisStore { log: "{countersign}:revoked", .. }"#);
    });
}

async fn connect(server: &Redis) -> RedisStore {
    RedisStore::connect(&server.url()).await.unwrap()
}

/// Every call is an error, and none takes long.
async fn assert_unavailable(store: &RedisStore) {
    let all = async {
        let session = session(9, "eve");
        let from = session.current;
        let (id, until) = (&session.id, now() + 60);
        tokio::join!(
            async { assert!(store.insert(&session).await.is_err()) },
            async { assert!(store.find(id).await.is_err()) },
            async { assert!(store.rotate(&from, &session).await.is_err()) },
            async { assert!(store.end(id, until).await.is_err()) },
            async { assert!(store.end_all("eve", until, until).await.is_err()) },
            async { assert!(store.list("eve", until).await.is_err()) },
            async { assert!(store.sweep(until).await.is_err()) },
            async { assert!(store.append(&[revoked("a", until)]).await.is_err()) },
            async { assert!(store.read(None).await.is_err()) },
        );
    };
    timeout(BOUND, all).await.unwrap();
}

/// Asks until there is an answer.
async fn eventually<T>(ask: impl AsyncFn() -> Result<T, StoreError>) -> T {
    let asking = async {
        loop {
            if let Ok(answer) = ask().await {
                return answer;
            }
        }
    };
    timeout(PATIENCE, asking).await.unwrap()
}

/// The next entries, once there are any.
async fn next(store: &RedisStore, position: &mut Option<LogPosition>) -> Vec<RevocationEntry> {
    loop {
        let batch = store.read(position.as_ref()).await.unwrap();
        *position = batch.position;
        if !batch.entries.is_empty() {
            return batch.entries;
        }
    }
}

/// All of a log that fits into one answer.
async fn all(store: &RedisStore) -> Vec<RevocationEntry> {
    let batch = store.read(None).await.unwrap();
    assert!(batch.complete);
    batch.entries
}

fn revoked(token: &str, until: i64) -> RevocationEntry {
    RevocationEntry {
        revoked: Revoked::Token(token.into()),
        until,
    }
}

fn session(number: u8, subject: &str) -> StoredSession {
    let now = now();
    StoredSession {
        id: id(number),
        subject: subject.into(),
        label: Some("a device".into()),
        binding: None,
        created_at: now,
        last_used_at: now,
        expires_at: now + 1_000,
        absolute_expires_at: now + 10_000,
        current: digest(number, 0),
        previous: None,
    }
}

fn successor(session: &StoredSession, racer: u8) -> StoredSession {
    StoredSession {
        current: digest(racer, 1),
        previous: Some(Predecessor {
            hash: session.current,
            salt: digest(racer, 2),
        }),
        ..session.clone()
    }
}

fn id(number: u8) -> SessionId {
    SessionId::parse(&format!("{number:03}AAAAAAAAAAAAAAAAAAA")).unwrap()
}

fn digest(number: u8, kind: u8) -> Digest {
    let mut bytes = [number; 32];
    bytes[0] = kind;
    Digest::from_bytes(bytes)
}

/// Redis has a clock of its own, so the tests go by the time of day.
fn now() -> i64 {
    SystemClock.now()
}

fn on_runtime(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build();
    let test = async { timeout(LIMIT, test).await.unwrap() };
    runtime.unwrap().block_on(test);
}
