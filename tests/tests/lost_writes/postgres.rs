//! PostgreSQL and SQLite: a promotion, and backups that are restored.

use std::path::PathBuf;

use countersign::session::store::SessionStore;
use countersign_sqlx::{PostgresStore, SqliteStore};
use countersign_tests::services::Postgres;
use sqlx::{AssertSqlSafe, SqlitePool, raw_sql};
use tempfile::TempDir;

use crate::people::{Event, rows};

struct Promotion {
    primary: Postgres,
    standby: Option<Postgres>,
}

impl Event for Promotion {
    type Store = PostgresStore;

    const NAME: &'static str = "PostgreSQL: promotion of a standby that lags";

    async fn start() -> Option<(Self, PostgresStore)> {
        let primary = Postgres::start()?;
        let store = PostgresStore::connect(&primary.url()).await.unwrap();
        let standby = None;
        Some((Self { primary, standby }, store))
    }

    async fn cut(&mut self) {
        self.standby.insert(self.primary.standby()).promote();
    }

    async fn after(&mut self) -> PostgresStore {
        self.primary.kill();
        let url = self.standby.as_ref().unwrap().url();
        PostgresStore::connect(&url).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_of_a_standby_that_lags() {
    if let Some(rows) = rows::<Promotion>().await {
        crate::table::compare(Promotion::NAME, &rows);
    }
}

struct Dump {
    server: &'static Postgres,
    database: String,
    dump: String,
}

impl Event for Dump {
    type Store = PostgresStore;

    const NAME: &'static str = "PostgreSQL: dump restored, and marked";

    async fn start() -> Option<(Self, PostgresStore)> {
        let server = Postgres::shared()?;
        let url = server.database();
        let store = PostgresStore::connect(&url).await.unwrap();
        let event = Self {
            server,
            database: url.rsplit('/').next().unwrap().to_owned(),
            dump: String::new(),
        };
        Some((event, store))
    }

    async fn cut(&mut self) {
        self.dump = self.server.dump(&self.database);
    }

    async fn after(&mut self) -> PostgresStore {
        let database = self.server.restore(&self.dump);
        let done = self.server.query(&database, crate::markers::SQL);
        assert_eq!(done.trim(), "UPDATE 1");
        PostgresStore::connect(&self.server.url_of(&database))
            .await
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_is_restored() {
    if let Some(rows) = rows::<Dump>().await {
        crate::table::compare(Dump::NAME, &rows);
    }
}

struct File {
    folder: TempDir,
    pool: SqlitePool,
}

impl File {
    fn backup(&self) -> PathBuf {
        self.folder.path().join("backup.db")
    }
}

impl Event for File {
    type Store = SqliteStore;

    const NAME: &'static str = "SQLite: backup restored, and marked";

    async fn start() -> Option<(Self, SqliteStore)> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sessions.db");
        let store = SqliteStore::open(&file).await.unwrap();
        let pool = SqlitePool::connect(file.to_str().unwrap()).await.unwrap();
        Some((Self { folder, pool }, store))
    }

    async fn cut(&mut self) {
        let backup = format!("VACUUM INTO '{}'", self.backup().display());
        let backup = raw_sql(AssertSqlSafe(backup));
        backup.execute(&self.pool).await.unwrap();
    }

    async fn after(&mut self) -> SqliteStore {
        let store = SqliteStore::open(self.backup()).await.unwrap();
        store.mark_restored().await.unwrap();
        store
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_restored() {
    if let Some(rows) = rows::<File>().await {
        crate::table::compare(File::NAME, &rows);
    }
}
