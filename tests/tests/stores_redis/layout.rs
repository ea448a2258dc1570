//! Tests of keys of an earlier layout, and of a later one.

use countersign::session::store::SessionStore;
use countersign_redis::RedisStore;
use countersign_tests::services::{Redis, RedisCluster};

use crate::lab::{add, connect, id, on_runtime, session};

#[test]
fn keys_of_the_first_layout_are_refused_with_what_to_do() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        for (make, key) in [
            (
                "HSET {countersign}:s:AAECAwQFBgcICQoLDA0ODw subject ann",
                "{countersign}:s:AAECAwQFBgcICQoLDA0ODw",
            ),
            (
                "ZADD {countersign}:u:ann 1 AAECAwQFBgcICQoLDA0ODw",
                "{countersign}:u:ann",
            ),
            (
                "XADD {countersign}:revoked * kind token value a before \"\" until 1",
                "{countersign}:revoked",
            ),
        ] {
            let _ = server.send(make);
            let refused = RedisStore::connect(&server.url()).await.unwrap_err();
            let cause = std::error::Error::source(&refused).unwrap().to_string();
            for part in [
                "no realm",
                "redis-cli --scan --pattern '{countersign}:[su]:*' | xargs redis-cli unlink",
                "redis-cli unlink '{countersign}:revoked'",
            ] {
                assert!(cause.contains(part), "{cause}");
            }
            assert_eq!(server.send("EXISTS {countersign}:layout"), ":0\r\n");
            // The key exists, as reported, and other prefixes are not affected.
            let other = RedisStore::builder().prefix("other");
            other.connect(&server.url()).await.unwrap();
            assert_eq!(server.send(&format!("UNLINK {key}")), ":1\r\n");
            assert_eq!(server.send("DEL {other}:layout"), ":1\r\n");
        }
        connect(&server).await;
        assert_eq!(server.send("GET {countersign}:layout"), "$1\r\n2\r\n");
    });
}

#[test]
fn they_are_found_among_many_others() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let fill =
            "EVAL \"for\\x20i=1,50000\\x20do\\x20redis.call('SET','other:'..i,1)\\x20end\" 0";
        assert_eq!(server.send(fill), "$-1\r\n");
        let _ = server.send("ZADD {countersign}:u:ann 1 AAECAwQFBgcICQoLDA0ODw");
        RedisStore::connect(&server.url()).await.unwrap_err();
        assert_eq!(server.send("UNLINK {countersign}:u:ann"), ":1\r\n");
        connect(&server).await;
    });
}

#[test]
fn a_prefix_that_is_a_pattern_refuses_its_own_keys_only() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let shop = || RedisStore::builder().prefix("sh[o]p*");
        for other in ["{shop}:s:a", "{shopping}:u:a", "{sh[o]p*}:session:a"] {
            let _ = server.send(&format!("SET {other} 1"));
        }
        shop().connect(&server.url()).await.unwrap();
        assert_eq!(server.send("DEL {sh[o]p*}:layout"), ":1\r\n");
        let _ = server.send("SET {sh[o]p*}:u:a 1");
        shop().connect(&server.url()).await.unwrap_err();
    });
}

#[test]
fn a_layout_to_come_is_refused() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        assert_eq!(server.send("SET {countersign}:layout 3"), "+OK\r\n");
        let refused = RedisStore::connect(&server.url()).await.unwrap_err();
        let cause = std::error::Error::source(&refused).unwrap().to_string();
        assert_eq!(
            cause,
            "the keys of this prefix have layout 3, and this program knows layout 2"
        );
    });
}

#[test]
fn a_layout_to_come_that_says_so_is_used_and_stays() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        assert_eq!(server.send("SET {countersign}:layout \"3 2\""), "+OK\r\n");
        let store = connect(&server).await;
        add(&store, &session(1, "ann")).await;
        connect(&server).await;
        assert_eq!(server.send("GET {countersign}:layout"), "$3\r\n3 2\r\n");
    });
}

#[test]
fn what_is_there_stays_when_the_layout_has_to_be_found_out_again() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        add(&store, &session(1, "ann")).await;
        assert_eq!(server.send("DEL {countersign}:layout"), ":1\r\n");
        let again = connect(&server).await;
        assert!(again.find(&id(1)).await.unwrap().is_some());
    });
}

#[test]
fn a_cluster_looks_where_the_keys_are() {
    let Some(cluster) = RedisCluster::start() else {
        return;
    };
    on_runtime(async {
        for prefix in ["a", "b", "c"] {
            let store = || RedisStore::builder().prefix(prefix).cluster(cluster.urls());
            let key = format!("{{{prefix}}}:u:ann");
            let made = cluster
                .nodes
                .iter()
                .map(|node| node.send(&format!("SET {key} 1")));
            assert_eq!(made.filter(|answer| answer == "+OK\r\n").count(), 1);
            store().await.unwrap_err();
            let gone = cluster
                .nodes
                .iter()
                .map(|node| node.send(&format!("DEL {key}")));
            assert_eq!(gone.filter(|answer| answer == ":1\r\n").count(), 1);
            store().await.unwrap();
        }
    });
}
