//! Tests of a store on PostgreSQL during and after a failure of the server or the network.

use std::time::Duration;

use countersign::{revocation::RevocationLog, session::store::SessionStore};
use countersign_sqlx::PostgresStore;
use countersign_tests::services::Postgres;
use sqlx::postgres::PgPoolOptions;

use crate::{
    lab::{
        Lab, NOW, OnPostgres, PATIENCE, START, add, digest, end, ended, entries, id, realm,
        refreshed, session, token,
    },
    proxy::Proxy,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_an_error_soon_and_back_without_a_restart_of_ours() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let store = PostgresStore::connect(&server.database()).await.unwrap();
    add(&store, &session(1)).await;
    store.append(&[token("a")]).await.unwrap();

    server.kill();
    let down = async {
        store.find(&id(1)).await.unwrap_err();
        store.mark().await.unwrap_err();
        store.insert(&session(2), START).await.unwrap_err();
        store
            .rotate(&digest(0), &refreshed(&session(1), digest(1)))
            .await
            .unwrap_err();
        store.end(&id(1), None).await.unwrap_err();
        store.read(None).await.unwrap_err();
    };
    // 2 seconds each, and a pause after the read.
    tokio::time::timeout(Duration::from_secs(15), down)
        .await
        .unwrap();

    server.restart();
    let next = refreshed(&session(1), digest(1));
    assert!(store.rotate(&digest(0), &next).await.unwrap());
    assert!(store.find(&id(1)).await.unwrap() == Some(next));
    assert_eq!(entries(&store).await, [token("a")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_in_the_middle_is_an_error_and_the_next_call_works() {
    const CUT: &str = "
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";

    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    add(&lab.store, &session(1)).await;
    let mut block = lab.pool.begin().await.unwrap();
    let lock = "LOCK TABLE countersign_sessions, countersign_counter IN EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *block).await.unwrap();
    let calls = [
        tokio::spawn({
            let (store, next) = (lab.store.clone(), refreshed(&session(1), digest(1)));
            async move { store.rotate(&digest(0), &next).await.map(drop) }
        }),
        tokio::spawn({
            let store = lab.store.clone();
            async move { store.end_all(&realm(), "ada", NOW, NOW).await.map(drop) }
        }),
    ];
    lab.until_waiting(2).await;
    assert_eq!(lab.number(CUT).await, 2);
    for call in calls {
        call.await.unwrap().unwrap_err();
    }
    block.rollback().await.unwrap();

    // Neither was half done.
    assert!(lab.store.find(&id(1)).await.unwrap() == Some(session(1)));
    assert!(entries(&lab.store).await.is_empty());
    assert!(end(&lab.store, 1, NOW).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_that_were_cut_are_replaced_without_an_error() {
    const CUT: &str = "
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";

    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    add(&lab.store, &session(1)).await;
    assert!(lab.number(CUT).await > 0);
    for _ in 0..10 {
        assert!(lab.store.find(&id(1)).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_falls_silent_is_an_error_in_time_and_its_connections_are_replaced() {
    let Some(server) = Postgres::shared() else {
        return;
    };
    let proxy = Proxy::to(server.port()).await;
    let url = server.database();
    let url = url.replace(&server.port().to_string(), &proxy.port().to_string());
    let store = PostgresStore::connect(&url)
        .await
        .unwrap()
        .timeout(Duration::from_secs(1));
    add(&store, &session(1)).await;
    let all_at_once = || {
        let calls: Vec<_> = (0..30)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move { store.find(&id(1)).await.map(drop) })
            })
            .collect();
        async {
            let mut failed = 0;
            for call in calls {
                failed += u32::from(call.await.unwrap().is_err());
            }
            failed
        }
    };
    assert_eq!(all_at_once().await, 0);
    proxy.fall_silent();
    let first = tokio::time::timeout(Duration::from_secs(5), store.find(&id(1))).await;
    first.unwrap().unwrap_err();
    // Each call that gets a silent connection fails, and leaves one fewer of them.
    let back = async { while all_at_once().await > 0 {} };
    tokio::time::timeout(PATIENCE, back).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_keeps_no_connection_in_a_silent_network() {
    let Some(server) = Postgres::shared() else {
        return;
    };
    let url = server.database();
    let blocker = sqlx::PgPool::connect(&url).await.unwrap();
    let proxy = Proxy::to(server.port()).await;
    let url = url.replace(&server.port().to_string(), &proxy.port().to_string());
    let store = PostgresStore::connect(&url).await.unwrap();
    let mut block = blocker.begin().await.unwrap();
    let lock = "LOCK TABLE countersign_sessions IN EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *block).await.unwrap();
    // More calls than connections.
    let calls: Vec<_> = (0..15)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.insert(&session(number), START).await.map(drop) })
        })
        .collect();
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                   AND datname = current_database()";
    let wait = async {
        while sqlx::query_scalar::<_, i64>(waiting)
            .fetch_one(&blocker)
            .await
            .unwrap()
            < 10
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap();
    proxy.fall_silent();
    for call in &calls {
        call.abort();
    }
    for call in calls {
        assert!(call.await.is_err());
    }
    block.rollback().await.unwrap();
    let back = async { while store.find(&id(1)).await.is_err() {} };
    tokio::time::timeout(PATIENCE, back).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_leaves_no_open_transaction() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    // With one connection, the next call gets the one that was given up.
    let pool = PgPoolOptions::new().max_connections(1);
    let store = PostgresStore::from_pool(pool.connect(&lab.url).await.unwrap());
    let realm = realm();
    for number in 0..200 {
        add(&store, &session(number)).await;
        let soon = Duration::from_micros(u64::from(number) * 20);
        let (id, entry) = (id(number), ended(number, NOW));
        let end = store.end(&id, Some(&entry));
        let _ = tokio::time::timeout(soon, end).await;
        let end_all = store.end_all(&realm, "bob", NOW, NOW);
        let _ = tokio::time::timeout(soon, end_all).await;
    }
    add(&store, &session(500)).await;
    // Other connections see the write that was answered.
    let there = format!(
        "SELECT count(*) FROM countersign_sessions WHERE id = '{}'",
        id(500)
    );
    assert_eq!(lab.number(&there).await, 1);
    let ended = 201
        - lab
            .number("SELECT count(*) FROM countersign_sessions")
            .await;
    let logged = "SELECT count(*) FROM countersign_revocations WHERE kind = 1";
    assert_eq!(ended, lab.number(logged).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_hangs_is_ended_by_the_server_too() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    let mut block = lab.pool.begin().await.unwrap();
    let lock = "LOCK TABLE countersign_sessions IN EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *block).await.unwrap();
    let hasty = lab.store.clone().timeout(Duration::from_millis(100));
    hasty.insert(&session(1), START).await.unwrap_err();
    // The client no longer waits for it, and within 5 seconds neither does the server.
    lab.until_waiting(0).await;
    block.rollback().await.unwrap();
    assert!(lab.store.find(&id(1)).await.unwrap().is_none());
}
