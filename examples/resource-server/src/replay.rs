//! The store of used proofs that `dpop.replay` names.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign::{
    keys::BoxFuture,
    proof::{MemoryReplayStore, ReplayKey, ReplayStore},
    session::store::StoreError,
};
use countersign_redis::RedisReplayStore;
use countersign_sqlx::{PostgresReplayStore, SqliteReplayStore};
use tokio::{runtime::Handle, sync::OnceCell};
use toml::Spanned;

use crate::{config::Config, place::Mistake};

/// A store of used proofs, and where it is.
#[derive(Clone)]
pub(crate) struct Replay {
    /// As the file says it: it may hold a password.
    place: String,
    store: Arc<dyn ReplayStore>,
}

impl Replay {
    /// Reads `dpop.replay`; `None` for "nonce-only". The store `before` stays if the text is the same.
    pub(crate) fn read(
        config: &Config,
        text: &Spanned<String>,
        before: Option<&Self>,
    ) -> Result<Option<Self>, Mistake> {
        let place = text.get_ref().as_str();
        if place == "nonce-only" {
            return Ok(None);
        }
        if let Some(before) = before.filter(|before| before.place == place) {
            return Ok(Some(before.clone()));
        }
        let away = match place.split_once(':') {
            None if place == "memory" => None,
            Some(("redis" | "rediss", rest)) if is_url(rest) => Some(Away::Redis(place.to_owned())),
            Some(("postgres" | "postgresql", rest)) if is_url(rest) => {
                Some(Away::Postgres(place.to_owned()))
            }
            Some(("sqlite", path)) if !path.is_empty() => {
                Some(Away::Sqlite(config.path(Path::new(path))))
            }
            _ => {
                let text_of_it = "say \"memory\", \"redis://..\", \"postgres://..\", \"sqlite:PATH\" or \"nonce-only\"";
                return Err(config.mistake(text, text_of_it));
            }
        };
        let store: Arc<dyn ReplayStore> = match away {
            None => Arc::new(MemoryReplayStore::new()),
            Some(away) => Arc::new(Late::new(away)),
        };
        Ok(Some(Self {
            place: place.to_owned(),
            store,
        }))
    }

    pub(crate) fn store(&self) -> &Arc<dyn ReplayStore> {
        &self.store
    }

    /// Returns whether other nodes have it, too.
    pub(crate) fn is_shared(&self) -> bool {
        self.store.is_shared()
    }
}

fn is_url(rest: &str) -> bool {
    rest.strip_prefix("//").is_some_and(|rest| !rest.is_empty())
}

/// Where a store is that other nodes share.
enum Away {
    Redis(String),
    Postgres(String),
    Sqlite(PathBuf),
}

impl Away {
    async fn open(&self) -> Result<Box<dyn ReplayStore>, StoreError> {
        Ok(match self {
            Self::Redis(url) => Box::new(RedisReplayStore::connect(url).await?),
            Self::Postgres(url) => {
                let opened = PostgresReplayStore::connect(url).await;
                Box::new(opened.map_err(StoreError::new)?)
            }
            Self::Sqlite(path) => {
                let opened = SqliteReplayStore::open(path).await;
                Box::new(opened.map_err(StoreError::new)?)
            }
        })
    }
}

/// A store that is opened by the first proof: until it is there, requests with a proof are answered with 503.
///
/// Its connections belong to the runtime of the program, and outlive the threads of a server that a reload replaces.
struct Late(Arc<Opening>);

struct Opening {
    away: Away,
    store: OnceCell<Box<dyn ReplayStore>>,
    runtime: Handle,
}

impl Late {
    fn new(away: Away) -> Self {
        Self(Arc::new(Opening {
            away,
            store: OnceCell::new(),
            runtime: Handle::current(),
        }))
    }
}

impl ReplayStore for Late {
    fn insert(&self, key: ReplayKey, now: i64, until: i64) -> BoxFuture<Result<bool, StoreError>> {
        let opening = Arc::clone(&self.0);
        let inserted = self.0.runtime.spawn(async move {
            let store = opening.store.get_or_try_init(|| opening.away.open());
            store.await?.insert(key, now, until).await
        });
        Box::pin(async move { inserted.await.map_err(StoreError::new)? })
    }
}

impl fmt::Debug for Replay {
    /// Without the place, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay").finish_non_exhaustive()
    }
}
