//! Redis: a failover, and a snapshot that is restored.

use std::path::PathBuf;

use countersign_redis::RedisStore;
use countersign_tests::services::Redis;

use crate::people::{Event, rows};

struct Failover {
    primary: Redis,
    replica: Redis,
}

impl Event for Failover {
    type Store = RedisStore;

    const NAME: &'static str = "Redis: failover to a replica that lags";

    async fn start() -> Option<(Self, RedisStore)> {
        let (primary, replica) = (Redis::start()?, Redis::start()?);
        let store = RedisStore::connect(&primary.url()).await.unwrap();
        Some((Self { primary, replica }, store))
    }

    async fn cut(&mut self) {
        self.replica.follow(&self.primary);
        self.replica.promote();
    }

    async fn after(&mut self) -> RedisStore {
        self.primary.kill();
        RedisStore::connect(&self.replica.url()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_to_a_replica_that_lags() {
    if let Some(rows) = rows::<Failover>().await {
        crate::table::compare(Failover::NAME, &rows);
    }
}

struct Snapshot {
    server: Redis,
    snapshot: PathBuf,
    restored: Option<Redis>,
}

impl Event for Snapshot {
    type Store = RedisStore;

    const NAME: &'static str = "Redis: snapshot restored";

    async fn start() -> Option<(Self, RedisStore)> {
        let server = Redis::start()?;
        let store = RedisStore::connect(&server.url()).await.unwrap();
        let event = Self {
            server,
            snapshot: PathBuf::new(),
            restored: None,
        };
        Some((event, store))
    }

    async fn cut(&mut self) {
        self.snapshot = self.server.snapshot();
    }

    async fn after(&mut self) -> RedisStore {
        let restored = self.restored.insert(self.server.start_on(&self.snapshot));
        RedisStore::connect(&restored.url()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_restored() {
    if let Some(rows) = rows::<Snapshot>().await {
        crate::table::compare(Snapshot::NAME, &rows);
    }
}
