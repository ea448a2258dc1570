//! Tests of the server's clock.

use std::time::Duration;

use countersign::{Clock, Revocation, SystemClock, revocation::RevocationLog};
use countersign_redis::RedisStore;
use countersign_tests::services::{Redis, RedisCluster};
use tokio::time::timeout;

use crate::lab::{LIMIT, connect, now, on_runtime};

/// The clock of a node that is ahead.
struct Ahead(i64);

impl Clock for Ahead {
    fn now(&self) -> i64 {
        SystemClock.now() + self.0
    }
}

#[test]
fn a_node_knows_by_how_much_its_clock_differs() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        for ahead in [-12, 12] {
            let list = Revocation::replica().clock(Ahead(ahead)).build().unwrap();
            tokio::spawn(list.follow(store.clone()));
            let known = async {
                loop {
                    if let Some(known) = list.status().clock_ahead {
                        return known;
                    }
                    tokio::task::yield_now().await;
                }
            };
            let known = timeout(LIMIT, known).await.unwrap();
            assert!((known - ahead).abs() <= 1, "{known}");
        }
    });
}

#[test]
fn the_clock_is_that_of_the_server() {
    let Some(server) = Redis::start() else { return };
    let Some(cluster) = RedisCluster::start() else {
        return;
    };
    on_runtime(async {
        let alone = connect(&server).await;
        let together = RedisStore::cluster(cluster.urls()).await.unwrap();
        for store in [alone, together] {
            let before = now();
            let time = timeout(Duration::from_secs(60), store.time())
                .await
                .unwrap();
            let time = time.unwrap().unwrap();
            // Redis takes the time once for each turn of its loop, which may have begun a moment before.
            assert!((before - 1..=now()).contains(&time), "{time}");
        }
    });
}
