//! Tests of programs of one version on the tables of another.

use countersign::session::store::SessionStore;
use countersign_sqlx::{PostgresStore, SetupError, SqliteStore};
use countersign_tests::services::Postgres;
use sqlx::{PgPool, SqlitePool};

use crate::{
    lab::{Folder, Lab, OnPostgres, OnSqlite, add, on_both, session},
    version_2::BACK,
};

/// What a later version might add.
pub(crate) const VERSION_7: &str = "
    ALTER TABLE countersign_sessions ADD COLUMN device TEXT NOT NULL DEFAULT 'none';
    CREATE TABLE countersign_devices (name TEXT NOT NULL);
    UPDATE countersign_schema SET version = 7, compatible_from = 6;";

/// Makes the tables what they were in version 3.
pub(crate) const BACK_TO_3: &str = "
    DROP TABLE countersign_proofs;
    DROP TABLE countersign_api_keys;
    DROP TABLE countersign_rings;
    DROP TABLE countersign_epoch;
    UPDATE countersign_schema SET version = 3, compatible_from = 2";

/// Makes the tables what they were in version 4.
pub(crate) const BACK_TO_4: &str = "
    DROP TABLE countersign_proofs;
    DROP TABLE countersign_api_keys;
    UPDATE countersign_schema SET version = 4, compatible_from = 2";

/// Makes the tables what they were in version 5.
pub(crate) const BACK_TO_5: &str = "
    DROP TABLE countersign_proofs;
    UPDATE countersign_schema SET version = 5, compatible_from = 2";

const VERSION: &str = "SELECT version FROM countersign_schema";

/// Opens a store, in each of the ways that there are.
pub(crate) trait Opens: Lab {
    async fn open(&self) -> Result<Self::Store, SetupError>;
    async fn open_without_migration(&self) -> Result<Self::Store, SetupError>;
    async fn migrate(&self) -> Result<(), SetupError>;
    /// Migrates as a later version does: in one transaction.
    async fn migrate_to(&self, version: &str);
    /// Uses the connections of the app.
    fn on_pool(&self) -> Self::Store;
}

impl Opens for OnPostgres {
    async fn open(&self) -> Result<PostgresStore, SetupError> {
        PostgresStore::connect(&self.url).await
    }

    async fn open_without_migration(&self) -> Result<PostgresStore, SetupError> {
        let builder = PostgresStore::builder().without_migration();
        builder.connect(&self.url).await
    }

    async fn migrate(&self) -> Result<(), SetupError> {
        PostgresStore::migrate(&self.pool).await
    }

    async fn migrate_to(&self, version: &str) {
        self.run(&format!("BEGIN; {version}; COMMIT")).await;
    }

    fn on_pool(&self) -> PostgresStore {
        PostgresStore::from_pool(self.pool.clone())
    }
}

impl Opens for OnSqlite {
    async fn open(&self) -> Result<SqliteStore, SetupError> {
        SqliteStore::open(self.folder.file()).await
    }

    async fn open_without_migration(&self) -> Result<SqliteStore, SetupError> {
        let builder = SqliteStore::builder().without_migration();
        builder.open(self.folder.file()).await
    }

    async fn migrate(&self) -> Result<(), SetupError> {
        SqliteStore::migrate(&self.pool).await
    }

    async fn migrate_to(&self, version: &str) {
        self.run(&format!("BEGIN IMMEDIATE; {version}; COMMIT"))
            .await;
    }

    fn on_pool(&self) -> SqliteStore {
        SqliteStore::from_pool(self.pool.clone())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_later_version_that_programs_of_this_one_can_use_are_used() {
    async fn check(lab: impl Opens) {
        lab.run(VERSION_7).await;
        for number in 0..2 {
            let store = lab.open().await.unwrap();
            add(&store, &session(number)).await;
            let store = lab.open_without_migration().await.unwrap();
            assert!(
                store
                    .end(&session(number).id, None)
                    .await
                    .unwrap()
                    .is_some()
            );
            lab.migrate().await.unwrap();
            lab.on_pool().health().await.unwrap();
        }
        assert_eq!(lab.number(VERSION).await, 7);
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_do_not_say_who_can_use_them_are_for_their_own_version() {
    async fn check(lab: impl Opens) {
        lab.run("ALTER TABLE countersign_schema DROP COLUMN compatible_from")
            .await;
        lab.open().await.unwrap();
        lab.migrate().await.unwrap();
        lab.run("UPDATE countersign_schema SET version = 7").await;
        let refused = lab.open().await.unwrap_err();
        assert!(matches!(
            refused,
            SetupError::NewerSchema { found: 7, known: 6 }
        ));
        // As a row without a value.
        lab.run("ALTER TABLE countersign_schema ADD COLUMN compatible_from INTEGER")
            .await;
        lab.open().await.unwrap_err();
        lab.run("UPDATE countersign_schema SET version = 6").await;
        lab.open().await.unwrap();
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_migrate_is_told_to_and_changes_nothing() {
    async fn check(lab: impl Opens) {
        lab.run(BACK).await;
        let refused = lab.open_without_migration().await.unwrap_err();
        assert!(matches!(
            refused,
            SetupError::OlderSchema { found: 2, known: 6 }
        ));
        let refused = format!("{:?}", lab.on_pool().health().await.unwrap_err());
        assert!(refused.contains("Migrate them with `migrate`"), "{refused}");
        assert_eq!(lab.number(VERSION).await, 2);
        lab.migrate().await.unwrap();
        assert_eq!(lab.number(VERSION).await, 6);
        lab.open_without_migration().await.unwrap();
    }
    on_both(check, check).await;

    let folder = Folder::new();
    let builder = SqliteStore::builder().without_migration();
    let refused = builder.open(folder.file()).await.unwrap_err();
    assert!(matches!(refused, SetupError::MissingTables));
    if let Some(server) = Postgres::shared() {
        let builder = PostgresStore::builder().without_migration();
        let refused = builder.connect(&server.database()).await.unwrap_err();
        assert!(matches!(refused, SetupError::MissingTables));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_through_a_pool_to_tables_of_another_version_until_they_are_those_of_this_one()
 {
    async fn check(lab: impl Opens) {
        lab.run("UPDATE countersign_schema SET version = 8, compatible_from = 7")
            .await;
        let store = lab.on_pool();
        for _ in 0..2 {
            let begun = crate::lab::START;
            let refused = store.insert(&session(1), begun).await.unwrap_err();
            assert!(format!("{refused:?}").contains("version 8"), "{refused:?}");
            store.find(&session(1).id).await.unwrap_err();
        }
        assert_eq!(
            lab.number("SELECT count(*) FROM countersign_sessions")
                .await,
            0
        );
        lab.run("UPDATE countersign_schema SET version = 7, compatible_from = 6")
            .await;
        add(&store, &session(1)).await;
    }
    on_both(check, check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_without_tables_is_an_error_that_says_so() {
    let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
    let refused = SqliteStore::from_pool(pool).health().await.unwrap_err();
    assert!(
        format!("{refused:?}").contains("there are no tables"),
        "{refused:?}"
    );
    if let Some(server) = Postgres::shared() {
        let pool = PgPool::connect(&server.database()).await.unwrap();
        let refused = PostgresStore::from_pool(pool).health().await.unwrap_err();
        assert!(
            format!("{refused:?}").contains("there are no tables"),
            "{refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_cannot_have_its_lock_makes_nobody_wait_for_long() {
    let Some(lab) = OnPostgres::new().await else {
        return;
    };
    add(&lab.store, &session(1)).await;
    lab.run(BACK).await;
    // A report that takes a while.
    let mut report = lab.pool.begin().await.unwrap();
    let read = "SELECT count(*) FROM countersign_sessions";
    sqlx::query(read).execute(&mut *report).await.unwrap();
    let url = lab.url.clone();
    let node = tokio::spawn(async move { PostgresStore::connect(&url).await });
    lab.until_waiting(1).await;
    // Programs of the version before stand behind the migration for as long as it tries.
    let count = "SELECT count(*) FROM countersign_sessions";
    for _ in 0..3 {
        let waits = tokio::time::timeout(std::time::Duration::from_secs(3), lab.number(count));
        assert_eq!(waits.await.unwrap(), 1);
    }
    assert!(!node.is_finished());
    report.rollback().await.unwrap();
    node.await.unwrap().unwrap();
    assert_eq!(lab.number(VERSION).await, 6);
}
