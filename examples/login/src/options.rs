//! The command line of both programs.

use std::{net::SocketAddr, path::PathBuf, str::FromStr, time::Duration};

use etcetera::BaseStrategy;

/// A login server with a page: sessions that refresh, and routes that need them.
#[derive(Clone, Debug, clap::Parser)]
#[non_exhaustive]
pub struct Options {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// Where sessions are kept: memory, sqlite:PATH, postgres://.. or redis://..
    /// [default: an SQLite file in your data directory]
    #[arg(long, value_name = "STORE")]
    pub store: Option<StoreChoice>,

    /// How long an access token lives
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds())]
    pub ttl: u32,
}

impl Options {
    /// Reads the command line. On a mistake in it, or for `--help`, the process ends.
    #[must_use]
    pub fn from_args() -> Self {
        clap::Parser::parse()
    }

    /// How long an access token lives.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.ttl.into())
    }
}

fn seconds() -> impl clap::builder::TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(1..=3600)
}

/// Which store keeps the sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreChoice {
    /// The process: sessions end with it.
    Memory,
    /// A PostgreSQL database.
    Postgres(String),
    /// A Redis or Valkey server.
    Redis(String),
    /// A file.
    Sqlite(PathBuf),
}

impl StoreChoice {
    /// The file that keeps the sessions unless the command line names a store: on Linux
    /// `~/.local/share/countersign-login/sessions.db`.
    ///
    /// # Errors
    ///
    /// One line for the operator: nobody knows where the data directory is.
    pub fn usual() -> Result<Self, String> {
        let base = etcetera::choose_base_strategy()
            .map_err(|_| "there is no data directory: say where with --store".to_owned())?;
        let folder = base.data_dir().join("countersign-login");
        Ok(Self::Sqlite(folder.join("sessions.db")))
    }
}

impl FromStr for StoreChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let scheme = text.split(':').next().unwrap_or(text);
        match (scheme, text.strip_prefix("sqlite:")) {
            ("memory", _) if text == "memory" => Ok(Self::Memory),
            ("postgres" | "postgresql", _) => Ok(Self::Postgres(text.to_owned())),
            ("redis" | "rediss" | "valkey" | "unix", _) => Ok(Self::Redis(text.to_owned())),
            (_, Some(path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            _ => Err("say memory, sqlite:PATH, postgres://.. or redis://..".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn store(text: &str) -> Option<StoreChoice> {
        Options::try_parse_from(["login", "--store", text])
            .ok()?
            .store
    }

    #[test]
    fn each_store_is_chosen_by_one_word() {
        assert_eq!(store("memory"), Some(StoreChoice::Memory));
        assert_eq!(
            store("sqlite:a/b.db"),
            Some(StoreChoice::Sqlite("a/b.db".into()))
        );
        let postgres = "postgres://localhost/login";
        assert_eq!(
            store(postgres),
            Some(StoreChoice::Postgres(postgres.into()))
        );
        let redis = "redis://127.0.0.1:6379";
        assert_eq!(store(redis), Some(StoreChoice::Redis(redis.into())));
    }

    #[test]
    fn another_store_is_refused() {
        for text in ["", "mysql://x", "sqlite:", "memory:1", "file"] {
            assert_eq!(store(text), None, "{text}");
        }
    }

    #[test]
    fn a_token_lives_between_a_second_and_an_hour() {
        let ttl = |text| Options::try_parse_from(["login", "--ttl", text]).map(|all| all.ttl);
        assert_eq!(ttl("1").ok(), Some(1));
        assert!(ttl("0").is_err());
        assert!(ttl("3601").is_err());
    }
}
