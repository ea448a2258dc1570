//! Tests of the check whether a server can be used: one that reads and refuses writes cannot.

use std::fs;

use countersign::session::store::SessionStore;
use countersign_redis::RedisStore;
use countersign_tests::services::{Redis, RedisCluster};

use crate::lab::{add, connect, eventually, id, on_runtime, session};

/// Checks that the server is read from, and is no good all the same.
async fn assert_unhealthy(store: &RedisStore, word: &str) {
    assert!(store.find(&id(1)).await.unwrap().is_some());
    let refused = format!("{:?}", store.health().await.unwrap_err());
    assert!(refused.to_uppercase().contains(word), "{word}: {refused}");
}

#[test]
fn a_server_in_good_order_is_healthy_and_nothing_is_left_behind() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        add(&store, &session(1, "ann")).await;
        let keys = server.send("KEYS *");
        for _ in 0..3 {
            store.health().await.unwrap();
        }
        assert_eq!(server.send("KEYS *"), keys);
    });
}

#[test]
fn a_server_that_refuses_writes_is_not_healthy_until_it_takes_them_again() {
    let Some(server) = Redis::start() else { return };
    let set = |setting: &str| assert_eq!(server.send(&format!("CONFIG SET {setting}")), "+OK\r\n");
    on_runtime(async {
        let store = connect(&server).await;
        add(&store, &session(1, "ann")).await;

        set("maxmemory 1");
        assert_unhealthy(&store, "MAXMEMORY").await;
        set("maxmemory 0");
        store.health().await.unwrap();

        set("min-replicas-to-write 1");
        assert_unhealthy(&store, "NOREPLICAS").await;
        set("min-replicas-to-write 0");
        store.health().await.unwrap();

        // A snapshot fails where a folder is in its place.
        let place = server.folder().join("dump.rdb");
        fs::create_dir(&place).unwrap();
        set("save \"3600 1\"");
        let save = |status: &str| {
            let _begun = server.send("BGSAVE");
            while !server
                .send("INFO persistence")
                .contains(&format!("rdb_last_bgsave_status:{status}"))
            {
                std::thread::yield_now();
            }
        };
        save("err");
        assert_unhealthy(&store, "MISCONF").await;
        fs::remove_dir(&place).unwrap();
        save("ok");
        store.health().await.unwrap();

        // It serves old data to those who ask it.
        assert_eq!(server.send("REPLICAOF 127.0.0.1 1"), "+OK\r\n");
        assert_unhealthy(&store, "READONLY").await;
        assert_eq!(server.send("REPLICAOF NO ONE"), "+OK\r\n");
        eventually(async || store.health().await).await;
    });
}

#[test]
fn a_server_that_is_away_is_not_healthy() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    on_runtime(async {
        let store = connect(&server).await;
        server.kill();
        store.health().await.unwrap_err();
        server.restart();
        eventually(async || store.health().await).await;
    });
}

#[test]
fn a_cluster_is_healthy_where_the_keys_are() {
    let Some(cluster) = RedisCluster::start() else {
        return;
    };
    on_runtime(async {
        let store = RedisStore::cluster(cluster.urls()).await.unwrap();
        store.health().await.unwrap();
    });
}
