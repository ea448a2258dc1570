//! The settings of a store.

use std::time::Duration;

use countersign::session::store::StoreError;
use redis::{
    Client, IntoConnectionInfo, ProtocolVersion, cluster::ClusterClient, io::tcp::TcpSettings,
};

use crate::{keys::Keys, link::Target, store::RedisStore};

/// The settings of a [`RedisStore`].
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use countersign_redis::RedisStore;
///
/// # async fn example() -> Result<(), countersign::session::store::StoreError> {
/// let store = RedisStore::builder()
///     .prefix("shop")
///     .timeout(Duration::from_millis(500))
///     .connect("redis://redis.internal")
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct RedisStoreBuilder {
    prefix: String,
    retention: Duration,
    timeout: Duration,
}

impl RedisStoreBuilder {
    pub(crate) fn new() -> Self {
        Self {
            prefix: "countersign".into(),
            retention: Duration::from_secs(25 * 3_600),
            timeout: Duration::from_secs(2),
        }
    }

    /// Sets the prefix of the names of all keys, which is in braces: by default `countersign`. Stores with
    /// different prefixes share nothing.
    ///
    /// One or more visible ASCII characters other than braces.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how long the log keeps a revocation: by default 25 hours. It counts in whole seconds.
    ///
    /// No access token may live longer than this, five minutes of leeway and five for clocks
    /// included: [`SessionsBuilder::build`](countersign::session::SessionsBuilder::build) refuses it. A
    /// [revocation](countersign::revocation::RevocationLog::append) by the app that counts for longer is
    /// refused, with an error that says so: raise this setting, or let the entry end with the last token
    /// concerned. The revocation of a session that ends is kept for as long as this, and an error is logged
    /// once. All stores with one prefix need the same setting.
    pub fn retention(mut self, time: Duration) -> Self {
        self.retention = time;
        self
    }

    /// Sets how long to wait for the answer to a command, and for a connection to send it on: by default
    /// 2 seconds.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// Connects to one server. The URL is `redis://[user:password@]host[:port][/database]`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when a setting or the URL cannot be used, the server cannot be reached, or it has keys
    /// of another layout under this prefix. Its [`source`](std::error::Error::source) says what to do.
    pub async fn connect(self, url: &str) -> Result<RedisStore, StoreError> {
        opened(self.connect_lazy(url)?).await
    }

    /// Connects to a cluster. Name more than one of its nodes: the others are found through any
    /// that can be reached.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn cluster(
        self,
        urls: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<RedisStore, StoreError> {
        opened(self.cluster_lazy(urls)?).await
    }

    /// Makes a store that connects when it is first used, for a program that has to start while the server is
    /// away.
    ///
    /// Until the server is there, every call is an error, so that clients are answered with 503 and the program is
    /// not ready. The first call that reaches it checks the layout of the keys; a replica that follows the log
    /// makes such calls all the time. Keys of another layout are told once in the log, at `error`, and nothing is
    /// written. When they are gone, the next call goes on.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when a setting or the URL cannot be used.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn start() -> Result<(), countersign::session::store::StoreError> {
    /// use countersign_redis::RedisStore;
    ///
    /// let store = RedisStore::builder().connect_lazy("redis://redis.internal")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect_lazy(self, url: &str) -> Result<RedisStore, StoreError> {
        let server = url.into_connection_info().map_err(StoreError::new)?;
        let settings = server.redis_settings().clone();
        // Only in this protocol the client says when a connection was closed.
        let settings = settings.set_protocol(ProtocolVersion::RESP3);
        let server = server.set_redis_settings(settings);
        let client = Client::open(server.set_tcp_settings(at_once()));
        let client = client.map_err(StoreError::new)?;
        self.with(Target::Single(client))
    }

    /// Makes a store on a cluster that connects when it is first used: see
    /// [`connect_lazy`](Self::connect_lazy).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn cluster_lazy(
        self,
        urls: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<RedisStore, StoreError> {
        let urls: Vec<_> = urls.into_iter().collect();
        let client = ClusterClient::builder(urls.iter().map(AsRef::as_ref))
            .tcp_settings(at_once())
            // Half, so that a node that is gone leaves time to ask another one.
            .connection_timeout(self.timeout / 2)
            .response_timeout(self.timeout)
            .build()
            .map_err(StoreError::new)?;
        self.with(Target::Cluster(Box::new(client)))
    }

    fn with(self, target: Target) -> Result<RedisStore, StoreError> {
        let keys = Keys::new(&self.prefix).map_err(StoreError::new)?;
        Ok(RedisStore::new(target, self.timeout, keys, self.retention))
    }
}

/// Connects, and checks what is there.
async fn opened(store: RedisStore) -> Result<RedisStore, StoreError> {
    store.link().connect().await.map_err(StoreError::new)?;
    store.opened().await?;
    Ok(store)
}

/// Sends commands at once: they are short, and must not wait for more to fill a packet with.
fn at_once() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}
