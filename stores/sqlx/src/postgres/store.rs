//! The calls of a store on PostgreSQL.

use std::{fmt, sync::Arc, time::Duration};

use countersign::{
    revocation::RevocationEntry,
    session::{
        Realm, SessionId,
        store::{
            EndedSession, SessionStore, StoreCapabilities, StoreEpoch, StoreError, StoreMark,
            StoredSession, TokenHash,
        },
    },
};
use sqlx::{PgConnection, PgPool, query, query_as, query_scalar};

use crate::{
    PostgresStoreBuilder, SetupError,
    log::Columns,
    opening::{Opening, Step},
    postgres::{builder, lease::Lease, sql},
    prefix::TablePrefix,
    rows::{self, SessionRow},
    settings::Settings,
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
    pub(super) pool: PgPool,
    /// The one connection that reads the log. Calls that wait in the pool, as during a lock of a table, must
    /// not keep a node from hearing of revocations.
    pub(super) reader: PgPool,
    pub(super) tables: TablePrefix,
    opening: Arc<Opening>,
    pub(super) settings: Settings,
}

impl PostgresStore {
    /// Starts the settings, to change them before it opens.
    pub fn builder() -> PostgresStoreBuilder {
        PostgresStoreBuilder::default()
    }

    /// Connects with the default settings: see [`PostgresStoreBuilder::connect`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn connect(url: &str) -> Result<Self, SetupError> {
        Self::builder().connect(url).await
    }

    /// Uses these connections with the default settings: see [`PostgresStoreBuilder::with_pool`].
    #[must_use]
    pub fn from_pool(pool: PgPool) -> Self {
        Self::new(
            pool,
            TablePrefix::default(),
            Opening::at_first_use(Step::Check),
        )
    }

    /// Brings the tables of the default settings to their newest version. Several nodes may do so at
    /// once.
    ///
    /// # Errors
    ///
    /// As [`PostgresStoreBuilder::migrate`].
    pub async fn migrate(pool: &PgPool) -> Result<(), SetupError> {
        Self::builder().migrate(pool).await
    }

    /// Sets how long to wait between two looks at the revocation log. Default: 1 second.
    ///
    /// It is how late another node may learn of a revocation. At least 10 milliseconds.
    #[must_use]
    pub fn poll(mut self, interval: Duration) -> Self {
        self.settings = self.settings.poll(interval);
        self
    }

    /// Sets how long to wait for an answer of the database before giving up. Default: 5 seconds.
    #[must_use]
    pub fn timeout(mut self, longest: Duration) -> Self {
        self.settings = self.settings.timeout(longest);
        self
    }

    pub(super) fn new(pool: PgPool, tables: TablePrefix, opening: Opening) -> Self {
        Self {
            reader: reader(&pool),
            pool,
            tables,
            opening: Arc::new(opening),
            settings: Settings::default(),
        }
    }

    pub(super) async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
    ) -> Result<T, StoreError> {
        self.run_on(&self.pool, work).await
    }

    /// Does what takes no transaction. With sqlx 0.9.0, one that is given up while it begins stays
    /// open, and its connection goes back to the pool with it.
    pub(super) async fn run_on<T>(
        &self,
        pool: &PgPool,
        work: impl AsyncFnOnce(&mut PgConnection) -> sqlx::Result<T>,
    ) -> Result<T, StoreError> {
        let open = || builder::open(self.opening.step, &self.pool, self.tables.clone());
        self.opening.wait(self.settings, open).await?;
        let work = async {
            let mut lease = Lease::of(pool.acquire().await?);
            let done = work(lease.connection()).await;
            lease.end();
            done
        };
        self.settings.within(work).await
    }

    async fn sweep_table(&self, statement: &'static str, now: i64) -> Result<u64, StoreError> {
        rows::sweep(async || {
            let step = query(self.tables.sql(statement));
            let step = step.bind(now).bind(i64::from(rows::SWEEP));
            let done = self.run(async |connection| step.execute(connection).await);
            Ok(done.await?.rows_affected())
        })
        .await
    }
}

/// Makes a pool of one connection, of the kind that another pool has.
fn reader(pool: &PgPool) -> PgPool {
    let options = pool.options().clone();
    let options = options.min_connections(0).max_connections(1);
    options.connect_lazy_with((*pool.connect_options()).clone())
}

impl SessionStore for PostgresStore {
    fn capabilities(&self) -> StoreCapabilities {
        StoreCapabilities::shared()
            .own_clock()
            .epoch()
            .concurrent_calls(self.pool.options().get_max_connections())
    }

    async fn mark(&self) -> Result<StoreMark, StoreError> {
        let last = query_scalar(self.tables.sql(sql::LAST));
        self.run(async |connection| rows::mark(last.fetch_one(connection).await?))
            .await
    }

    async fn insert(&self, session: &StoredSession, begun: StoreMark) -> Result<bool, StoreError> {
        let insert = query(self.tables.sql(rows::INSERT));
        let insert = rows::bind_insert(insert, session, begun);
        let undo = query(self.tables.sql(sql::UNDO_INSERT))
            .bind(session.id.as_str())
            .bind(session.realm.as_str())
            .bind(&session.subject)
            .bind(rows::number(begun));
        self.run(async |connection| {
            if insert.execute(&mut *connection).await?.rows_affected() == 0 {
                return Ok(false);
            }
            let undone = undo.execute(connection).await?.rows_affected();
            Ok(undone == 0)
        })
        .await
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        let find = query_as(self.tables.sql(rows::FIND)).bind(id.as_str());
        self.run(async |connection| {
            let row = find.fetch_optional(connection).await?;
            row.map(rows::session).transpose()
        })
        .await
    }

    async fn rotate(&self, from: &TokenHash, next: &StoredSession) -> Result<bool, StoreError> {
        let rotate = query(self.tables.sql(rows::ROTATE));
        let rotate = rows::bind_rotate(rotate, from, next);
        let done = self.run(async |connection| rotate.execute(connection).await);
        Ok(done.await?.rows_affected() == 1)
    }

    async fn set_data(
        &self,
        id: &SessionId,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<bool, StoreError> {
        let set = query(self.tables.sql(sql::SET_DATA));
        let set = set.bind(id.as_str()).bind(from).bind(to);
        let done = self.run(async |connection| set.execute(connection).await);
        Ok(done.await?.rows_affected() == 1)
    }

    async fn end(
        &self,
        id: &SessionId,
        revocation: Option<&RevocationEntry>,
    ) -> Result<Option<EndedSession>, StoreError> {
        let end = match revocation.map(Columns::from) {
            Some(entry) => query_as(self.tables.sql(sql::END))
                .bind(id.as_str())
                .bind(entry.kind)
                .bind(entry.realm)
                .bind(entry.name)
                .bind(entry.issued_before)
                .bind(entry.until),
            None => query_as(self.tables.sql(rows::END_ONE)).bind(id.as_str()),
        };
        self.run(async |connection| {
            let ended = end.fetch_optional(connection).await?;
            ended.map(rows::ended).transpose()
        })
        .await
    }

    async fn end_all(
        &self,
        realm: &Realm,
        subject: &str,
        issued_before: i64,
        until: i64,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let remember = query(self.tables.sql(sql::REMEMBER))
            .bind(realm.as_str())
            .bind(subject);
        let end_all = query_as::<_, (String, i64)>(self.tables.sql(sql::END_ALL))
            .bind(realm.as_str())
            .bind(subject)
            .bind(issued_before)
            .bind(until);
        self.run(async |connection| {
            remember.execute(&mut *connection).await?;
            let ended = end_all.fetch_all(connection).await?;
            ended.into_iter().map(rows::ended).collect()
        })
        .await
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
        self.run(async |connection| {
            let found: Vec<SessionRow> = list.fetch_all(connection).await?;
            found.into_iter().map(rows::session).collect()
        })
        .await
    }

    async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        self.sweep_table(sql::SWEEP_REVOCATIONS, now).await?;
        self.sweep_table(sql::SWEEP_ENDINGS, now).await?;
        self.sweep_table(sql::SWEEP_SESSIONS, now).await
    }

    async fn health(&self) -> Result<(), StoreError> {
        let health = query(self.tables.sql(rows::HEALTH));
        let done = self.run(async |connection| health.execute(connection).await);
        rows::check_health(done.await?.rows_affected())
    }

    async fn epoch(&self) -> Result<Option<StoreEpoch>, StoreError> {
        self.epoch_on(&self.pool).await.map(Some)
    }

    async fn mark_restored(&self) -> Result<(), StoreError> {
        self.begin_epoch().await
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}
