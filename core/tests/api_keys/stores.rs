//! Tests of the store in memory.

use std::sync::{
    Barrier,
    atomic::{AtomicUsize, Ordering},
};

use countersign::{
    Issuer, MemoryStore, Sessions, SigningKey,
    session::{ApiKeys, ClientInfo, Identity, NewApiKey},
    testing::api_key_store_suite,
};
use futures_executor::block_on;

use crate::PEPPER;

#[test]
fn the_store_in_memory_passes_the_suite() {
    block_on(api_key_store_suite(MemoryStore::new()));
}

#[test]
fn a_full_store_refuses_a_key_and_keeps_what_it_has() {
    let keys = ApiKeys::builder(MemoryStore::limited(1), PEPPER)
        .build()
        .unwrap();
    let create = || block_on(keys.create("ada", &NewApiKey::new("CI")));
    let (key, text) = create().unwrap();
    assert!(create().is_err());
    assert!(block_on(keys.check(text.as_str())).is_ok());
    assert!(block_on(keys.end(key.id())).unwrap());
    assert!(create().is_ok());
}

#[test]
fn logging_out_everywhere_ends_no_key() {
    let store = MemoryStore::new();
    let issuer = Issuer::builder("https://id.example", SigningKey::generate_es256().unwrap());
    let issuer = issuer.audience("orders").build().unwrap();
    let sessions = Sessions::builder(issuer, store.clone()).build().unwrap();
    let keys = ApiKeys::builder(store, PEPPER).realm("https://id.example");
    let keys = keys.build().unwrap();
    block_on(async {
        let ada = Identity::new("ada", serde_json::json!({}));
        sessions.start(&ada, ClientInfo::new()).await.unwrap();
        let (_, text) = keys.create("ada", &NewApiKey::new("CI")).await.unwrap();
        assert_eq!(sessions.end_all("ada").await.unwrap(), 1);
        assert!(keys.check(text.as_str()).await.is_ok());
        assert_eq!(keys.end_all("ada").await.unwrap(), 1);
    });
}

#[test]
fn of_50_threads_that_end_a_key_one_does_and_nobody_gets_in_after_it() {
    for _ in 0..20 {
        let keys = ApiKeys::builder(MemoryStore::new(), PEPPER)
            .build()
            .unwrap();
        let (key, text) = block_on(keys.create("ada", &NewApiKey::new("CI"))).unwrap();
        let (start, ended) = (Barrier::new(50), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| {
                    start.wait();
                    if block_on(keys.end(key.id())).unwrap() {
                        ended.fetch_add(1, Ordering::Relaxed);
                    }
                    assert!(block_on(keys.check(text.as_str())).is_err());
                });
            }
        });
        assert_eq!(ended.into_inner(), 1);
    }
}
