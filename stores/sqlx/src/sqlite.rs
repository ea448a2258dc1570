//! Sessions and revocations in SQLite.

use std::{
    fmt,
    fs::OpenOptions,
    future::Future,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use countersign::{
    Digest, LogBatch, LogPosition, RevocationEntry, RevocationLog, SessionId, SessionStore,
    StoreError, StoredSession,
};
use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool, query, query_as, query_scalar,
    raw_sql,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    SetupError, log,
    rows::{self, SessionRow},
    schema,
    settings::{ACQUIRE, Settings},
};

/// Sessions and revocations in an SQLite file. Its clones share the connections.
///
/// For all programs on one machine; not on a network drive.
///
/// # Examples
///
/// ```no_run
/// # async fn start() -> Result<(), countersign_sqlx::SetupError> {
/// use countersign_sqlx::SqliteStore;
///
/// let store = SqliteStore::open("/var/lib/app/sessions.db").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    pool: SqlitePool,
    /// Whose turn it is to write. SQLite lets one write at a time, but makes the others ask again
    /// and again, and may leave one of them without a turn for long.
    turn: Arc<Mutex<()>>,
    settings: Settings,
}

impl SqliteStore {
    /// Opens the file, and brings the tables to their newest version.
    ///
    /// A new file can be read by its owner only (mode 0600 on Unix). It keeps a write-ahead log
    /// beside it, and a write is on the disk before it is answered.
    ///
    /// # Errors
    ///
    /// [`SetupError`]: any.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SetupError> {
        let path = path.as_ref();
        let path = make_file(path).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => SetupError::MissingFolder(path.to_owned()),
            _ => SetupError::File {
                path: path.to_owned(),
                cause,
            },
        })?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .busy_timeout(BUSY)
            .synchronous(SqliteSynchronous::Full)
            // Where the system can tell the disk from its cache (macOS).
            .pragma("fullfsync", "ON");
        prepare(&options).await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            // The last one to be closed would lock others out while it clears up.
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(options);
        Ok(Self::from_pool(pool))
    }

    /// Uses these connections. The tables must be there: see [`migrate`](Self::migrate).
    ///
    /// They need a busy timeout, and sqlx sets one of 5 seconds. They should use a write-ahead log,
    /// and `synchronous` should be `FULL`. A database in memory ends with its last connection.
    #[must_use]
    pub fn from_pool(pool: SqlitePool) -> Self {
        Self {
            pool,
            turn: Arc::default(),
            settings: Settings::default(),
        }
    }

    /// Brings the tables to their newest version. Several programs may do so at once.
    ///
    /// # Errors
    ///
    /// [`SetupError::Database`], [`SetupError::NewerSchema`].
    pub async fn migrate(pool: &SqlitePool) -> Result<(), SetupError> {
        migrate(&mut *pool.acquire().await?).await
    }

    /// How long to wait between two looks at the revocation log. Default: 1 second.
    ///
    /// It is how late another program may learn of a revocation. At least 10 milliseconds.
    #[must_use]
    pub fn poll(mut self, interval: Duration) -> Self {
        self.settings = self.settings.poll(interval);
        self
    }

    /// How long to wait for the database before giving up. Default: 5 seconds.
    #[must_use]
    pub fn timeout(mut self, longest: Duration) -> Self {
        self.settings = self.settings.timeout(longest);
        self
    }

    /// Does something that writes, when it is its turn.
    async fn write<T>(&self, work: impl Future<Output = sqlx::Result<T>>) -> Result<T, StoreError> {
        let work = async {
            let _turn = self.turn.lock().await;
            work.await
        };
        self.settings.within(work).await
    }

    async fn look(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        let look = async {
            let last = query_scalar(LAST).fetch_one(&self.pool).await?;
            let start = log::start(after, last);
            let rows = query_as(log::READ).bind(start).bind(log::BATCH);
            log::batch(rows.fetch_all(&self.pool).await?, last)
        };
        self.settings.within(look).await
    }

    async fn sweep_table(&self, statement: &'static str, now: i64) -> Result<u64, StoreError> {
        rows::sweep(async || {
            let step = query(statement).bind(now).bind(rows::SWEEP);
            Ok(self.write(step.execute(&self.pool)).await?.rows_affected())
        })
        .await
    }
}

impl SessionStore for SqliteStore {
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        let insert = rows::bind_insert(query(rows::INSERT), session);
        self.write(insert.execute(&self.pool)).await?;
        Ok(())
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        let find = query_as(rows::FIND).bind(id.as_str());
        let find = async {
            let row = find.fetch_optional(&self.pool).await?;
            row.map(rows::session).transpose()
        };
        self.settings.within(find).await
    }

    async fn rotate(&self, from: &Digest, next: &StoredSession) -> Result<bool, StoreError> {
        let rotate = rows::bind_rotate(query(rows::ROTATE), from, next);
        let done = self.write(rotate.execute(&self.pool)).await?;
        Ok(done.rows_affected() == 1)
    }

    async fn end(&self, id: &SessionId, until: i64) -> Result<bool, StoreError> {
        let end = async {
            let mut step = self.pool.begin_with(BEGIN).await?;
            let end = query(END).bind(id.as_str());
            let done = end.execute(&mut *step).await?;
            add(&mut step, log::SESSION, id.as_str(), None, until).await?;
            step.commit().await?;
            Ok(done.rows_affected() == 1)
        };
        self.write(end).await
    }

    async fn end_all(
        &self,
        subject: &str,
        issued_before: i64,
        until: i64,
    ) -> Result<Vec<SessionId>, StoreError> {
        let end_all = async {
            let mut step = self.pool.begin_with(BEGIN).await?;
            let end = query_scalar::<_, String>(END_ALL).bind(subject);
            let ids = end.fetch_all(&mut *step).await?;
            for id in &ids {
                add(&mut step, log::SESSION, id, None, until).await?;
            }
            add(&mut step, log::SUBJECT, subject, Some(issued_before), until).await?;
            step.commit().await?;
            ids.iter().map(|id| rows::session_id(id)).collect()
        };
        self.write(end_all).await
    }

    async fn list(&self, subject: &str, now: i64) -> Result<Vec<StoredSession>, StoreError> {
        let list = query_as(rows::LIST).bind(subject).bind(now);
        let list = async {
            let found: Vec<SessionRow> = list.fetch_all(&self.pool).await?;
            found.into_iter().map(rows::session).collect()
        };
        self.settings.within(list).await
    }

    async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        self.sweep_table(SWEEP_REVOCATIONS, now).await?;
        self.sweep_table(SWEEP_SESSIONS, now).await
    }
}

impl RevocationLog for SqliteStore {
    async fn append(&self, entries: &[RevocationEntry]) -> Result<(), StoreError> {
        let append = async {
            let mut step = self.pool.begin_with(BEGIN).await?;
            for entry in entries {
                let (kind, name, issued_before) = log::columns(entry);
                add(&mut step, kind, name, issued_before, entry.until).await?;
            }
            step.commit().await
        };
        self.write(append).await
    }

    async fn read(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        log::read(after, self.settings, || self.look(after)).await
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

/// Makes the file, if there is none, for its owner only. SQLite gives the files that it keeps beside
/// it the same mode. The path is absolute, so that SQLite sees neither a URL nor `:memory:` in it.
fn make_file(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(path),
    }
}

/// Makes the file ready, also while others do the same: one that turns the write-ahead log on locks
/// them out, and SQLite does not wait for that as it waits for other locks.
async fn prepare(options: &SqliteConnectOptions) -> Result<(), SetupError> {
    let give_up = Instant::now() + BUSY;
    loop {
        match prepare_once(options).await {
            Err(SetupError::Database(error)) if is_busy(&error) && Instant::now() < give_up => {
                tokio::time::sleep(AGAIN).await;
            }
            done => return done,
        }
    }
}

async fn prepare_once(options: &SqliteConnectOptions) -> Result<(), SetupError> {
    let mut connection = options.connect().await?;
    // Reads go on while there is a write. The file remembers it.
    raw_sql("PRAGMA journal_mode = WAL")
        .execute(&mut connection)
        .await?;
    migrate(&mut connection).await?;
    Ok(connection.close().await?)
}

/// `SQLITE_BUSY`. What stands above the lower eight bits says why.
fn is_busy(error: &sqlx::Error) -> bool {
    let Some(error) = error.as_database_error() else {
        return false;
    };
    let code = error.code().and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

async fn migrate(connection: &mut SqliteConnection) -> Result<(), SetupError> {
    let mut step = connection.begin_with(BEGIN).await?;
    let exists = query_scalar(HAS_SCHEMA).fetch_one(&mut *step).await?;
    let found = if exists {
        query_scalar(schema::VERSION).fetch_one(&mut *step).await?
    } else {
        0
    };
    for sql in schema::missing(schema::SQLITE, found)? {
        raw_sql(*sql).execute(&mut *step).await?;
    }
    Ok(step.commit().await?)
}

/// Adds an entry to the revocation log.
async fn add(
    step: &mut SqliteConnection,
    kind: i16,
    name: &str,
    issued_before: Option<i64>,
    until: i64,
) -> sqlx::Result<()> {
    let id: i64 = query_scalar(PLACE).fetch_one(&mut *step).await?;
    query(ENTRY)
        .bind(id)
        .bind(kind)
        .bind(name)
        .bind(issued_before)
        .bind(until)
        .execute(step)
        .await?;
    Ok(())
}

/// How long SQLite asks again while another program writes.
const BUSY: Duration = Duration::from_secs(5);

/// After how long to ask again where SQLite does not.
const AGAIN: Duration = Duration::from_millis(20);

/// Each has a thread.
const CONNECTIONS: u32 = 4;

/// As a writer from the start. Who reads first and then wants to write may find that another has
/// written in between, and has to give up.
const BEGIN: &str = "BEGIN IMMEDIATE";

const HAS_SCHEMA: &str =
    "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'countersign_schema')";

const END: &str = "DELETE FROM countersign_sessions WHERE id = $1";

const END_ALL: &str = "DELETE FROM countersign_sessions WHERE subject = $1 RETURNING id";

/// The number of the last entry that was ever added.
const LAST: &str = "SELECT last FROM countersign_counter";

const PLACE: &str = "UPDATE countersign_counter SET last = last + 1 RETURNING last";

const ENTRY: &str = "
    INSERT INTO countersign_revocations (id, kind, name, issued_before, until)
    VALUES ($1, $2, $3, $4, $5)";

const SWEEP_SESSIONS: &str = "
    DELETE FROM countersign_sessions WHERE id IN (
        SELECT id FROM countersign_sessions WHERE expires_at <= $1 LIMIT $2
    )";

const SWEEP_REVOCATIONS: &str = "
    DELETE FROM countersign_revocations WHERE id IN (
        SELECT id FROM countersign_revocations WHERE until < $1 LIMIT $2
    )";
