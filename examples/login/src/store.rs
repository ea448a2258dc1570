//! The store that keeps the sessions, which may come later than the server.

mod late;
pub(crate) mod tool;

use std::{error::Error, path::Path, time::Duration};

use countersign::{
    Issuer, MemoryStore, Revocation, Sessions, revocation::RevocationLog,
    session::store::SessionStore,
};
use countersign_redis::RedisStore;
use countersign_sqlx::{PostgresStore, SqliteStore};
use tokio::time::{interval, sleep, timeout};
use tracing::{info, warn};

use self::late::Late;
use crate::{options::StoreChoice, with_causes};

/// Why there are no sessions.
type Trouble = Box<dyn Error + Send + Sync>;

/// The time for one try to connect.
const TRY: Duration = Duration::from_secs(5);
/// The longest pause between tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The time that the start waits for the first read of the log.
const FIRST_READ: Duration = Duration::from_secs(3);

/// Sessions that the chosen store keeps. While it is not there, they are answered with 503.
pub(crate) async fn sessions(issuer: Issuer, choice: StoreChoice) -> Result<Sessions, Trouble> {
    match choice {
        StoreChoice::Memory => start(issuer, MemoryStore::new(), Revocation::local().build()?),
        StoreChoice::Postgres(url) => {
            shared(issuer, move || {
                let url = url.clone();
                async move { Ok(PostgresStore::connect(&url).await?) }
            })
            .await
        }
        StoreChoice::Redis(url) => {
            shared(issuer, move || {
                let url = url.clone();
                async move { Ok(RedisStore::connect(&url).await?) }
            })
            .await
        }
        StoreChoice::Sqlite(path) => {
            shared(issuer, move || {
                let path = path.clone();
                async move { sqlite(&path).await }
            })
            .await
        }
    }
}

/// Sessions in a store of several processes. They learn through it what one of them revokes.
///
/// One rule for the start: the server starts, is not ready, and recovers by itself.
async fn shared<S, C, F>(issuer: Issuer, connect: C) -> Result<Sessions, Trouble>
where
    S: SessionStore + RevocationLog,
    C: Fn() -> F + Send + 'static,
    F: Future<Output = Result<S, Trouble>> + Send,
{
    let store = Late::new();
    let revocation = Revocation::replica().build()?;
    let sessions = start(issuer, store.clone(), revocation.clone())?;
    match in_time(connect()).await {
        Ok(connected) => {
            tokio::spawn(revocation.follow(connected.clone()));
            store.arrive(connected);
            // Nobody has to be refused at the start who would be let in a moment later.
            let _ = timeout(FIRST_READ, until_read(&revocation)).await;
        }
        Err(cause) => {
            warn!(%cause, "the store is not available: sessions are answered with 503");
            tokio::spawn(async move {
                let connected = keep_trying(connect, cause).await;
                info!("the store is available");
                store.arrive(connected.clone());
                revocation.follow(connected).await;
            });
        }
    }
    Ok(sessions)
}

/// Connects as soon as the store is there. A new cause is told.
async fn keep_trying<S, C, F>(connect: C, mut told: String) -> S
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

async fn sqlite(path: &Path) -> Result<SqliteStore, Trouble> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)?;
    }
    Ok(SqliteStore::open(path).await?)
}
