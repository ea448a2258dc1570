//! Tests of the settings of a store, and of its `Debug` text.

use std::{io, sync::Arc};

use countersign_redis::RedisStore;
use countersign_tests::services::Redis;
use tokio::time::timeout;

use crate::lab::{BOUND, connect, on_runtime};

#[test]
fn what_cannot_be_used_is_refused_when_it_connects() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        for prefix in ["", "{a}", "a b"] {
            let store = RedisStore::builder().prefix(prefix);
            assert!(store.connect(&server.url()).await.is_err(), "{prefix:?}");
        }
        let nobody = "redis://user:hunter2@127.0.0.1:1";
        for url in ["", "http://127.0.0.1", "redis://user:hunter2@:x", nobody] {
            let refused = timeout(BOUND, RedisStore::connect(url)).await.unwrap();
            let refused = format!("{:?}", refused.unwrap_err());
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        let no_nodes: [&str; 0] = [];
        assert!(RedisStore::cluster(no_nodes).await.is_err());
        let refused = timeout(BOUND, RedisStore::cluster([nobody])).await.unwrap();
        let refused = format!("{:?}", refused.unwrap_err());
        assert!(!refused.contains("hunter2"), "{refused}");
    });
}

#[test]
fn a_server_that_makes_room_by_removing_keys_is_warned_of() {
    let Some(server) = Redis::start() else { return };
    for (policy, is_warned_of) in [("noeviction", false), ("volatile-lru", true)] {
        let set = format!("CONFIG SET maxmemory-policy {policy}");
        assert_eq!(server.send(&set), "+OK\r\n");
        let (reader, writer) = io::pipe().unwrap();
        let log = tracing_subscriber::fmt().with_writer(Arc::new(writer));
        tracing::subscriber::with_default(log.finish(), || {
            on_runtime(async { drop(connect(&server).await) });
        });
        let lines = io::read_to_string(reader).unwrap();
        let words = format!("set maxmemory-policy to noeviction policy={policy:?}");
        assert_eq!(lines.contains(&words), is_warned_of, "{lines}");
        assert_eq!(lines.is_empty(), !is_warned_of, "{lines}");
    }
}

#[test]
fn debug_shows_the_name_of_the_log_only() {
    let Some(server) = Redis::start() else { return };
    on_runtime(async {
        let shown = format!("{:?}", connect(&server).await);
        assert_eq!(shown, r#"RedisStore { log: "{countersign}:log", .. }"#);
    });
}
