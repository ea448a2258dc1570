//! A store on Redis: its connections and its keys.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use countersign::session::store::StoreError;
use redis::FromRedisValue;
use tokio::sync::Mutex;

use crate::{
    builder::RedisStoreBuilder,
    keys::Keys,
    link::{Link, Target},
    script::{Args, Script},
};

/// Sessions and revocations in Redis or Valkey, on one server or in a cluster.
///
/// It implements [`SessionStore`](countersign::session::store::SessionStore) and [`RevocationLog`](countersign::revocation::RevocationLog). It is
/// cheap to clone, and its clones share two connections: one for all calls, and one that reads the log, so that no
/// call which the server holds back keeps a node from hearing of revocations. When one breaks, the calls under way
/// fail, within the [time-out](RedisStoreBuilder::timeout), and another one is made.
///
/// # Examples
///
/// ```no_run
/// use countersign_redis::RedisStore;
///
/// # async fn example() -> Result<(), countersign::session::store::StoreError> {
/// let store = RedisStore::connect("redis://127.0.0.1").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) link: Link,
    /// The connection that reads the log.
    reader: Link,
    pub(crate) keys: Keys,
    /// The time that the log keeps an entry, in seconds.
    pub(crate) retention: i64,
    /// Set once the log was asked to keep something for longer.
    has_shortened: AtomicBool,
    /// Set once the keys are known to have a layout that this program can use.
    pub(crate) is_open: AtomicBool,
    /// Where the search for keys of another layout goes on, if whoever began it has left. One caller searches at a
    /// time.
    pub(crate) cursor: Mutex<String>,
    /// Set once the log says that they have another layout.
    pub(crate) is_told: AtomicBool,
    /// Set once the log says that the server keeps its name to itself.
    pub(crate) is_hidden_told: AtomicBool,
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

    /// Makes a store whose connections are made when they are used.
    pub(crate) fn new(target: Target, timeout: Duration, keys: Keys, retention: Duration) -> Self {
        let retention = i64::try_from(retention.as_secs()).unwrap_or(LAST_EXPIRY);
        Self(Arc::new(Inner {
            link: Link::new(target.clone(), timeout),
            reader: Link::new(target, timeout),
            keys,
            retention: retention.min(LAST_EXPIRY),
            has_shortened: AtomicBool::new(false),
            is_open: AtomicBool::new(false),
            cursor: Mutex::new("0".to_owned()),
            is_told: AtomicBool::new(false),
            is_hidden_told: AtomicBool::new(false),
        }))
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn link(&self) -> &Link {
        &self.0.link
    }

    pub(crate) fn reader(&self) -> &Link {
        &self.0.reader
    }

    /// Starts the arguments of a script that writes to the log.
    pub(crate) fn retention(&self) -> Args {
        Args::default().with(self.0.retention)
    }

    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[&str],
        args: Args,
    ) -> Result<T, StoreError> {
        self.opened().await?;
        let result = script.run(&self.0.link, keys, args).await;
        result.map_err(StoreError::new)
    }

    /// Logs once that the log keeps an entry for too short a time. An ending must not fail for that.
    pub(crate) fn notice_shortened(&self, shortened: bool) {
        if shortened && !self.0.has_shortened.swap(true, Ordering::Relaxed) {
            let retention = self.0.retention;
            tracing::error!(
                target: "countersign",
                retention,
                "revocations count for longer than the log in Redis keeps them, and are forgotten too early: \
                 raise the retention, or look at the clocks of this node and of Redis",
            );
        }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("log", &self.0.keys.log)
            .finish_non_exhaustive()
    }
}

/// A time in the year 5138. With later ones, Redis calculates wrong.
pub(crate) const LAST_EXPIRY: i64 = 100_000_000_000;
