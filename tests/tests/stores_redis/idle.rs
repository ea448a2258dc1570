//! Tests of connections that the server closes while they are idle.

use countersign::{revocation::RevocationLog, session::store::SessionStore};
use countersign_redis::RedisStore;
use countersign_tests::services::{Redis, RedisCluster};
use tokio::{runtime::Builder, task::yield_now};

use crate::lab::{add, connect, eventually, id, now, revoked, session, successor};

/// Runs a test on one thread, where the connection makes progress only when the test yields.
fn on_one_thread(test: impl Future<Output = ()>) {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(test);
}

/// Closes every connection but its own, and lets the client notice: once the server answers, the
/// connections that it closed read as closed.
async fn cut(server: &Redis) {
    let cut = server.send("CLIENT KILL TYPE normal");
    assert_ne!(cut, ":0\r\n");
    for _ in 0..1_000 {
        yield_now().await;
    }
}

#[test]
fn what_comes_after_the_server_closed_an_idle_connection_is_sent_on_a_new_one() {
    let Some(server) = Redis::start() else { return };
    on_one_thread(async {
        let store = connect(&server).await;
        let first = session(1, "ann");
        add(&store, &first).await;
        let next = successor(&first, 1);
        cut(&server).await;
        assert!(store.rotate(&first.current, &next).await.unwrap());
        cut(&server).await;
        assert_eq!(store.find(&id(1)).await.unwrap(), Some(next));
        cut(&server).await;
        store.append(&[revoked("a", now() + 60)]).await.unwrap();
        cut(&server).await;
        assert_eq!(store.read(None).await.unwrap().entries.len(), 1);
        cut(&server).await;
        assert!(store.end(&id(1), None).await.unwrap().is_some());
    });
}

#[test]
fn all_that_come_at_once_share_the_new_connection() {
    let Some(server) = Redis::start() else { return };
    on_one_thread(async {
        let store = connect(&server).await;
        add(&store, &session(1, "ann")).await;
        let connections = || {
            let info = server.send("INFO stats");
            let (_, count) = info.split_once("total_connections_received:").unwrap();
            count.lines().next().unwrap().parse::<u32>().unwrap()
        };
        cut(&server).await;
        let before = connections();
        let session = id(1);
        let all = (0..50).map(|_| store.find(&session));
        for found in futures_util::future::join_all(all).await {
            assert!(found.unwrap().is_some());
        }
        // One is that of the second call.
        assert_eq!(connections(), before + 2);
    });
}

#[test]
fn the_idle_time_out_of_the_server_fails_nothing() {
    let Some(server) = Redis::start() else { return };
    on_one_thread(async {
        let store = connect(&server).await;
        add(&store, &session(1, "ann")).await;
        let connected = || server.send("CLIENT LIST TYPE normal").lines().count();
        assert_eq!(server.send("CONFIG SET timeout 1"), "+OK\r\n");
        let before = connected();
        while connected() == before {
            yield_now().await;
        }
        for _ in 0..1_000 {
            yield_now().await;
        }
        assert!(store.find(&id(1)).await.unwrap().is_some());
    });
}

#[test]
fn a_server_that_was_away_when_it_was_last_asked_fails_nothing_when_it_is_back() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    on_one_thread(async {
        let store = connect(&server).await;
        add(&store, &session(1, "ann")).await;
        server.kill();
        store.find(&id(1)).await.unwrap_err();
        // The pause is longer than that of an attempt to connect, so that this has failed when it
        // is over.
        store.read(None).await.unwrap_err();
        server.restart();
        assert!(store.find(&id(1)).await.unwrap().is_some());
    });
}

#[test]
fn a_command_that_may_have_reached_the_server_is_not_sent_again() {
    let Some(server) = Redis::start() else { return };
    on_one_thread(async {
        let store = connect(&server).await;
        let first = session(1, "ann");
        add(&store, &first).await;
        // It waits in the server when the connection closes.
        assert_eq!(server.send("CLIENT PAUSE 60000 WRITE"), "+OK\r\n");
        let next = successor(&first, 1);
        let waiting = async {
            while !server
                .send("CLIENT LIST TYPE normal")
                .contains("cmd=evalsha")
            {
                yield_now().await;
            }
            cut(&server).await;
        };
        let (rotated, ()) = tokio::join!(store.rotate(&first.current, &next), waiting);
        rotated.unwrap_err();
        assert_eq!(server.send("CLIENT UNPAUSE"), "+OK\r\n");
        assert_eq!(store.find(&id(1)).await.unwrap(), Some(first));
    });
}

#[test]
fn a_cluster_that_closes_idle_connections_fails_nothing() {
    let Some(cluster) = RedisCluster::start() else {
        return;
    };
    on_one_thread(async {
        let store = RedisStore::cluster(cluster.urls()).await.unwrap();
        add(&store, &session(1, "ann")).await;
        for node in &cluster.nodes {
            let _ = node.send("CLIENT KILL TYPE normal");
        }
        let _ = eventually(async || store.find(&id(1)).await).await;
        for _ in 0..3 {
            assert!(store.find(&id(1)).await.unwrap().is_some());
        }
    });
}
