//! How the tables are made, and by whom.

use countersign::SessionStore;
use countersign_sqlx::{PostgresStore, SetupError, SqliteStore};
use countersign_tests::services::Postgres;
use sqlx::{PgPool, SqlitePool};

use crate::lab::{Folder, Lab, OnPostgres, OnSqlite, id, on_both, session};

const TABLES: &str = "
    SELECT (SELECT count(*) FROM countersign_sessions)
         + (SELECT count(*) FROM countersign_revocations)
         + (SELECT last FROM countersign_counter)
         + (SELECT version FROM countersign_schema)";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_has_all_tables_and_version_1() {
    async fn check(lab: impl Lab) {
        assert_eq!(lab.number(TABLES).await, 1);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_again_keeps_what_is_there() {
    let postgres = async |lab: OnPostgres| {
        lab.store.insert(&session(1)).await.unwrap();
        let again = PostgresStore::connect(&lab.url).await.unwrap();
        assert!(again.find(&id(1)).await.unwrap().is_some());
    };
    let sqlite = async |lab: OnSqlite| {
        lab.store.insert(&session(1)).await.unwrap();
        let again = SqliteStore::open(lab.folder.file()).await.unwrap();
        assert!(again.find(&id(1)).await.unwrap().is_some());
    };
    on_both(postgres, sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_postgres_nodes_may_start_at_the_same_moment() {
    let Some(server) = Postgres::shared() else {
        return;
    };
    for _ in 0..5 {
        let url = server.database();
        let start = || {
            let url = url.clone();
            tokio::spawn(async move { PostgresStore::connect(&url).await.map(drop) })
        };
        let nodes: Vec<_> = (0..8).map(|_| start()).collect();
        for node in nodes {
            node.await.unwrap().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_programs_may_open_a_new_sqlite_file_at_the_same_moment() {
    for _ in 0..20 {
        let folder = Folder::new();
        let open = || {
            let file = folder.file();
            tokio::spawn(async move { SqliteStore::open(file).await.map(drop) })
        };
        let programs: Vec<_> = (0..8).map(|_| open()).collect();
        for program in programs {
            program.await.unwrap().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_of_the_app_gets_its_tables_by_migrate() {
    if let Some(server) = Postgres::shared() {
        let pool = PgPool::connect(&server.database()).await.unwrap();
        for _ in 0..2 {
            PostgresStore::migrate(&pool).await.unwrap();
        }
        let store = PostgresStore::from_pool(pool);
        store.insert(&session(1)).await.unwrap();
    }
    let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
    for _ in 0..2 {
        SqliteStore::migrate(&pool).await.unwrap();
    }
    let store = SqliteStore::from_pool(pool);
    store.insert(&session(1)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_newer_version_are_refused() {
    const NEWER: &str = "UPDATE countersign_schema SET version = 2";

    #[track_caller]
    fn check(refused: &SetupError) {
        assert!(matches!(
            refused,
            SetupError::NewerSchema { found: 2, known: 1 }
        ));
        assert_eq!(
            refused.to_string(),
            "the tables have version 2, and this program knows version 1"
        );
    }
    let postgres = async |lab: OnPostgres| {
        lab.run(NEWER).await;
        check(&PostgresStore::connect(&lab.url).await.unwrap_err());
        check(&PostgresStore::migrate(&lab.pool).await.unwrap_err());
    };
    let sqlite = async |lab: OnSqlite| {
        lab.run(NEWER).await;
        check(&SqliteStore::open(lab.folder.file()).await.unwrap_err());
        check(&SqliteStore::migrate(&lab.pool).await.unwrap_err());
    };
    on_both(postgres, sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_create_tables_can_start_once_they_are_there() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    lab.run(
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC;
         CREATE ROLE app LOGIN;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app",
    )
    .await;
    let url = lab.url.replace("postgres@", "app@");
    let store = PostgresStore::connect(&url).await.unwrap();
    store.insert(&session(1)).await.unwrap();
    assert!(store.end(&id(1), 0).await.unwrap());
    assert_eq!(store.sweep(0).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_told_without_the_password() {
    // Nothing listens on the port that a listener has just left.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let url = format!("postgres://app:swordfish@127.0.0.1:{port}/app");
    let refused = PostgresStore::connect(&url).await.unwrap_err();
    assert!(matches!(refused, SetupError::Database(_)));
    let text = refused.to_string();
    assert!(text.contains("refused"), "{text}");
    assert!(!format!("{refused:?} {text}").contains("swordfish"));
}
