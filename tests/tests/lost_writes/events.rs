//! A partition, and clocks that differ: nothing is lost at the store.

use std::time::Duration;

use countersign::{Clock, Revocation, SystemClock};
use countersign_redis::RedisStore;
use countersign_tests::services::{Proxy, Redis};
use tokio::time::timeout;

use crate::{
    node::Node,
    table::{compare, row},
};

const PARTITION: &str = "a partition of 14 s";

#[tokio::test(flavor = "multi_thread")]
async fn a_partition() {
    let Some(server) = Redis::start() else { return };
    let mut rows = Vec::new();
    let mut told = [["", ""]; 2];
    for (number, has_choice) in [false, true].into_iter().enumerate() {
        // Between the client and the node: the answer to the refresh is lost.
        let store = RedisStore::connect(&server.url()).await.unwrap();
        let node = Node::new(store, has_choice);
        let pair = node.login("answer lost").await;
        node.refresh(pair.refresh_token()).await.unwrap();
        told[0][number] = node.at(14).present(&pair).await;

        // Between the node and the store: the refresh is not carried out.
        let proxy = Proxy::start(server.address());
        let store = RedisStore::builder().timeout(Duration::from_millis(200));
        let url = format!("redis://{}", proxy.address());
        let node = Node::new(store.connect(&url).await.unwrap(), has_choice);
        let pair = node.login("not carried out").await;
        proxy.mute();
        let refused = node.refresh(pair.refresh_token()).await.unwrap_err();
        assert_eq!(refused.status(), 503);
        told[1][number] = node.at(14).present(&pair).await;
        for name in ["answer lost", "not carried out"] {
            node.sessions.end_all(name).await.unwrap();
        }
    }
    let cases = [
        "refreshed, and the answer is lost; comes again after 14 s",
        "refresh answered with 503, as the store was not reached; comes again after 14 s",
    ];
    for (case, [without, with]) in cases.iter().zip(told) {
        rows.push(row(PARTITION, case, without, with));
    }
    compare(PARTITION, &rows);
}

const CLOCKS: &str = "clocks of two nodes 12 s apart";

/// The clock of a node that is ahead.
struct Ahead(i64);

impl Clock for Ahead {
    fn now(&self) -> i64 {
        SystemClock.now() + self.0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_differ() {
    let Some(server) = Redis::start() else { return };
    let mut told = [["", ""]; 2];
    for (number, has_choice) in [false, true].into_iter().enumerate() {
        let mut nodes = Vec::new();
        for ahead in [0, 12] {
            let store = RedisStore::connect(&server.url()).await.unwrap();
            let list = Revocation::replica().clock(Ahead(ahead)).build().unwrap();
            tokio::spawn(list.follow(store.clone()));
            let known = async {
                while list.status().clock_ahead.is_none() {
                    tokio::task::yield_now().await;
                }
            };
            timeout(Duration::from_secs(30), known).await.unwrap();
            nodes.push(Node::following(store, has_choice, Some(list), ahead));
        }
        for (case, [first, then]) in [[0, 1], [1, 0]].into_iter().enumerate() {
            let name = format!("{case} {has_choice}");
            let pair = nodes[first].login(&name).await;
            nodes[first].refresh(pair.refresh_token()).await.unwrap();
            told[case][number] = nodes[then].present(&pair).await;
        }
    }
    let cases = [
        "refreshed at one; the answer is lost, and it comes again at the one that is ahead",
        "refreshed at the one that is ahead; the answer is lost, and it comes again at the other",
    ];
    let rows: Vec<_> = cases
        .iter()
        .zip(told)
        .map(|(case, [without, with])| row(CLOCKS, case, without, with))
        .collect();
    compare(CLOCKS, &rows);
}
