//! The commands by which an operator marks restored data, as the runbook has them.

use std::{fs, path::Path};

use countersign::{
    Clock, SystemClock,
    session::store::{SessionStore, StoreEpoch},
};
use countersign_redis::RedisStore;
use countersign_sqlx::{PostgresStore, SqliteStore};
use countersign_tests::services::{Postgres, Redis, RedisCluster};
use sqlx::{PgPool, SqlitePool, raw_sql};

/// For `psql` and `sqlite3`.
pub(crate) const SQL: &str = "UPDATE countersign_epoch SET id = 'restored'";
/// For `redis-cli`.
const REDIS: &str = "HSET '{countersign}:epoch' id restored";

async fn epoch(store: &impl SessionStore) -> StoreEpoch {
    store.epoch().await.unwrap().unwrap()
}

/// Checks that a command begins an epoch.
async fn check(store: impl SessionStore, command: impl AsyncFn()) {
    let first = epoch(&store).await;
    assert_eq!(first.since(), None);
    for _ in 0..2 {
        let before = SystemClock.now();
        command().await;
        let next = epoch(&store).await;
        assert_eq!(next.id(), first.id(), "the server is the same");
        let since = next.since().unwrap();
        assert!(
            (before - 1..=SystemClock.now() + 1).contains(&since),
            "{since}"
        );
        assert_eq!(epoch(&store.clone()).await, next);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_for_each_store_begins_an_epoch() {
    if let Some(server) = Redis::start() {
        let store = RedisStore::connect(&server.url()).await.unwrap();
        check(store, async || {
            let command = REDIS.replace('\'', "");
            assert!(server.send(&command).starts_with(':'));
        })
        .await;
    }
    if let Some(server) = Postgres::shared() {
        let url = server.database();
        let database = url.rsplit('/').next().unwrap();
        let store = PostgresStore::connect(&url).await.unwrap();
        check(store, async || {
            assert_eq!(server.query(database, SQL).trim(), "UPDATE 1");
        })
        .await;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sessions.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let pool = SqlitePool::connect(file.to_str().unwrap()).await.unwrap();
    check(store, async || {
        let done = raw_sql(SQL).execute(&pool).await.unwrap();
        assert_eq!(done.rows_affected(), 1);
    })
    .await;
}

#[test]
fn the_runbook_has_these_commands() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/OPERATIONS.md");
    let docs = fs::read_to_string(docs).unwrap();
    for command in [
        format!("redis-cli -u URL {REDIS}"),
        format!("psql URL -c \"{SQL}\""),
        format!("sqlite3 FILE \"{SQL}\""),
    ] {
        assert!(docs.contains(&command), "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_restarted_begins_an_epoch_and_one_that_was_not_goes_on() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    let before = RedisStore::connect(&server.url()).await.unwrap();
    let first = epoch(&before).await;
    let other = RedisStore::connect(&server.url()).await.unwrap();
    assert_eq!(epoch(&other).await, first);
    server.restart();
    let after = RedisStore::connect(&server.url()).await.unwrap();
    let second = epoch(&after).await;
    assert_ne!(second.id(), first.id());
    assert!(second.since().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_has_the_epoch_of_the_node_with_the_keys() {
    let Some(mut cluster) = RedisCluster::start() else {
        return;
    };
    let store = RedisStore::cluster(cluster.urls()).await.unwrap();
    let first = epoch(&store).await;
    assert_eq!((epoch(&store).await, first.since()), (first.clone(), None));
    let has_it = |node: &Redis| {
        let info = node.send("INFO replication");
        info.contains(&format!("master_replid:{}", first.id()))
    };
    let owner = cluster.nodes.iter().position(has_it).unwrap();
    for (number, node) in cluster.nodes.iter_mut().enumerate() {
        if number != owner {
            node.restart();
        }
    }
    let store = RedisStore::cluster(cluster.urls()).await.unwrap();
    assert_eq!(epoch(&store).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_info_has_only_what_others_have_noticed_and_the_marker() {
    let Some(server) = Redis::start() else { return };
    let address = server.address();
    for (number, has_name) in [false, true].into_iter().enumerate() {
        let prefix = format!("store{number}");
        let builder = || RedisStore::builder().prefix(&prefix);
        let full = builder().connect(&server.url()).await.unwrap();
        let user = "ACL SETUSER bob on >secret ~* +@all -info";
        assert_eq!(server.send(user), "+OK\r\n");
        let blind = builder()
            .connect(&format!("redis://bob:secret@{address}"))
            .await
            .unwrap();
        if has_name {
            let first = epoch(&full).await;
            assert_eq!(epoch(&blind).await, first);
            assert_eq!(epoch(&full).await, first);
        } else {
            assert_eq!(epoch(&blind).await, StoreEpoch::new("unknown", None));
        }
        blind.mark_restored().await.unwrap();
        let marked = epoch(&blind).await;
        assert_eq!(marked.id(), "unknown");
        assert!(marked.since().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_role_of_postgres_learns_the_epoch_and_a_standby_is_an_error() {
    let Some(server) = Postgres::shared() else {
        return;
    };
    let url = server.database();
    let database = url.rsplit('/').next().unwrap();
    let owner = PostgresStore::connect(&url).await.unwrap();
    let first = epoch(&owner).await;
    assert!(first.id().ends_with(" 00000001"), "{}", first.id());
    let _ = server.query(
        database,
        "CREATE ROLE plain LOGIN; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO plain",
    );
    let url = url.replace("postgres@", "plain@");
    let plain = PostgresStore::connect(&url).await.unwrap();
    assert_eq!(epoch(&plain).await, first);

    let standby = server.standby();
    let pool = PgPool::connect(&standby.url_of(database)).await.unwrap();
    assert!(PostgresStore::from_pool(pool).epoch().await.is_err());

    // One that may not know the cluster leaves what others have written, and they do not take turns.
    let _ = server.query(
        database,
        "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
    );
    for store in [&plain, &owner, &plain] {
        assert_eq!(epoch(store).await, first);
    }

    // Where the functions are refused, as some managed databases do, there is the marker.
    let _ = server.query(
        database,
        "REVOKE EXECUTE ON FUNCTION pg_current_wal_lsn() FROM PUBLIC",
    );
    assert_eq!(epoch(&plain).await, first);
    plain.mark_restored().await.unwrap();
    let marked = epoch(&plain).await;
    assert_eq!(marked.id(), "unknown");
    assert!(marked.since().is_some());
    assert_eq!(epoch(&plain).await, marked);
}
