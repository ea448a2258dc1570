//! A store, and the database below it.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use countersign::{
    Clock, SystemClock,
    issue::RingStore,
    revocation::{LogPosition, RevocationEntry, RevocationLog, Revoked},
    session::{
        Realm, SessionId,
        store::{
            ApiKeyStore, EndedSession, PreviousToken, SessionDetails, SessionStore, StoreMark,
            StoredSession, TokenHash,
        },
    },
};
use countersign_sqlx::{PostgresStore, SqliteStore};
use countersign_tests::services::Postgres;
use sqlx::{AssertSqlSafe, PgPool, SqlitePool, query_scalar, raw_sql};

/// The time of these tests: in the past, so that the database also regards everything as expired
/// that has expired by it.
pub(crate) const NOW: i64 = 1_700_000_000;

/// A mark before all events.
pub(crate) const START: StoreMark = StoreMark::new(0);

/// The time that a test waits for an event.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The time between two reads of the log in a test.
pub(crate) const POLL: Duration = Duration::from_millis(10);

/// A store with an empty database of its own, and direct access to the database.
pub(crate) trait Lab: Send + Sync + 'static {
    type Store: SessionStore + RevocationLog + RingStore + ApiKeyStore + fmt::Debug;

    fn store(&self) -> &Self::Store;
    /// Sets another interval between two reads of the log.
    fn poll(self, interval: Duration) -> Self;
    /// Runs statements.
    fn run(&self, sql: &str) -> impl Future<Output = ()> + Send;
    /// Runs a statement that returns a number.
    fn number(&self, sql: &str) -> impl Future<Output = i64> + Send;
    /// Writes bytes as a literal of the database.
    fn bytes(hex: &str) -> String;
}

/// A database on the shared server.
#[derive(Clone)]
pub(crate) struct OnPostgres {
    pub(crate) url: String,
    pub(crate) store: PostgresStore,
    pub(crate) pool: PgPool,
}

impl OnPostgres {
    /// Returns a database; `None` if PostgreSQL is not installed.
    pub(crate) async fn new() -> Option<Self> {
        let url = Postgres::shared()?.database();
        let store = PostgresStore::connect(&url).await.unwrap().poll(POLL);
        let pool = PgPool::connect(&url).await.unwrap();
        Some(Self { url, store, pool })
    }

    /// Waits until this many sessions wait for a lock.
    pub(crate) async fn until_waiting(&self, sessions: i64) {
        let waiting = "SELECT count(*) FROM pg_stat_activity \
                       WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let wait = async {
            while self.number(waiting).await != sessions {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
    }
}

impl Lab for OnPostgres {
    type Store = PostgresStore;

    fn store(&self) -> &PostgresStore {
        &self.store
    }

    fn poll(mut self, interval: Duration) -> Self {
        self.store = self.store.poll(interval);
        self
    }

    async fn run(&self, sql: &str) {
        let sql = raw_sql(AssertSqlSafe(sql.to_owned()));
        sql.execute(&self.pool).await.unwrap();
    }

    async fn number(&self, sql: &str) -> i64 {
        let sql = query_scalar(AssertSqlSafe(sql.to_owned()));
        sql.fetch_one(&self.pool).await.unwrap()
    }

    fn bytes(hex: &str) -> String {
        format!(r"'\x{hex}'")
    }
}

/// A database in a file. Its folder is removed with it.
#[derive(Clone)]
pub(crate) struct OnSqlite {
    pub(crate) folder: Arc<Folder>,
    pub(crate) store: SqliteStore,
    pub(crate) pool: SqlitePool,
}

impl OnSqlite {
    pub(crate) async fn new() -> Self {
        let folder = Folder::new();
        let file = folder.file();
        let store = SqliteStore::open(&file).await.unwrap().poll(POLL);
        let pool = SqlitePool::connect(file.to_str().unwrap()).await.unwrap();
        Self {
            folder: Arc::new(folder),
            store,
            pool,
        }
    }
}

impl Lab for OnSqlite {
    type Store = SqliteStore;

    fn store(&self) -> &SqliteStore {
        &self.store
    }

    fn poll(mut self, interval: Duration) -> Self {
        self.store = self.store.poll(interval);
        self
    }

    async fn run(&self, sql: &str) {
        let sql = raw_sql(AssertSqlSafe(sql.to_owned()));
        sql.execute(&self.pool).await.unwrap();
    }

    async fn number(&self, sql: &str) -> i64 {
        let sql = query_scalar(AssertSqlSafe(sql.to_owned()));
        sql.fetch_one(&self.pool).await.unwrap()
    }

    fn bytes(hex: &str) -> String {
        format!("x'{hex}'")
    }
}

/// A temporary folder. It is removed when this is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("countersign-sqlite-{}-{count}", process::id()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the path of the database.
    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("sessions.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs a test on both databases.
pub(crate) async fn on_both(
    postgres: impl AsyncFnOnce(OnPostgres),
    sqlite: impl AsyncFnOnce(OnSqlite),
) {
    sqlite(OnSqlite::new().await).await;
    if let Some(lab) = OnPostgres::new().await {
        postgres(lab).await;
    }
}

/// Returns an id that differs for each number.
pub(crate) fn id(number: u32) -> SessionId {
    let name = format!("AAAAAAAAAAA{number:010}A");
    SessionId::parse(&name).unwrap()
}

/// Returns 32 bytes of this value.
pub(crate) fn digest(value: u8) -> TokenHash {
    TokenHash::from_bytes([value; 32])
}

/// Returns a session of Ada's that was never refreshed.
pub(crate) fn session(number: u32) -> StoredSession {
    StoredSession {
        id: id(number),
        realm: realm(),
        subject: "ada".into(),
        label: None,
        binding: None,
        created_at: NOW,
        last_used_at: NOW,
        expires_at: NOW + 3_600,
        absolute_expires_at: NOW + 86_400,
        tokens_until: NOW + 900,
        current: digest(0),
        previous: Vec::new(),
        details: SessionDetails::default(),
        data: None,
    }
}

/// Returns the session after it was refreshed.
pub(crate) fn refreshed(session: &StoredSession, current: TokenHash) -> StoredSession {
    StoredSession {
        last_used_at: session.last_used_at + 60,
        expires_at: session.expires_at + 60,
        tokens_until: session.tokens_until + 60,
        previous: vec![PreviousToken {
            hash: session.current,
            salt: digest(99),
            exchanged_at: session.last_used_at + 60,
        }],
        current,
        ..session.clone()
    }
}

pub(crate) fn realm() -> Realm {
    Realm::new("https://id.example").unwrap()
}

/// Adds a session whose login begins now.
pub(crate) async fn add(store: &impl SessionStore, session: &StoredSession) {
    let begun = store.mark().await.unwrap();
    assert!(store.insert(session, begun).await.unwrap());
}

/// Ends a session, and logs that.
pub(crate) async fn end(store: &impl SessionStore, number: u32, until: i64) -> bool {
    let entry = ended(number, until);
    store
        .end(&id(number), Some(&entry))
        .await
        .unwrap()
        .is_some()
}

/// Ends all sessions of a subject.
pub(crate) async fn end_all(store: &impl SessionStore, subject: &str) -> Vec<EndedSession> {
    let ended = store.end_all(&realm(), subject, NOW, NOW).await;
    ended.unwrap()
}

/// Returns the entry of a session that has ended.
pub(crate) fn ended(number: u32, until: i64) -> RevocationEntry {
    RevocationEntry {
        revoked: Revoked::Session(id(number)),
        until,
    }
}

/// Returns the real time, which databases use.
pub(crate) fn time_of_day() -> i64 {
    SystemClock.now()
}

pub(crate) fn token(name: &str) -> RevocationEntry {
    RevocationEntry {
        revoked: Revoked::Token(name.into()),
        until: NOW + 900,
    }
}

/// Returns all entries, from the start to the last one.
pub(crate) async fn entries(log: &impl RevocationLog) -> Vec<RevocationEntry> {
    entries_after(log, None).await.0
}

/// Returns all entries after a position, and the position to read on from.
pub(crate) async fn entries_after(
    log: &impl RevocationLog,
    mut after: Option<LogPosition>,
) -> (Vec<RevocationEntry>, Option<LogPosition>) {
    let mut entries = Vec::new();
    loop {
        let batch = log.read(after.as_ref()).await.unwrap();
        entries.extend(batch.entries);
        after = batch.position;
        if batch.complete {
            return (entries, after);
        }
    }
}
