//! Tests of the check whether a database can be used: one that reads and refuses writes cannot.

use std::time::Duration;

use countersign::session::store::SessionStore;
use countersign_sqlx::PostgresStore;

use crate::lab::{Lab, OnPostgres, OnSqlite, PATIENCE, add, id, on_both, session};

/// All that is in the tables.
const ROWS: &str = "
    SELECT (SELECT count(*) FROM countersign_sessions)
         + (SELECT count(*) FROM countersign_revocations)
         + (SELECT count(*) FROM countersign_endings)
         + (SELECT last FROM countersign_counter)
         + (SELECT version FROM countersign_schema)";

#[tokio::test(flavor = "multi_thread")]
async fn a_database_in_good_order_is_healthy_and_nothing_is_left_behind() {
    async fn check(lab: impl Lab) {
        add(lab.store(), &session(1)).await;
        let rows = lab.number(ROWS).await;
        for _ in 0..3 {
            lab.store().health().await.unwrap();
        }
        assert_eq!(lab.number(ROWS).await, rows);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_refuses_writes_is_not_healthy_until_it_takes_them_again() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    add(&lab.store, &session(1)).await;
    let url = &lab.url;
    let database = url.rsplit('/').next().unwrap();
    for (read_only, word) in [("on", "read-only"), ("off", "")] {
        let sql =
            format!("ALTER DATABASE {database} SET default_transaction_read_only = {read_only}");
        let cut = "SET default_transaction_read_only = off;
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        lab.run(&format!(
            "SET default_transaction_read_only = off; {sql}; {cut}"
        ))
        .await;
        assert!(lab.store.find(&id(1)).await.unwrap().is_some());
        let health = lab.store.health().await;
        assert_eq!(health.is_ok(), word.is_empty(), "{health:?}");
        assert!(format!("{health:?}").contains(word), "{health:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_nobody_may_read_is_not_healthy_while_that_lasts() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    let quick = PostgresStore::from_pool(lab.pool.clone()).timeout(Duration::from_millis(500));
    quick.health().await.unwrap();
    let mut block = lab.pool.begin().await.unwrap();
    let lock = "LOCK TABLE countersign_sessions IN ACCESS EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *block).await.unwrap();
    quick.health().await.unwrap_err();
    block.rollback().await.unwrap();
    quick.health().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_program_keeps_for_itself_is_not_healthy_while_that_lasts() {
    let lab = OnSqlite::new().await;
    let quick = lab.store.clone().timeout(Duration::from_millis(500));
    quick.health().await.unwrap();
    let block = lab.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    quick.health().await.unwrap_err();
    block.rollback().await.unwrap();
    let healthy = async { while quick.health().await.is_err() {} };
    tokio::time::timeout(PATIENCE, healthy).await.unwrap();
}
