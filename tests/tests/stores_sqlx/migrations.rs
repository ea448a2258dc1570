//! Tests of creating the tables, and of the rights that this takes.

use countersign::{revocation::RevocationLog, session::store::SessionStore};
use countersign_sqlx::{PostgresStore, SetupError, SqliteStore};
use countersign_tests::services::Postgres;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool, raw_sql};

use crate::lab::{Folder, Lab, OnPostgres, OnSqlite, add, end, id, on_both, session, time_of_day};

const TABLES: &str = "
    SELECT (SELECT count(*) FROM countersign_sessions)
         + (SELECT count(*) FROM countersign_revocations)
         + (SELECT count(*) FROM countersign_endings)
         + (SELECT count(*) FROM countersign_rings)
         + (SELECT count(*) FROM countersign_api_keys)
         + (SELECT count(*) FROM countersign_proofs)
         + (SELECT last FROM countersign_counter)
         + (SELECT count(*) FROM countersign_epoch WHERE id IS NOT NULL)
         + (SELECT version FROM countersign_schema)";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_has_all_tables_and_version_6() {
    async fn check(lab: impl Lab) {
        assert_eq!(lab.number(TABLES).await, 6);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn opening_again_keeps_what_is_there() {
    let postgres = async |lab: OnPostgres| {
        add(&lab.store, &session(1)).await;
        let again = PostgresStore::connect(&lab.url).await.unwrap();
        assert!(again.find(&id(1)).await.unwrap().is_some());
    };
    let sqlite = async |lab: OnSqlite| {
        add(&lab.store, &session(1)).await;
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
        add(&store, &session(1)).await;
    }
    let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
    for _ in 0..2 {
        SqliteStore::migrate(&pool).await.unwrap();
    }
    let store = SqliteStore::from_pool(pool);
    add(&store, &session(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_newer_version_are_refused() {
    const NEWER: &str = "UPDATE countersign_schema SET version = 7, compatible_from = 7";

    #[track_caller]
    fn check(refused: &SetupError) {
        assert!(matches!(
            refused,
            SetupError::NewerSchema { found: 7, known: 6 }
        ));
        assert_eq!(
            refused.to_string(),
            "the tables have version 7, and this program knows version 6"
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
    add(&store, &session(1)).await;
    assert!(end(&store, 1, 0).await);
    assert_eq!(store.sweep(0).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_told_without_the_password() {
    // Nothing listens on the port of a closed listener.
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

/// Returns the tables of version 1, with a session and a revocation that expire at these times.
fn version_1(postgres: bool, expires_at: i64, until: i64) -> String {
    let (number, bytes, end) = match postgres {
        true => ("BIGINT", "BYTEA", ""),
        false => ("INTEGER", "BLOB", "STRICT"),
    };
    let digest = match postgres {
        true => r"'\x00'",
        false => "x'00'",
    };
    format!(
        "CREATE TABLE countersign_schema (version {number} NOT NULL) {end};
         INSERT INTO countersign_schema (version) VALUES (1);
         CREATE TABLE countersign_sessions (
            id TEXT PRIMARY KEY, subject TEXT NOT NULL, label TEXT, binding {bytes},
            created_at {number} NOT NULL, last_used_at {number} NOT NULL,
            expires_at {number} NOT NULL, absolute_expires_at {number} NOT NULL,
            current {bytes} NOT NULL, previous {bytes}, salt {bytes}
         ) {end};
         CREATE INDEX countersign_sessions_subject ON countersign_sessions (subject);
         CREATE INDEX countersign_sessions_expires_at ON countersign_sessions (expires_at);
         CREATE TABLE countersign_counter (last {number} NOT NULL) {end};
         INSERT INTO countersign_counter (last) VALUES (7);
         CREATE TABLE countersign_revocations (
            id {number} PRIMARY KEY, kind {number} NOT NULL, name TEXT NOT NULL,
            issued_before {number}, until {number} NOT NULL
         ) {end};
         CREATE INDEX countersign_revocations_until ON countersign_revocations (until);
         INSERT INTO countersign_sessions
            (id, subject, created_at, last_used_at, expires_at, absolute_expires_at, current)
         VALUES ('AAECAwQFBgcICQoLDA0ODw', 'ada', 0, 0, {expires_at}, {expires_at}, {digest});
         INSERT INTO countersign_revocations (id, kind, name, until) VALUES (7, 0, 'a', {until})"
    )
}

/// Opens stores on these tables of version 1, in each of the available databases.
async fn open_version_1(expires_at: i64, until: i64) -> Vec<Result<(), SetupError>> {
    let mut opened = Vec::new();
    if let Some(server) = Postgres::shared() {
        let url = server.database();
        let pool = PgPool::connect(&url).await.unwrap();
        let tables = AssertSqlSafe(version_1(true, expires_at, until));
        raw_sql(tables).execute(&pool).await.unwrap();
        let store = PostgresStore::connect(&url).await;
        if let Ok(store) = &store {
            add(store, &session(1)).await;
            assert_eq!(store.read(None).await.unwrap().entries, []);
        } else {
            let left = "SELECT count(*) FROM countersign_sessions WHERE subject = 'ada'";
            let left: i64 = sqlx::query_scalar(left).fetch_one(&pool).await.unwrap();
            assert_eq!(left, 1);
        }
        opened.push(store.map(drop));
    }
    let folder = Folder::new();
    let url = format!("{}?mode=rwc", folder.file().display());
    let pool = SqlitePool::connect(&url).await.unwrap();
    let tables = AssertSqlSafe(version_1(false, expires_at, until));
    raw_sql(tables).execute(&pool).await.unwrap();
    let store = SqliteStore::open(folder.file()).await;
    if let Ok(store) = &store {
        add(store, &session(1)).await;
        assert_eq!(store.read(None).await.unwrap().entries, []);
    } else {
        let left = "SELECT count(*) FROM countersign_sessions WHERE subject = 'ada'";
        let left: i64 = sqlx::query_scalar(left).fetch_one(&pool).await.unwrap();
        assert_eq!(left, 1);
    }
    opened.push(store.map(drop));
    opened
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_version_1_in_which_something_lives_are_refused_with_what_to_do() {
    let [past, future] = [-10, 3_600].map(|seconds| time_of_day() + seconds);
    for (expires_at, until, counts) in [
        (future, past, "1 sessions and 0 revocations"),
        (past, future, "0 sessions and 1 revocations"),
        (future, future, "1 sessions and 1 revocations"),
    ] {
        for opened in open_version_1(expires_at, until).await {
            let refused = opened.unwrap_err();
            assert!(matches!(refused, SetupError::EarlierSchema { .. }));
            let text = refused.to_string();
            for part in [
                counts,
                "`DELETE FROM countersign_sessions`",
                "`DELETE FROM countersign_revocations`",
            ] {
                assert!(text.contains(part), "{text}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_version_1_in_which_all_has_expired_are_replaced() {
    let past = time_of_day() - 10;
    for opened in open_version_1(past, past).await {
        opened.unwrap();
    }
}
