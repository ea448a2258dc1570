//! The calls of a store on SQLite.

use std::{fmt, future::Future, path::Path, sync::Arc, time::Duration};

use countersign::{
    revocation::{RevocationEntry, Revoked},
    session::{
        Realm, SessionId,
        store::{
            EndedSession, SessionStore, StoreCapabilities, StoreEpoch, StoreError, StoreMark,
            StoredSession, TokenHash,
        },
    },
};
use sqlx::{SqliteConnection, SqlitePool, query, query_as, query_scalar};
use tokio::sync::Mutex;

use crate::{
    SetupError, SqliteStoreBuilder,
    log::Columns,
    opening::{Opening, Step},
    prefix::TablePrefix,
    rows::{self, SessionRow},
    settings::Settings,
    sqlite::{builder, sql},
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
    pub(super) pool: SqlitePool,
    /// The one connection that reads the log: no call in the pool keeps it waiting.
    pub(super) reader: SqlitePool,
    pub(super) tables: TablePrefix,
    /// Whose turn it is to write. SQLite lets one write at a time, but makes the others ask again
    /// and again, and may leave one of them without a turn for long.
    turn: Arc<Mutex<()>>,
    opening: Arc<Opening>,
    pub(super) settings: Settings,
}

impl SqliteStore {
    /// Starts the settings, to change them before it opens.
    pub fn builder() -> SqliteStoreBuilder {
        SqliteStoreBuilder::default()
    }

    /// Opens the file with the default settings: see [`SqliteStoreBuilder::open`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, SetupError> {
        Self::builder().open(path).await
    }

    /// Uses these connections with the default settings: see [`SqliteStoreBuilder::with_pool`].
    #[must_use]
    pub fn from_pool(pool: SqlitePool) -> Self {
        Self::new(
            pool,
            TablePrefix::default(),
            Opening::at_first_use(Step::Check),
        )
    }

    /// Brings the tables of the default settings to their newest version. Several programs may do so at
    /// once.
    ///
    /// # Errors
    ///
    /// As [`SqliteStoreBuilder::migrate`].
    pub async fn migrate(pool: &SqlitePool) -> Result<(), SetupError> {
        Self::builder().migrate(pool).await
    }

    /// Sets how long to wait between two looks at the revocation log. Default: 1 second.
    ///
    /// It is how late another program may learn of a revocation. At least 10 milliseconds.
    #[must_use]
    pub fn poll(mut self, interval: Duration) -> Self {
        self.settings = self.settings.poll(interval);
        self
    }

    /// Sets how long to wait for the database before giving up. Default: 5 seconds.
    #[must_use]
    pub fn timeout(mut self, longest: Duration) -> Self {
        self.settings = self.settings.timeout(longest);
        self
    }

    pub(super) fn new(pool: SqlitePool, tables: TablePrefix, opening: Opening) -> Self {
        Self {
            reader: reader(&pool),
            pool,
            tables,
            turn: Arc::default(),
            opening: Arc::new(opening),
            settings: Settings::default(),
        }
    }

    /// Checks the tables, once.
    async fn opened(&self) -> Result<(), StoreError> {
        let open = async || {
            let mut connection = self.pool.acquire().await?;
            builder::open_on(self.opening.step, &mut connection, self.tables.clone()).await
        };
        self.opening.wait(self.settings, open).await
    }

    pub(super) async fn read_within<T>(
        &self,
        work: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, StoreError> {
        self.opened().await?;
        self.settings.within(work).await
    }

    /// Does something that writes, when it is its turn.
    pub(super) async fn write<T>(
        &self,
        work: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, StoreError> {
        self.opened().await?;
        let work = async {
            let _turn = self.turn.lock().await;
            work.await
        };
        self.settings.within(work).await
    }

    /// Adds an entry to the revocation log.
    pub(super) async fn add(
        &self,
        step: &mut SqliteConnection,
        entry: &RevocationEntry,
    ) -> sqlx::Result<()> {
        let place = self.place(step).await?;
        let entry = Columns::from(entry);
        query(self.tables.sql(sql::ENTRY))
            .bind(place)
            .bind(entry.kind)
            .bind(entry.realm)
            .bind(entry.name)
            .bind(entry.issued_before)
            .bind(entry.until)
            .execute(step)
            .await?;
        Ok(())
    }

    /// Takes the next number.
    pub(super) async fn place(&self, step: &mut SqliteConnection) -> sqlx::Result<i64> {
        let place = query_scalar(self.tables.sql(sql::PLACE));
        place.fetch_one(step).await
    }

    async fn sweep_table(&self, statement: &'static str, now: i64) -> Result<u64, StoreError> {
        rows::sweep(async || {
            let step = query(self.tables.sql(statement));
            let step = step.bind(now).bind(rows::SWEEP);
            Ok(self.write(step.execute(&self.pool)).await?.rows_affected())
        })
        .await
    }
}

/// Makes a pool of one connection, of the kind that another pool has.
fn reader(pool: &SqlitePool) -> SqlitePool {
    let connect = pool.connect_options();
    // A database in memory that only one connection can see.
    if [":memory:", ""]
        .map(Path::new)
        .contains(&connect.get_filename())
    {
        return pool.clone();
    }
    let options = pool.options().clone();
    let options = options.min_connections(0).max_connections(1);
    options.connect_lazy_with((*connect).clone())
}

impl SessionStore for SqliteStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::shared()
            .epoch()
            .concurrent_calls(self.pool.options().get_max_connections())
    }

    async fn mark(&self) -> Result<StoreMark, StoreError> {
        let last = query_scalar(self.tables.sql(sql::LAST));
        let mark = async { rows::mark(last.fetch_one(&self.pool).await?) };
        self.read_within(mark).await
    }

    async fn insert(&self, session: &StoredSession, begun: StoreMark) -> Result<bool, StoreError> {
        let insert = query(self.tables.sql(rows::INSERT));
        let insert = rows::bind_insert(insert, session, begun);
        // One writes at a time: an end of all sessions came before, or comes after.
        let done = self.write(insert.execute(&self.pool)).await?;
        Ok(done.rows_affected() == 1)
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        let find = query_as(self.tables.sql(rows::FIND)).bind(id.as_str());
        let find = async {
            let row = find.fetch_optional(&self.pool).await?;
            row.map(rows::session).transpose()
        };
        self.read_within(find).await
    }

    async fn rotate(&self, from: &TokenHash, next: &StoredSession) -> Result<bool, StoreError> {
        let rotate = query(self.tables.sql(rows::ROTATE));
        let rotate = rows::bind_rotate(rotate, from, next);
        let done = self.write(rotate.execute(&self.pool)).await?;
        Ok(done.rows_affected() == 1)
    }

    async fn set_data(
        &self,
        id: &SessionId,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<bool, StoreError> {
        let set = query(self.tables.sql(sql::SET_DATA));
        let set = set.bind(id.as_str()).bind(from).bind(to);
        let done = self.write(set.execute(&self.pool)).await?;
        Ok(done.rows_affected() == 1)
    }

    async fn end(
        &self,
        id: &SessionId,
        revocation: Option<&RevocationEntry>,
    ) -> Result<Option<EndedSession>, StoreError> {
        let end = query_as(self.tables.sql(rows::END_ONE)).bind(id.as_str());
        let end = async {
            let mut step = self.pool.begin_with(sql::BEGIN).await?;
            let ended = end.fetch_optional(&mut *step).await?;
            let ended = ended.map(rows::ended).transpose()?;
            match (revocation, &ended) {
                (Some(given), Some(ended)) => self.add(&mut step, &ended.to_log(given)).await?,
                (Some(given), None) => self.add(&mut step, given).await?,
                (None, _) => {}
            }
            step.commit().await?;
            Ok(ended)
        };
        self.write(end).await
    }

    async fn end_all(
        &self,
        realm: &Realm,
        subject: &str,
        issued_before: i64,
        until: i64,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let sessionless = RevocationEntry {
            revoked: Revoked::Sessionless {
                realm: realm.clone(),
                subject: subject.to_owned(),
                issued_before,
            },
            until,
        };
        let end_all = async {
            let mut step = self.pool.begin_with(sql::BEGIN).await?;
            let number = self.place(&mut step).await?;
            query(self.tables.sql(sql::REMEMBER))
                .bind(realm.as_str())
                .bind(subject)
                .bind(number)
                .execute(&mut *step)
                .await?;
            let end = query_as(self.tables.sql(sql::END_ALL))
                .bind(realm.as_str())
                .bind(subject);
            let ended = end.fetch_all(&mut *step).await?;
            let ended = ended.into_iter().map(rows::ended);
            let ended: Vec<EndedSession> = ended.collect::<sqlx::Result<_>>()?;
            for session in &ended {
                self.add(&mut step, &session.revocation()).await?;
            }
            self.add(&mut step, &sessionless).await?;
            step.commit().await?;
            Ok(ended)
        };
        self.write(end_all).await
    }

    async fn end_realm(
        &self,
        realm: &Realm,
        begun_before: i64,
        named_after: i64,
        revocation: &RevocationEntry,
    ) -> Result<Vec<EndedSession>, StoreError> {
        self.end_begun_before(realm, begun_before, named_after, revocation)
            .await
    }

    async fn list(
        &self,
        realm: &Realm,
        subject: &str,
        now: i64,
    ) -> Result<Vec<StoredSession>, StoreError> {
        let list = query_as(self.tables.sql(rows::LIST))
            .bind(realm.as_str())
            .bind(subject)
            .bind(now);
        let list = async {
            let found: Vec<SessionRow> = list.fetch_all(&self.pool).await?;
            found.into_iter().map(rows::session).collect()
        };
        self.read_within(list).await
    }

    async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        self.sweep_table(sql::SWEEP_REVOCATIONS, now).await?;
        self.sweep_table(sql::SWEEP_ENDINGS, now).await?;
        self.sweep_table(sql::SWEEP_SESSIONS, now).await
    }

    async fn health(&self) -> Result<(), StoreError> {
        let health = query(self.tables.sql(rows::HEALTH));
        let done = self.write(health.execute(&self.pool)).await?;
        rows::check_health(done.rows_affected())
    }

    async fn epoch(&self) -> Result<Option<StoreEpoch>, StoreError> {
        self.epoch_on(&self.pool).await.map(Some)
    }

    async fn mark_restored(&self) -> Result<(), StoreError> {
        self.begin_epoch().await
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}
