//! A test on every store, through every entry.

use std::future::Future;

use countersign::{
    MemoryStore,
    revocation::RevocationEntry,
    session::{
        Realm, SessionId,
        store::{
            EndedSession, SessionStore, StoreCapabilities, StoreError, StoreMark, StoredSession,
            TokenHash,
        },
    },
};
use countersign_redis::RedisStore;
use countersign_sqlx::{PostgresStore, SqliteStore};
use countersign_tests::services::{Postgres, Redis};
use tokio::runtime::{Handle, Runtime};

/// A check of a store.
pub(crate) trait Check {
    fn check(&self, name: &str, store: impl SessionStore);
}

/// Checks each store that is installed.
pub(crate) fn on_all_stores(check: &impl Check) {
    check.check("memory", MemoryStore::new());
    let runtime = Runtime::new().unwrap();
    let on = |handle: &Handle| handle.clone();
    let folder = tempfile::tempdir().unwrap();
    let sqlite = runtime.block_on(SqliteStore::open(folder.path().join("sessions.db")));
    check.check("SQLite", On(sqlite.unwrap(), on(runtime.handle())));
    if let Some(server) = Redis::start() {
        let redis = runtime.block_on(RedisStore::connect(&server.url()));
        check.check("Redis", On(redis.unwrap(), on(runtime.handle())));
    }
    if let Some(server) = Postgres::shared() {
        let postgres = runtime.block_on(PostgresStore::connect(&server.database()));
        check.check("PostgreSQL", On(postgres.unwrap(), on(runtime.handle())));
    }
}

/// A store whose connections live in a runtime of their own: each entry has another one.
#[derive(Clone)]
struct On<S>(S, Handle);

impl<S: SessionStore> On<S> {
    async fn run<T, F>(&self, step: impl FnOnce(S) -> F) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        self.1.spawn(step(self.0.clone())).await.unwrap()
    }
}

impl<S: SessionStore> SessionStore for On<S> {
    fn capabilities(&self) -> StoreCapabilities {
        self.0.capabilities()
    }

    async fn mark(&self) -> Result<StoreMark, StoreError> {
        self.run(|store| async move { store.mark().await }).await
    }

    async fn insert(&self, session: &StoredSession, begun: StoreMark) -> Result<bool, StoreError> {
        let session = session.clone();
        self.run(move |store| async move { store.insert(&session, begun).await })
            .await
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        let id = id.clone();
        self.run(move |store| async move { store.find(&id).await })
            .await
    }

    async fn rotate(&self, from: &TokenHash, next: &StoredSession) -> Result<bool, StoreError> {
        let (from, next) = (*from, next.clone());
        self.run(move |store| async move { store.rotate(&from, &next).await })
            .await
    }

    async fn set_data(
        &self,
        id: &SessionId,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<bool, StoreError> {
        let (id, from, to) = (id.clone(), from.map(str::to_owned), to.map(str::to_owned));
        self.run(
            move |store| async move { store.set_data(&id, from.as_deref(), to.as_deref()).await },
        )
        .await
    }

    async fn end(
        &self,
        id: &SessionId,
        revocation: Option<&RevocationEntry>,
    ) -> Result<Option<EndedSession>, StoreError> {
        let (id, revocation) = (id.clone(), revocation.cloned());
        self.run(move |store| async move { store.end(&id, revocation.as_ref()).await })
            .await
    }

    async fn end_all(
        &self,
        realm: &Realm,
        subject: &str,
        issued_before: i64,
        until: i64,
    ) -> Result<Vec<EndedSession>, StoreError> {
        let (realm, subject) = (realm.clone(), subject.to_owned());
        self.run(
            move |store| async move { store.end_all(&realm, &subject, issued_before, until).await },
        )
        .await
    }

    async fn list(
        &self,
        realm: &Realm,
        subject: &str,
        now: i64,
    ) -> Result<Vec<StoredSession>, StoreError> {
        let (realm, subject) = (realm.clone(), subject.to_owned());
        self.run(move |store| async move { store.list(&realm, &subject, now).await })
            .await
    }

    async fn sweep(&self, now: i64) -> Result<u64, StoreError> {
        self.run(move |store| async move { store.sweep(now).await })
            .await
    }
}
