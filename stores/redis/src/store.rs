//! Sessions in Redis.

use std::{fmt, sync::Arc};

use countersign::{Digest, SessionId, SessionStore, StoreError, StoredSession};
use redis::FromRedisValue;

use crate::{
    builder::RedisStoreBuilder,
    keys::Keys,
    link::Link,
    row::{self, FIELDS, Values},
    script::{self, Args, Script},
};

/// Sessions and revocations in Redis or Valkey, on one server or in a cluster.
///
/// It implements [`SessionStore`] and [`RevocationLog`](countersign::RevocationLog). It is cheap to
/// clone, and its clones share one connection. When that breaks, the calls under way fail, within
/// the [time-out](RedisStoreBuilder::timeout), and another one is made.
///
/// # Examples
///
/// ```no_run
/// use countersign_redis::RedisStore;
///
/// # async fn example() -> Result<(), countersign::StoreError> {
/// let store = RedisStore::connect("redis://127.0.0.1").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

struct Inner {
    link: Link,
    keys: Keys,
    /// Of the log, in seconds.
    retention: i64,
}

impl RedisStore {
    /// Connects to one server, with the default settings.
    ///
    /// # Errors
    ///
    /// As [`RedisStoreBuilder::connect`].
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::builder().connect(url).await
    }

    /// Connects to a cluster, with the default settings.
    ///
    /// # Errors
    ///
    /// As [`RedisStoreBuilder::cluster`].
    pub async fn cluster(
        urls: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, StoreError> {
        Self::builder().cluster(urls).await
    }

    /// The settings, to change before it connects.
    pub fn builder() -> RedisStoreBuilder {
        RedisStoreBuilder::new()
    }

    pub(crate) fn new(link: Link, keys: Keys, retention: i64) -> Self {
        Self(Arc::new(Inner {
            link,
            keys,
            retention,
        }))
    }

    /// A server that makes room by removing keys forgets sessions, and worse, revocations.
    pub(crate) async fn warn_of_eviction(&self) {
        let keys = [&*self.0.keys.log];
        let policy = self.run::<String>(&script::POLICY, &keys, Args::default());
        // Not every server tells everybody: then there is nothing to say.
        if let Ok(policy) = policy.await
            && policy != "noeviction"
        {
            tracing::warn!(
                target: "countersign",
                policy,
                "this Redis removes sessions and revocations when its memory is full: \
                 set maxmemory-policy to noeviction",
            );
        }
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn link(&self) -> &Link {
        &self.0.link
    }

    /// What every script that writes to the log begins its arguments with.
    pub(crate) fn retention(&self) -> Args {
        Args::default().with(self.0.retention)
    }

    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[&str],
        args: Args,
    ) -> Result<T, StoreError> {
        let result = script.run(&self.0.link, keys, args).await;
        result.map_err(StoreError::new)
    }

    /// Writes the session if the `current` of the stored one is `expected`; empty: if there is none.
    async fn put(&self, session: &StoredSession, expected: &[u8]) -> Result<bool, StoreError> {
        let keys = &self.0.keys;
        let expires_at = session.expires_at.min(LAST_EXPIRY);
        let args = Args::default()
            .with(session.id.as_str())
            .with(expected)
            .with(expires_at)
            .with(expires_at.saturating_add(MARGIN));
        self.run(
            &script::PUT,
            &[&keys.session(&session.id), &keys.subject(&session.subject)],
            row::append_to(args, session),
        )
        .await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("log", &self.0.keys.log)
            .finish_non_exhaustive()
    }
}

impl SessionStore for RedisStore {
    async fn insert(&self, session: &StoredSession) -> Result<(), StoreError> {
        if self.put(session, b"").await? {
            return Ok(());
        }
        // The client of a cluster sends a command again when its answer was lost.
        if self.find(&session.id).await?.as_ref() == Some(session) {
            return Ok(());
        }
        Err(StoreError::new("the session id is taken"))
    }

    async fn find(&self, id: &SessionId) -> Result<Option<StoredSession>, StoreError> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.0.keys.session(id)).arg(&FIELDS);
        let values: Values = self.0.link.send(&command).await.map_err(StoreError::new)?;
        row::session(id, values)
    }

    async fn rotate(&self, from: &Digest, next: &StoredSession) -> Result<bool, StoreError> {
        self.put(next, from.as_bytes()).await
    }

    async fn end(&self, id: &SessionId, until: i64) -> Result<bool, StoreError> {
        let keys = &self.0.keys;
        let args = self
            .retention()
            .with(id.as_str())
            .with(until)
            .with(&keys.subjects);
        self.run(&script::END, &[&keys.session(id), &keys.log], args)
            .await
    }

    async fn end_all(
        &self,
        subject: &str,
        issued_before: i64,
        until: i64,
    ) -> Result<Vec<SessionId>, StoreError> {
        let keys = &self.0.keys;
        let args = self
            .retention()
            .with(subject)
            .with(issued_before)
            .with(until)
            .with(&keys.sessions);
        let ended: Vec<String> = self
            .run(&script::END_ALL, &[&keys.subject(subject), &keys.log], args)
            .await?;
        ended.iter().map(|id| parse_id(id)).collect()
    }

    async fn list(&self, subject: &str, now: i64) -> Result<Vec<StoredSession>, StoreError> {
        let keys = &self.0.keys;
        let args = Args::default().with(now).with(&keys.sessions).with(&FIELDS);
        let found: Vec<(String, Values)> = self
            .run(&script::LIST, &[&keys.subject(subject)], args)
            .await?;
        let mut sessions = Vec::with_capacity(found.len());
        for (id, values) in found {
            sessions.extend(row::session(&parse_id(&id)?, values)?);
        }
        Ok(sessions)
    }

    async fn sweep(&self, _now: i64) -> Result<u64, StoreError> {
        // Sessions are removed by the server.
        let keys = [&*self.0.keys.log];
        self.run::<()>(&script::SWEEP, &keys, self.retention())
            .await?;
        Ok(0)
    }
}

/// Seconds for which the server keeps a session after it has expired: it may be that the clock of
/// the server is ahead of the one that decides.
const MARGIN: i64 = 3_600;

/// A time in the year 5138. With later ones, Redis calculates wrong.
const LAST_EXPIRY: i64 = 100_000_000_000;

fn parse_id(text: &str) -> Result<SessionId, StoreError> {
    SessionId::parse(text).ok_or_else(|| StoreError::new("not a session id in an index"))
}
