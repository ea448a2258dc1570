//! Sessions and revocations in PostgreSQL.

use std::{fmt, io, time::Duration};

use countersign::{
    Digest, LogBatch, LogPosition, RevocationEntry, RevocationLog, SessionId, SessionStore,
    StoreError, StoredSession,
};
use sqlx::{
    ConnectOptions, Connection, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
    query, query_as, query_scalar, raw_sql,
};

use crate::{
    SetupError, log,
    rows::{self, SessionRow},
    schema,
    settings::{ACQUIRE, Settings},
};

/// Sessions and revocations in PostgreSQL. Its clones share the connections.
///
/// Everything is done in single statements, which PostgreSQL carries out wholly or not at all.
///
/// # Examples
///
/// ```no_run
/// # async fn start() -> Result<(), countersign_sqlx::SetupError> {
/// use countersign_sqlx::PostgresStore;
///
/// let store = PostgresStore::connect("postgres://app:secret@db.example/app").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    pool: PgPool,
    settings: Settings,
}

impl PostgresStore {
    /// Connects, and brings the tables to their newest version.
    ///
    /// At most ten connections are kept. A statement that takes 5 seconds is cancelled by the
    /// server. For anything else, see [`from_pool`](Self::from_pool).
    ///
    /// # Errors
    ///
    /// [`SetupError::Database`], [`SetupError::NewerSchema`].
    pub async fn connect(url: &str) -> Result<Self, SetupError> {
        let options = url.parse::<PgConnectOptions>()?.options([
            ("default_transaction_isolation", "read committed"),
            ("statement_timeout", "5s"),
        ]);
        let settings = Settings::default();
        // The pool would keep to itself why it cannot connect.
        let connecting = tokio::time::timeout(settings.timeout, options.connect());
        let mut connection = connecting
            .await
            .map_err(|_| sqlx::Error::Io(io::ErrorKind::TimedOut.into()))??;
        migrate(&mut connection).await?;
        connection.close().await?;
        let pool = PgPoolOptions::new()
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(options);
        Ok(Self { pool, settings })
    }

    /// Uses these connections. The tables must be there: see [`migrate`](Self::migrate).
    ///
    /// Give it a pool of its own, to the primary server, whose sessions have the isolation level
    /// READ COMMITTED, PostgreSQL's default, and a `statement_timeout`.
    #[must_use]
    pub fn from_pool(pool: PgPool) -> Self {
        Self {
            pool,
            settings: Settings::default(),
        }
    }

    /// Brings the tables to their newest version. Several nodes may do so at once.
    ///
    /// # Errors
    ///
    /// [`SetupError::Database`], [`SetupError::NewerSchema`].
    pub async fn migrate(pool: &PgPool) -> Result<(), SetupError> {
        // Taken out of the pool: given up half way, it must not go back with an open transaction.
        let mut connection = pool.acquire().await?.detach();
        migrate(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// How long to wait between two looks at the revocation log. Default: 1 second.
    ///
    /// It is how late another node may learn of a revocation. At least 10 milliseconds.
    #[must_use]
    pub fn poll(mut self, interval: Duration) -> Self {
        self.settings = self.settings.poll(interval);
        self
    }

    /// How long to wait for an answer of the database before giving up. Default: 5 seconds.
    #[must_use]
    pub fn timeout(mut self, longest: Duration) -> Self {
        self.settings = self.settings.timeout(longest);
        self
    }

    /// Does what takes no transaction. With sqlx 0.9.0, one that is given up while it begins stays
    /// open, and its connection goes back to the pool with it.
    async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
    ) -> Result<T, StoreError> {
        let work = async {
            let mut lease = Lease(Some(self.pool.acquire().await?));
            let done = work(lease.connection()).await;
            lease.end();
            done
        };
        self.settings.within(work).await
    }

    async fn look(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        self.run(async |connection| {
            let last = query_scalar(LAST).fetch_one(&mut *connection).await?;
            let start = log::start(after, last);
            let rows = query_as(log::READ).bind(start).bind(log::BATCH);
            log::batch(rows.fetch_all(connection).await?, last)
        })
        .await
    }

    async fn sweep_table(&self, statement: &'static str, now: i64) -> Result<u64, StoreError> {
        rows::sweep(async || {
            let step = query(statement).bind(now).bind(i64::from(rows::SWEEP));
            let done = self.run(async |connection| step.execute(connection).await);
            Ok(done.await?.rows_affected())
        })
        .await
    }
}

impl SessionStore for PostgresStore {
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        let insert = rows::bind_insert(query(rows::INSERT), session);
        self.run(async |connection| insert.execute(connection).await)
            .await?;
        Ok(())
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        let find = query_as(rows::FIND).bind(id.as_str());
        self.run(async |connection| {
            let row = find.fetch_optional(connection).await?;
            row.map(rows::session).transpose()
        })
        .await
    }

    async fn rotate(&self, from: &Digest, next: &StoredSession) -> Result<bool, StoreError> {
        let rotate = rows::bind_rotate(query(rows::ROTATE), from, next);
        let done = self.run(async |connection| rotate.execute(connection).await);
        Ok(done.await?.rows_affected() == 1)
    }

    async fn end(&self, id: &SessionId, until: i64) -> Result<bool, StoreError> {
        let end = query(END).bind(id.as_str()).bind(until);
        let done = self.run(async |connection| end.execute(connection).await);
        Ok(done.await?.rows_affected() == 1)
    }

    async fn end_all(
        &self,
        subject: &str,
        issued_before: i64,
        until: i64,
    ) -> Result<Vec<SessionId>, StoreError> {
        let end_all = query_scalar::<_, String>(END_ALL)
            .bind(subject)
            .bind(issued_before)
            .bind(until);
        self.run(async |connection| {
            let ids = end_all.fetch_all(connection).await?;
            ids.iter().map(|id| rows::session_id(id)).collect()
        })
        .await
    }

    async fn list(&self, subject: &str, now: i64) -> Result<Vec<StoredSession>, StoreError> {
        let list = query_as(rows::LIST).bind(subject).bind(now);
        self.run(async |connection| {
            let found: Vec<SessionRow> = list.fetch_all(connection).await?;
            found.into_iter().map(rows::session).collect()
        })
        .await
    }

    async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        self.sweep_table(SWEEP_REVOCATIONS, now).await?;
        self.sweep_table(SWEEP_SESSIONS, now).await
    }
}

impl RevocationLog for PostgresStore {
    async fn append(&self, entries: &[RevocationEntry]) -> Result<(), StoreError> {
        let mut kinds = Vec::new();
        let mut names = Vec::new();
        let mut issued_before = Vec::new();
        let mut until = Vec::new();
        for entry in entries {
            let (kind, name, before) = log::columns(entry);
            kinds.push(kind);
            names.push(name);
            issued_before.push(before);
            until.push(entry.until);
        }
        let append = query(APPEND)
            .bind(kinds)
            .bind(names)
            .bind(issued_before)
            .bind(until);
        self.run(async |connection| append.execute(connection).await)
            .await?;
        Ok(())
    }

    async fn read(&self, after: Option<&LogPosition>) -> Result<LogBatch, StoreError> {
        log::read(after, self.settings, || self.look(after)).await
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

/// A connection of the pool. When a call is given up half way, it goes back only if it still
/// answers: the pool by itself would wait for that until the network gives up, which takes minutes.
struct Lease(Option<PoolConnection<Postgres>>);

impl Lease {
    fn connection(&mut self) -> &mut PgConnection {
        // Only `end` and `drop` take it.
        self.0.as_mut().expect("a lease that has not ended")
    }

    fn end(mut self) {
        self.0.take();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.0.take() else {
            return;
        };
        tokio::spawn(async move {
            let answer = tokio::time::timeout(ACQUIRE, connection.ping()).await;
            if !matches!(answer, Ok(Ok(()))) {
                connection.close_on_drop();
            }
        });
    }
}

async fn migrate(connection: &mut PgConnection) -> Result<(), SetupError> {
    let mut step = connection
        .begin_with("BEGIN ISOLATION LEVEL READ COMMITTED")
        .await?;
    raw_sql(LOCK_SCHEMA).execute(&mut *step).await?;
    let exists = query_scalar(HAS_SCHEMA).fetch_one(&mut *step).await?;
    let found = if exists {
        query_scalar(schema::VERSION).fetch_one(&mut *step).await?
    } else {
        0
    };
    for sql in schema::missing(schema::POSTGRES, found)? {
        raw_sql(*sql).execute(&mut *step).await?;
    }
    Ok(step.commit().await?)
}

/// Until the end of the transaction. The number is this crate's own.
const LOCK_SCHEMA: &str = "
    SET LOCAL statement_timeout = 0;
    SELECT pg_advisory_xact_lock(7165063322180186963)";

const HAS_SCHEMA: &str = "SELECT to_regclass('countersign_schema') IS NOT NULL";

/// A standby answers too, but may never hear of what the primary is told.
const LAST: &str = "SELECT last FROM countersign_counter WHERE NOT pg_is_in_recovery()";

// In each statement below, `place` comes first: it waits for the row of the counter, and holds it
// until the statement is committed. So entries appear in the order of their numbers (see `log`),
// and two statements never wait for each other. Without that row the number is null, which the
// table refuses.

const END: &str = "
    WITH place AS (
        UPDATE countersign_counter SET last = last + 1 RETURNING last
    ), entry AS (
        INSERT INTO countersign_revocations (id, kind, name, until)
        VALUES ((SELECT last FROM place), 1, $1, $2)
    )
    DELETE FROM countersign_sessions
    WHERE id = $1 AND (SELECT last FROM place) IS NOT NULL";

/// It takes a number for each session that it sees, and needs no more than that.
const END_ALL: &str = "
    WITH place AS (
        UPDATE countersign_counter
        SET last = last + 1 + (SELECT count(*) FROM countersign_sessions WHERE subject = $1)
        RETURNING last
    ), gone AS (
        DELETE FROM countersign_sessions
        WHERE subject = $1 AND (SELECT last FROM place) IS NOT NULL
        RETURNING id
    ), entries AS (
        INSERT INTO countersign_revocations (id, kind, name, issued_before, until)
        SELECT (SELECT last FROM place), 2, $1, $2, $3
        UNION ALL
        SELECT (SELECT last FROM place) - row_number() OVER (), 1, id, NULL, $3 FROM gone
    )
    SELECT id FROM gone";

const APPEND: &str = "
    WITH place AS (
        UPDATE countersign_counter SET last = last + cardinality($1) RETURNING last
    )
    INSERT INTO countersign_revocations (id, kind, name, issued_before, until)
    SELECT (SELECT last FROM place) - cardinality($1) + nth, kind, name, issued_before, until
    FROM unnest($1, $2, $3, $4)
        WITH ORDINALITY AS entry (kind, name, issued_before, until, nth)";

// A sweep waits for nobody: what another has locked, it leaves to the next sweep.

const SWEEP_SESSIONS: &str = "
    DELETE FROM countersign_sessions WHERE id IN (
        SELECT id FROM countersign_sessions WHERE expires_at <= $1
        LIMIT $2 FOR UPDATE SKIP LOCKED
    )";

const SWEEP_REVOCATIONS: &str = "
    DELETE FROM countersign_revocations WHERE id IN (
        SELECT id FROM countersign_revocations WHERE until < $1
        LIMIT $2 FOR UPDATE SKIP LOCKED
    )";
