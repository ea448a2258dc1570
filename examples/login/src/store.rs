//! The store that keeps the sessions, which may come later than the server.

mod late;
pub(crate) mod tool;

use std::{error::Error, path::PathBuf, time::Duration};

use countersign::{
    Issuer, MemoryStore, Revocation, Sessions,
    issue::{RingStore, SealedRing},
    revocation::RevocationLog,
    session::store::SessionStore,
};
use countersign_redis::RedisStore;
use countersign_sqlx::{PostgresStore, SqliteStore};
use tokio::time::{interval, sleep, timeout};
use tracing::{info, warn};

use self::late::Late;
use crate::{
    KeySource, issuer,
    keys::{open_sealed, sealing_keys},
    options::{Options, StoreChoice},
    with_causes,
};

/// Why there are no sessions.
type Trouble = Box<dyn Error + Send + Sync>;

/// The time for one try to connect.
const TRY: Duration = Duration::from_secs(5);
/// The longest pause between tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The time that the start waits for the first read of the log.
const FIRST_READ: Duration = Duration::from_secs(3);

/// Sessions that the chosen store keeps. While it is not there, they are answered with 503.
pub(crate) async fn sessions(options: &Options, keys: KeySource) -> Result<Sessions, Trouble> {
    match options.store()? {
        StoreChoice::Memory => {
            let KeySource::Here(keys) = keys else {
                return Err(NOT_IN_MEMORY.into());
            };
            let revocation = Revocation::local().build()?;
            start(issuer(options, keys)?, MemoryStore::new(), revocation)
        }
        StoreChoice::Postgres(url) => shared(options, keys, move || postgres(url.clone())).await,
        StoreChoice::Redis(url) => shared(options, keys, move || redis(url.clone())).await,
        StoreChoice::Sqlite(path) => shared(options, keys, move || sqlite(path.clone())).await,
    }
}

/// Names the ring of the keys that sign, for the operator's tool.
pub(crate) async fn ring(options: &Options) -> Result<SealedRing, String> {
    async fn of<S: RingStore>(
        options: &Options,
        connecting: impl Future<Output = Result<S, Trouble>>,
    ) -> Result<SealedRing, String> {
        let keys = sealing_keys(options.keys_seal.as_ref()).map_err(|error| error.to_string())?;
        let store = in_time(connecting).await;
        let store = store.map_err(|cause| format!("the store is not available: {cause}"))?;
        SealedRing::new(store, &options.issuer, keys).map_err(|error| error.to_string())
    }
    match options.store()? {
        StoreChoice::Memory => Err(NOT_IN_MEMORY.to_owned()),
        StoreChoice::Postgres(url) => of(options, postgres(url)).await,
        StoreChoice::Redis(url) => of(options, redis(url)).await,
        StoreChoice::Sqlite(path) => of(options, sqlite(path)).await,
    }
}

const NOT_IN_MEMORY: &str =
    "--keys store and --store memory exclude each other: the keys would end with the process";

/// Sessions in a store of several processes. They learn through it what one of them revokes.
///
/// One rule for the start: the server starts, is not ready, and recovers by itself. Only one whose keys are in the
/// store waits for it.
async fn shared<S, C, F>(
    options: &Options,
    keys: KeySource,
    connect: C,
) -> Result<Sessions, Trouble>
where
    S: SessionStore + RevocationLog + RingStore,
    C: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Result<S, Trouble>> + Send,
{
    let (keys, connected) = match keys {
        KeySource::Here(keys) => (keys, in_time(connect()).await),
        KeySource::Store(sealing) => {
            let store = reached(&connect).await;
            let ring = SealedRing::new(store.clone(), &options.issuer, sealing)?;
            let keys = open_sealed(ring, options.keys_interval()).await?;
            (keys, Ok(store))
        }
    };
    let store = Late::new();
    let revocation = Revocation::replica().build()?;
    let sessions = start(issuer(options, keys)?, store.clone(), revocation.clone())?;
    match connected {
        Ok(connected) => {
            tokio::spawn(revocation.follow(connected.clone()));
            store.arrive(connected);
            // Nobody has to be refused at the start who would be let in a moment later.
            let _ = timeout(FIRST_READ, until_read(&revocation)).await;
        }
        Err(cause) => {
            warn!(%cause, "the store is not available: sessions are answered with 503");
            tokio::spawn(async move {
                let connected = keep_trying(&connect, cause).await;
                info!("the store is available");
                store.arrive(connected.clone());
                revocation.follow(connected).await;
            });
        }
    }
    Ok(sessions)
}

/// Connects, and waits for a store that is not there.
async fn reached<S, C, F>(connect: &C) -> S
where
    C: Fn() -> F,
    F: Future<Output = Result<S, Trouble>>,
{
    match in_time(connect()).await {
        Ok(store) => store,
        Err(cause) => {
            warn!(%cause, "the store is not available, and the signing keys are there: the server waits for it");
            let store = keep_trying(connect, cause).await;
            info!("the store is available");
            store
        }
    }
}

/// Connects as soon as the store is there. A new cause is told.
async fn keep_trying<S, C, F>(connect: &C, mut told: String) -> S
where
    C: Fn() -> F,
    F: Future<Output = Result<S, Trouble>>,
{
    let mut pause = Duration::from_millis(250);
    loop {
        sleep(pause).await;
        pause = LONGEST_PAUSE.min(pause * 2);
        match in_time(connect()).await {
            Ok(store) => return store,
            Err(cause) if cause == told => {}
            Err(cause) => {
                warn!(%cause, "the store is still not available");
                told = cause;
            }
        }
    }
}

async fn in_time<S>(connecting: impl Future<Output = Result<S, Trouble>>) -> Result<S, String> {
    match timeout(TRY, connecting).await {
        Ok(connected) => connected.map_err(|trouble| with_causes(&*trouble)),
        Err(_) => Err("it does not answer".to_owned()),
    }
}

async fn until_read(revocation: &Revocation) {
    while !revocation.status().is_available() {
        sleep(Duration::from_millis(5)).await;
    }
}

fn start(
    issuer: Issuer,
    store: impl SessionStore,
    revocation: Revocation,
) -> Result<Sessions, Trouble> {
    let sessions = Sessions::builder(issuer, store)
        .revocation(revocation)
        .build()?;
    tokio::spawn(sweep(sessions.clone()));
    Ok(sessions)
}

/// Expired sessions open nothing, but they take up room.
async fn sweep(sessions: Sessions) {
    let mut hourly = interval(Duration::from_secs(3_600));
    hourly.tick().await; // at once: the store may not be there yet
    loop {
        hourly.tick().await;
        if let Err(error) = sessions.sweep().await {
            warn!(cause = %error, "expired sessions stay for now");
        }
    }
}

async fn postgres(url: String) -> Result<PostgresStore, Trouble> {
    Ok(PostgresStore::connect(&url).await?)
}

async fn redis(url: String) -> Result<RedisStore, Trouble> {
    Ok(RedisStore::connect(&url).await?)
}

async fn sqlite(path: PathBuf) -> Result<SqliteStore, Trouble> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)?;
    }
    Ok(SqliteStore::open(path).await?)
}
