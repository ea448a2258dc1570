//! The operator's tool for the store: what to do after a restore.

use std::time::Duration;

use clap::Subcommand;
use countersign::{
    Clock, Issuer, Revocation, Sessions, SigningKey, SystemClock, session::store::SessionStore,
};
use countersign_redis::RedisStore;
use countersign_sqlx::{PostgresStore, SqliteStore};
use demo::say;

use super::Trouble;
use crate::{
    AUDIENCE,
    options::{Options, StoreChoice},
    with_causes,
};

/// The longest that a server may let an access token live: that of `--ttl`.
const LONGEST_TTL: Duration = Duration::from_secs(3_600);
/// Shorter than that of any server: sessions may have issued tokens for longer than this.
const SHORTEST_TTL: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum StoreTool {
    /// Ends all sessions of --issuer that began before a time, and revokes its access tokens from before it
    EndBefore {
        /// Seconds since 1970, as `date +%s` prints them; not in the future
        #[arg(value_name = "TIME")]
        time: i64,
    },
    /// Notes that the data of --store was restored from a backup
    Restored,
}

impl StoreTool {
    /// Does it. An error is one line for the operator.
    pub(crate) async fn run(self, options: &Options) -> Result<(), String> {
        let store = options
            .store
            .clone()
            .ok_or("say which store with --store")?;
        let done = self.run_on(store, &options.issuer).await;
        done.map_err(|trouble| with_causes(&*trouble))
    }

    async fn run_on(self, store: StoreChoice, issuer: &str) -> Result<(), Trouble> {
        match store {
            StoreChoice::Memory => Err("sessions in memory end with their process".into()),
            StoreChoice::Postgres(url) => {
                self.run_with(PostgresStore::connect(&url).await?, issuer)
                    .await
            }
            StoreChoice::Redis(url) => {
                self.run_with(RedisStore::connect(&url).await?, issuer)
                    .await
            }
            StoreChoice::Sqlite(path) => {
                self.run_with(SqliteStore::open(path).await?, issuer).await
            }
        }
    }

    async fn run_with(self, store: impl SessionStore, name: &str) -> Result<(), Trouble> {
        match self {
            Self::EndBefore { time } if time > SystemClock.now() => {
                return Err("TIME is in the future: it is in seconds since 1970".into());
            }
            Self::EndBefore { time } => {
                let issuer = Issuer::builder(name, SigningKey::generate_es256()?)
                    .audience(AUDIENCE)
                    .ttl(SHORTEST_TTL)
                    .max_ttl(LONGEST_TTL)
                    .build()?;
                let sessions = Sessions::builder(issuer, store)
                    .single_process() // it verifies nothing: the servers read the log
                    .revocation(Revocation::local().build()?)
                    .build()?;
                let ended = sessions.end_everything_before(time).await?;
                say(format_args!("sessions of {name} that are ended: {ended}"));
            }
            Self::Restored => {
                store.mark_restored().await?;
                say("the data is marked as restored");
            }
        }
        Ok(())
    }
}
