//! Tests of used proofs in Redis.

use countersign::{
    proof::{ReplayKey, ReplayStore, Thumbprint},
    session::store::StoreError,
    testing::replay_suite,
};
use countersign_redis::{RedisReplayStore, RedisStore};
use countersign_tests::services::{Proxy, Redis, RedisCluster};
use tokio::{task::JoinSet, time::timeout};

use crate::lab::{BOUND, eventually, now, on_runtime};

const RACERS: usize = 50;
const ROUNDS: u32 = 200;

fn key(jti: u32) -> ReplayKey {
    ReplayKey::new(Thumbprint::from_bytes([7; 32]), &jti.to_string())
}

async fn insert(store: &RedisReplayStore, jti: u32) -> Result<bool, StoreError> {
    let now = now();
    store.insert(key(jti), now, now + 90).await
}

/// Checks that of many requests with one proof, on two nodes, one is told that it is new: many times.
async fn race(nodes: [RedisReplayStore; 2]) {
    for round in 0..ROUNDS {
        let mut racers = JoinSet::new();
        for racer in 0..RACERS {
            let node = nodes[racer % 2].clone();
            racers.spawn(async move { insert(&node, round).await.unwrap() });
        }
        let outcomes = racers.join_all().await;
        let winners = outcomes.into_iter().filter(|is_new| *is_new).count();
        assert_eq!(winners, 1, "round {round}");
    }
}

#[test]
fn it_passes_the_suite_and_of_racers_on_two_nodes_one_wins() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let node = async || RedisReplayStore::connect(&server.url()).await.unwrap();
        replay_suite(node().await, node().await).await;
        race([node().await, node().await]).await;
    });
}

#[test]
fn it_passes_the_suite_in_a_cluster_and_of_racers_on_two_nodes_one_wins() {
    let Some(cluster) = RedisCluster::start() else {
        return;
    };
    on_runtime(async {
        let node = async || RedisReplayStore::cluster(cluster.urls()).await.unwrap();
        replay_suite(node().await, node().await).await;
        race([node().await, node().await]).await;
        // Every node of the cluster has some of them.
        for node in &cluster.nodes {
            assert_ne!(node.send("DBSIZE"), ":0\r\n");
        }
    });
}

#[test]
fn it_passes_the_suite_as_the_user_that_the_readme_tells_to_make() {
    let Some(server) = Redis::start() else { return };
    let readme = include_str!("../../../stores/redis/README.md");
    let (_, user) = readme.split_once("ACL SETUSER shop ").unwrap();
    let (user, _) = user.split_once("```").unwrap();
    let user = user.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(server.send(&format!("ACL SETUSER shop {user}")), "+OK\r\n");
    on_runtime(async {
        let url = server.url().replace("//", "//shop:a-password@");
        let store = RedisStore::builder().prefix("shop").connect(&url).await;
        let store = RedisReplayStore::new(store.unwrap());
        replay_suite(store.clone(), store).await;
    });
}

#[test]
fn the_server_forgets_a_proof_some_seconds_after_its_time() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = RedisStore::builder().prefix("shop");
        let store = RedisReplayStore::from(store.connect(&server.url()).await.unwrap());
        assert!(insert(&store, 1).await.unwrap());
        // A replay with another time changes nothing.
        let now = now();
        assert!(!store.insert(key(1), now, now + 9_000).await.unwrap());
        let left = server.send(&format!("PTTL shop:proof:{}", key(1)));
        let left: i64 = left.trim_matches([':', '\r', '\n']).parse().unwrap();
        assert!((91_000..=121_000).contains(&left), "{left}");
        // Other prefixes share nothing.
        let other = RedisReplayStore::connect(&server.url()).await.unwrap();
        assert!(insert(&other, 1).await.unwrap());
    });
}

#[test]
fn a_killed_server_is_an_error_and_nothing_is_accepted_twice() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    on_runtime(async {
        let store = RedisReplayStore::connect(&server.url()).await.unwrap();
        assert!(insert(&store, 1).await.unwrap());
        server.kill();
        for jti in [1, 2, 2] {
            timeout(BOUND, insert(&store, jti))
                .await
                .unwrap()
                .unwrap_err();
        }
        server.restart();
        assert!(!eventually(async || insert(&store, 1).await).await);
        assert!(insert(&store, 3).await.unwrap());
        assert!(!insert(&store, 3).await.unwrap());
    });
}

#[test]
fn an_answer_that_is_lost_is_an_error_and_the_proof_is_used() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let proxy = Proxy::start(server.address());
        let url = format!("redis://{}", proxy.address());
        let store = RedisReplayStore::connect(&url).await.unwrap();
        assert!(insert(&store, 1).await.unwrap());
        proxy.mute();
        timeout(BOUND, insert(&store, 2))
            .await
            .unwrap()
            .unwrap_err();
        // Another proof goes on. Of the one whose answer was lost, nobody is told that it is new if the server has it.
        assert!(eventually(async || insert(&store, 3).await).await);
        let exists = server.send(&format!("EXISTS countersign:proof:{}", key(2)));
        let is_new = insert(&store, 2).await.unwrap();
        assert_eq!(is_new, exists == ":0\r\n");
        assert!(!insert(&store, 2).await.unwrap());
    });
}

#[test]
fn a_cluster_whose_nodes_come_back_is_used_again_and_accepts_nothing_twice() {
    let Some(mut cluster) = RedisCluster::start() else {
        return;
    };
    on_runtime(async {
        let store = RedisReplayStore::cluster(cluster.urls()).await.unwrap();
        for jti in 0..20 {
            assert!(insert(&store, jti).await.unwrap());
        }
        for node in &mut cluster.nodes {
            node.kill();
        }
        timeout(BOUND, insert(&store, 100))
            .await
            .unwrap()
            .unwrap_err();
        for node in &mut cluster.nodes {
            node.restart();
        }
        for jti in 0..20 {
            assert!(!eventually(async || insert(&store, jti).await).await);
        }
        assert!(eventually(async || insert(&store, 200).await).await);
    });
}

#[test]
fn a_server_without_memory_is_an_error_and_forgets_nothing() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = RedisReplayStore::connect(&server.url()).await.unwrap();
        assert!(insert(&store, 1).await.unwrap());
        assert_eq!(server.send("CONFIG SET maxmemory 1"), "+OK\r\n");
        insert(&store, 2).await.unwrap_err();
        assert_eq!(server.send("CONFIG SET maxmemory 0"), "+OK\r\n");
        assert!(!insert(&store, 1).await.unwrap());
        assert!(insert(&store, 2).await.unwrap());
    });
}
