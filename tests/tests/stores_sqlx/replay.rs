//! Tests of used proofs in PostgreSQL and SQLite.

use std::time::Duration;

use countersign::{
    proof::{ReplayKey, ReplayStore, Thumbprint},
    session::store::StoreError,
    testing::replay_suite,
};
use countersign_sqlx::{
    PostgresReplayStore, PostgresStore, SetupError, SqliteReplayStore, SqliteStore,
};
use countersign_tests::services::Postgres;
use tokio::{task::JoinSet, time::timeout};

use crate::lab::{Lab, NOW, OnPostgres, OnSqlite, PATIENCE, on_both, time_of_day};

const RACERS: usize = 50;
const ROUNDS: u32 = 200;

const ROWS: &str = "SELECT count(*) FROM countersign_proofs";

fn key(jti: u32) -> ReplayKey {
    ReplayKey::new(Thumbprint::from_bytes([7; 32]), &jti.to_string())
}

async fn insert(store: &impl ReplayStore, jti: u32) -> Result<bool, StoreError> {
    store.insert(key(jti), NOW, NOW + 90).await
}

/// Checks that of many requests with one proof, on two nodes, one is told that it is new: many times.
async fn race<S: ReplayStore + Clone>(nodes: [S; 2]) {
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

#[tokio::test(flavor = "multi_thread")]
async fn postgres_passes_the_suite_and_of_racers_on_two_nodes_one_wins() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    let node = async || PostgresReplayStore::connect(&lab.url).await.unwrap();
    replay_suite(node().await, node().await).await;
    race([node().await, node().await]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_passes_the_suite_and_of_racers_on_two_nodes_one_wins() {
    let lab = OnSqlite::new().await;
    let node = async || SqliteReplayStore::open(lab.folder.file()).await.unwrap();
    replay_suite(node().await, node().await).await;
    race([node().await, node().await]).await;
}

/// Inserts proofs until the sweeps that they start have left no more rows than this.
async fn until_swept(
    store: &impl ReplayStore,
    lab: &impl Lab,
    now: i64,
    jtis: &mut impl Iterator<Item = u32>,
) {
    // As many as start one sweep at least.
    for jti in jtis.take(300) {
        assert!(store.insert(key(jti), now, now + 90).await.unwrap());
    }
    let swept = format!(
        "SELECT count(*) FROM countersign_proofs WHERE until < {}",
        now - 30
    );
    let wait = async {
        while lab.number(&swept).await > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_whose_time_is_over_are_swept_and_no_others() {
    async fn check<L: Lab>(lab: L, store: impl ReplayStore) {
        let (now, mut jtis) = (time_of_day(), 0..);
        let all: Vec<_> = [-1_000, -31, -29, 0, 90]
            .into_iter()
            .map(|after| (jtis.next().unwrap(), now + after))
            .collect();
        // The first insert starts a sweep, when there is nothing yet.
        for (jti, until) in &all {
            let inserted = store.insert(key(*jti), until - 9, *until).await;
            assert!(inserted.unwrap());
        }
        until_swept(&store, &lab, now, &mut jtis).await;
        let left: Vec<_> = all.iter().filter(|(_, until)| *until >= now - 30).collect();
        assert_eq!(left.len(), 3);
        for (jti, until) in left {
            let inserted = store.insert(key(*jti), now, *until).await;
            assert!(!inserted.unwrap(), "{jti}");
        }

        // A node whose clock is far ahead deletes nothing that others need: the clock of the database is not.
        let fresh = format!("{ROWS} WHERE until >= {now}");
        let rows = lab.number(&fresh).await;
        let ahead = now + 100_000;
        for jti in jtis.take(600) {
            let inserted = store.insert(key(jti), ahead, ahead + 90).await;
            assert!(inserted.unwrap());
        }
        assert_eq!(lab.number(&fresh).await, rows + 600);
    }
    let postgres = async |lab: OnPostgres| {
        let store = PostgresReplayStore::new(lab.store.clone());
        check(lab, store).await;
    };
    let sqlite = async |lab: OnSqlite| {
        let store = SqliteReplayStore::new(lab.store.clone());
        check(lab, store).await;
    };
    on_both(postgres, sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_leaves_the_row_as_it_is_and_prefixes_share_nothing() {
    async fn check<S: ReplayStore>(lab: impl Lab, store: S, other: S) {
        assert!(insert(&store, 1).await.unwrap());
        let longer = store.insert(key(1), NOW, NOW + 9_000).await;
        assert!(!longer.unwrap());
        let until = lab.number("SELECT until FROM countersign_proofs").await;
        assert_eq!(until, NOW + 90);
        assert!(insert(&other, 1).await.unwrap());
        assert!(!insert(&other, 1).await.unwrap());
        assert_eq!(lab.number("SELECT count(*) FROM shop_proofs").await, 1);
    }
    let postgres = async |lab: OnPostgres| {
        let other = PostgresStore::builder().table_prefix("shop_");
        let other = other.connect(&lab.url).await.unwrap();
        let store = PostgresReplayStore::from(lab.store.clone());
        check(lab, store, other.into()).await;
    };
    let sqlite = async |lab: OnSqlite| {
        let other = SqliteStore::builder().table_prefix("shop_");
        let other = other.open(lab.folder.file()).await.unwrap();
        let store = SqliteReplayStore::from(lab.store.clone());
        check(lab, store, other.into()).await;
    };
    on_both(postgres, sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_an_error_and_nothing_is_accepted_twice() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let url = server.database();
    let store = PostgresReplayStore::connect(&url).await.unwrap();
    assert!(insert(&store, 1).await.unwrap());
    server.kill();
    let down = async {
        for jti in [1, 2, 2] {
            insert(&store, jti).await.unwrap_err();
        }
    };
    // 2 seconds each.
    timeout(Duration::from_secs(10), down).await.unwrap();
    server.restart();
    assert!(!insert(&store, 1).await.unwrap());
    assert!(insert(&store, 3).await.unwrap());
    assert!(!insert(&store, 3).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_that_is_cut_in_the_middle_is_an_error_and_tells_nobody_else_too_much() {
    const CUT: &str = "
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";

    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    let store = PostgresReplayStore::new(lab.store.clone());
    let mut block = lab.pool.begin().await.unwrap();
    let lock = "LOCK TABLE countersign_proofs IN EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *block).await.unwrap();
    let call = tokio::spawn({
        let store = store.clone();
        async move { insert(&store, 1).await }
    });
    lab.until_waiting(1).await;
    assert_eq!(lab.number(CUT).await, 1);
    call.await.unwrap().unwrap_err();
    block.rollback().await.unwrap();
    // It was not done: the proof is new, once.
    assert!(insert(&store, 1).await.unwrap());
    assert!(!insert(&store, 1).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_program_has_locked_is_an_error_in_time_and_used_again() {
    let lab = OnSqlite::new().await;
    let store = SqliteReplayStore::new(lab.store.clone());
    let hasty = lab.store.clone().timeout(Duration::from_millis(200));
    let hasty = SqliteReplayStore::new(hasty);
    assert!(insert(&store, 1).await.unwrap());
    let block = lab.pool.begin_with("BEGIN EXCLUSIVE").await.unwrap();
    insert(&hasty, 2).await.unwrap_err();
    block.rollback().await.unwrap();
    assert!(!insert(&store, 1).await.unwrap());
    assert!(insert(&store, 3).await.unwrap());
    // The statement whose answer nobody waited for may have been done.
    let _ = insert(&store, 2).await.unwrap();
    assert!(!insert(&store, 2).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_survive_a_restart_of_the_program() {
    let lab = OnSqlite::new().await;
    let open = async || SqliteReplayStore::open(lab.folder.file()).await.unwrap();
    assert!(insert(&open().await, 1).await.unwrap());
    assert!(!insert(&open().await, 1).await.unwrap());

    let elsewhere = SqliteReplayStore::open("/nonexistent/proofs.db").await;
    assert!(matches!(
        elsewhere.unwrap_err(),
        SetupError::MissingFolder(_)
    ));
}
