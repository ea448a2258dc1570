//! Tests of a store during and after a failure of the server or the network.

use std::time::Duration;

use countersign::{revocation::RevocationLog, session::store::SessionStore};
use countersign_redis::RedisStore;
use countersign_tests::services::{Proxy, Redis, RedisCluster};
use tokio::time::timeout;

use crate::lab::{
    BOUND, LIMIT, START, add, all, assert_unavailable, connect, ending, eventually, id, now,
    on_runtime, realm, revoked, session, successor,
};

#[test]
fn a_killed_server_is_an_error_in_time_and_comes_back_with_everything() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    on_runtime(async {
        let store = connect(&server).await;
        let first = session(1, "ann");
        add(&store, &first).await;
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
        assert!(
            store
                .end(&id(1), Some(&ending(1, now() + 60)))
                .await
                .unwrap()
                .is_some()
        );
    });
}

#[test]
fn a_server_that_does_not_answer_is_an_error_in_time() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let quick = RedisStore::builder().timeout(Duration::from_secs(1));
        let store = quick.connect(&server.url()).await.unwrap();
        assert_eq!(server.send("CLIENT PAUSE 60000 WRITE"), "+OK\r\n");
        let insert = async || store.insert(&session(1, "ann"), START).await;
        let refused = timeout(BOUND, insert()).await.unwrap();
        assert!(refused.is_err());

        assert_eq!(server.send("CLIENT UNPAUSE"), "+OK\r\n");
        eventually(insert).await;
        assert!(store.find(&id(1)).await.unwrap().is_some());
    });
}

#[test]
fn writes_that_the_server_holds_back_do_not_hold_back_the_reader_of_the_log() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        let until = now() + 60;
        store.append(&[revoked("a", until)]).await.unwrap();
        assert_eq!(server.send("CLIENT PAUSE 60000 WRITE"), "+OK\r\n");
        let store = &store;
        // Each is sent before the first one has given up.
        let insert = async |number| {
            timeout(LIMIT, store.insert(&session(number, "ann"), START))
                .await
                .unwrap()
                .unwrap_err();
        };
        let read = async {
            for _ in 0..20 {
                assert_eq!(all(store).await, [revoked("a", until)]);
            }
        };
        tokio::join!(insert(1), insert(2), insert(3), read);
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
        add(&store, &session(1, "ann")).await;
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
        let insert = async || store.insert(&session(1, "ann"), START).await;
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
        add(&store, &session(1, "ann")).await;
        add(&store, &session(2, "bob")).await;
        assert_eq!(server.send("CONFIG SET maxmemory 1"), "+OK\r\n");
        assert!(store.insert(&session(3, "ann"), START).await.is_err());
        assert!(
            store
                .end(&id(1), Some(&ending(1, now() + 60)))
                .await
                .unwrap()
                .is_some()
        );
        let ended = store
            .end_all(&realm(), "bob", now(), now() + 60)
            .await
            .unwrap();
        assert_eq!(ended[0].id, id(2));
        // Nor does it forget to revoke.
        assert!(
            store
                .end(&id(9), Some(&ending(9, now() + 60)))
                .await
                .unwrap()
                .is_none()
        );
        store.append(&[revoked("a", now() + 60)]).await.unwrap();
        assert_eq!(all(&store).await.len(), 5);
    });
}

#[test]
fn a_cluster_whose_nodes_come_back_is_used_again() {
    let Some(mut cluster) = RedisCluster::start() else {
        return;
    };
    on_runtime(async {
        let store = RedisStore::cluster(cluster.urls()).await.unwrap();
        add(&store, &session(1, "ann")).await;
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
        assert!(
            store
                .end(&id(1), Some(&ending(1, now() + 60)))
                .await
                .unwrap()
                .is_some()
        );
    });
}
