//! Opening the store that the command line names. One line of it is all that differs.

use std::{error::Error, path::Path, time::Duration};

use countersign::{
    Issuer, MemoryStore, Revocation, Sessions, revocation::RevocationLog,
    session::store::SessionStore,
};
use countersign_redis::RedisStore;
use countersign_sqlx::{PostgresStore, SqliteStore};
use demo::complain;
use tokio::time::interval;

use crate::options::StoreChoice;

/// Why there are no sessions.
type Trouble = Box<dyn Error + Send + Sync>;

/// Sessions that the chosen store keeps.
pub(crate) async fn sessions(issuer: Issuer, choice: &StoreChoice) -> Result<Sessions, Trouble> {
    match choice {
        StoreChoice::Memory => start(issuer, MemoryStore::new(), Revocation::local().build()?),
        StoreChoice::Postgres(url) => shared(issuer, PostgresStore::connect(url).await?),
        StoreChoice::Redis(url) => shared(issuer, RedisStore::connect(url).await?),
        StoreChoice::Sqlite(path) => shared(issuer, sqlite(path).await?),
    }
}

/// The other processes learn through the store what one of them revokes.
fn shared<S: SessionStore + RevocationLog>(issuer: Issuer, store: S) -> Result<Sessions, Trouble> {
    let revocation = Revocation::replica().build()?;
    tokio::spawn(revocation.follow(store.clone()));
    start(issuer, store, revocation)
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
    loop {
        hourly.tick().await;
        if let Err(error) = sessions.sweep().await {
            complain(format_args!(
                "warning: expired sessions stay for now: {error}"
            ));
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
