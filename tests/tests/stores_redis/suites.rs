//! The suites that every store must pass.

use countersign::testing::{
    api_key_store_suite, revocation_log_suite, ring_store_suite, sessions_suite,
    store_and_log_suite, store_suite,
};
use countersign_redis::RedisStore;
use countersign_tests::services::{Redis, RedisCluster};

use crate::lab::{connect, on_runtime};

#[test]
fn it_passes_the_suites() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let store = connect(&server).await;
        store_suite(store.clone()).await;
        revocation_log_suite(store.clone()).await;
        store_and_log_suite(store.clone()).await;
        ring_store_suite(store.clone()).await;
        api_key_store_suite(store.clone()).await;
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
        store_and_log_suite(store.clone()).await;
        ring_store_suite(store.clone()).await;
        api_key_store_suite(store.clone()).await;
        sessions_suite(store).await;
    });
}

#[test]
fn it_passes_the_suites_as_the_user_that_the_readme_tells_to_make() {
    let Some(server) = Redis::start() else { return };
    let readme = include_str!("../../../stores/redis/README.md");
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
        store_and_log_suite(store.clone()).await;
        ring_store_suite(store.clone()).await;
        api_key_store_suite(store).await;

        let elsewhere = RedisStore::connect(&url).await;
        assert!(elsewhere.is_err());
    });
}
