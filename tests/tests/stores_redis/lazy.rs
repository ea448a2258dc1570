//! Tests of stores that connect when they are first used.

use std::{io, sync::Arc};

use countersign::{
    Issuer, Revocation, Sessions, SigningKey,
    session::{ClientInfo, Identity, SessionErrorKind, store::SessionStore},
};
use countersign_redis::RedisStore;
use countersign_tests::services::{Redis, RedisCluster};
use serde_json::json;
use tokio::time::timeout;

use crate::lab::{LIMIT, START, assert_unavailable, eventually, id, on_runtime, session};

#[test]
fn a_program_starts_without_the_server_and_is_ready_when_it_comes() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    on_runtime(async {
        server.kill();
        let store = RedisStore::builder().connect_lazy(&server.url()).unwrap();
        let key = SigningKey::generate_es256().unwrap();
        let issuer = Issuer::builder("https://id.example", key).audience("app");
        let revocation = Revocation::replica().build().unwrap();
        tokio::spawn(revocation.follow(store.clone()));
        let sessions = Sessions::builder(issuer.build().unwrap(), store.clone());
        let sessions = sessions.revocation(revocation.clone()).build().unwrap();
        let ada = Identity::new("ada", json!({}));
        let refused = sessions.start(&ada, ClientInfo::new()).await.unwrap_err();
        assert_eq!(refused.kind(), SessionErrorKind::Unavailable);
        sessions.health().await.unwrap_err();
        assert_unavailable(&store).await;
        assert!(!revocation.status().is_available());

        server.restart();
        timeout(LIMIT, revocation.ready()).await.unwrap();
        eventually(async || store.health().await).await;
        let pair = sessions.start(&ada, ClientInfo::new()).await.unwrap();
        sessions
            .verifier()
            .verify(pair.access_token().as_str())
            .await
            .unwrap();
        assert_eq!(server.send("GET {countersign}:layout"), "$1\r\n2\r\n");
    });
}

#[test]
fn what_cannot_be_used_is_refused_at_once() {
    for url in ["", "http://127.0.0.1", "redis://user:hunter2@:x"] {
        let refused = RedisStore::builder().connect_lazy(url).unwrap_err();
        assert!(!format!("{refused:?}").contains("hunter2"));
    }
    let store = RedisStore::builder().prefix("{a}");
    assert!(store.connect_lazy("redis://127.0.0.1").is_err());
    let no_nodes: [&str; 0] = [];
    assert!(RedisStore::builder().cluster_lazy(no_nodes).is_err());
}

#[test]
fn another_layout_is_told_once_and_nothing_is_written_until_it_is_gone() {
    let Some(server) = Redis::start() else { return };
    assert_eq!(server.send("SET {countersign}:layout 3"), "+OK\r\n");
    let (reader, writer) = io::pipe().unwrap();
    let log = tracing_subscriber::fmt().with_writer(Arc::new(writer));
    tracing::subscriber::with_default(log.finish(), || {
        on_runtime(async {
            let store = RedisStore::builder().connect_lazy(&server.url()).unwrap();
            for _ in 0..3 {
                let refused = store.insert(&session(1, "ann"), START).await.unwrap_err();
                assert!(
                    format!("{refused:?}").contains("have layout 3"),
                    "{refused:?}"
                );
                assert_unavailable(&store).await;
            }
            assert_eq!(server.send("DBSIZE"), ":1\r\n");

            // A layout that says that programs of this one can use it.
            assert_eq!(server.send("SET {countersign}:layout \"3 2\""), "+OK\r\n");
            assert!(store.insert(&session(1, "ann"), START).await.unwrap());
            assert!(store.find(&id(1)).await.unwrap().is_some());
        });
    });
    let lines = io::read_to_string(reader).unwrap();
    assert_eq!(lines.matches("ERROR").count(), 1, "{lines}");
    assert!(
        lines.contains("have layout 3, and this program knows layout 2"),
        "{lines}"
    );
}

#[test]
fn a_cluster_may_come_later_too() {
    let Some(mut cluster) = RedisCluster::start() else {
        return;
    };
    on_runtime(async {
        for node in &mut cluster.nodes {
            node.kill();
        }
        let store = RedisStore::builder().cluster_lazy(cluster.urls()).unwrap();
        store.health().await.unwrap_err();
        for node in &mut cluster.nodes {
            node.restart();
        }
        eventually(async || store.health().await).await;
    });
}
