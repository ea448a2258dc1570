//! The command line of both programs.

use std::{
    ffi::OsStr,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use axum::http::Uri;
use clap::{
    Arg, Command,
    builder::{StringValueParser, TypedValueParser},
    error::ErrorKind,
    value_parser,
};
use demo::{LogFormat, Secret};
use etcetera::BaseStrategy;
use redis::IntoConnectionInfo;
use sqlx::postgres::PgConnectOptions;

use crate::{ISSUER, keys::KeysChoice, tool::Tool};

/// A login server with a page: sessions that refresh, and routes that need them.
#[derive(Clone, Debug, clap::Parser)]
#[non_exhaustive]
pub struct Options {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// Address and port of the operator's routes: /healthz, /readyz and /metrics [default: none]
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<SocketAddr>,

    /// Where sessions are kept: memory, sqlite:PATH, postgres://.. or redis://..; or where that is
    /// said: env:NAME, file:PATH. A URL with a password does not belong on the command line, where
    /// other users of the machine see it [default: an SQLite file in your data directory]
    #[arg(
        long,
        value_name = "STORE",
        env = "COUNTERSIGN_LOGIN_STORE",
        hide_env_values = true,
        global = true,
        value_parser = StoreParser
    )]
    pub store: Option<StoreChoice>,

    /// The issuer: the `iss` of the tokens, an https URL of your own
    #[arg(long, value_name = "URL", default_value = ISSUER, global = true, value_parser = issuer)]
    pub issuer: String,

    /// Tells browsers to come back over https only, for a year. For a server behind TLS
    #[arg(long)]
    pub hsts: bool,

    /// How long an access token lives
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds())]
    pub ttl: u32,

    /// Where the keys that sign are kept, for any number of nodes, and over restarts: a folder that
    /// `keys init` makes, or the word `store` for --store, where the first node makes them [default: a
    /// new key at each start]
    #[arg(long, value_name = "DIR|store", global = true)]
    pub keys: Option<KeysChoice>,

    /// With --keys store: where the key is that seals them there, 32 bytes in base64 (`openssl rand
    /// -base64 32`): env:NAME or file:PATH. Of several, with white space between them, the first one
    /// seals, and all open
    #[arg(long, value_name = "PLACE", value_parser = PlaceParser, global = true)]
    pub keys_seal: Option<Secret>,

    /// How often the keys are looked at. SIGHUP does it at once
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds())]
    pub keys_interval: u32,

    #[command(subcommand)]
    pub(crate) tool: Option<Tool>,

    /// How long to serve on after SIGTERM, not ready any more, until balancers have noticed
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = value_parser!(u16).range(..=300))]
    pub drain: u16,

    /// The form of the log. RUST_LOG says what is in it: info and above, if it is not set
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// Prints the code that the authenticator app of totp@example.com shows now, and ends
    #[arg(long)]
    pub code: bool,
}

impl Options {
    /// Reads the command line. On a mistake in it, for `--help` and `--code`, and for the subcommands, the process ends.
    #[must_use]
    pub async fn from_args() -> Self {
        let options: Self = clap::Parser::parse();
        if options.code {
            demo::say(demo::demo_code().unwrap_or_else(|line| demo::exit(line)));
            std::process::exit(0);
        }
        if let Some(tool) = &options.tool {
            let done = tool.run(&options).await;
            done.unwrap_or_else(|line| demo::exit(line));
            std::process::exit(0);
        }
        options
    }

    /// Returns how often the keys that sign are looked at.
    #[must_use]
    pub fn keys_interval(&self) -> Duration {
        Duration::from_secs(self.keys_interval.into())
    }

    /// Returns the chosen store, or the usual one.
    ///
    /// # Errors
    ///
    /// As [`StoreChoice::usual`].
    pub fn store(&self) -> Result<StoreChoice, String> {
        match &self.store {
            Some(choice) => Ok(choice.clone()),
            None => StoreChoice::usual(),
        }
    }

    /// How long the server drains.
    #[must_use]
    pub fn draining(&self) -> Duration {
        Duration::from_secs(self.drain.into())
    }

    /// How long an access token lives.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        Duration::from_secs(self.ttl.into())
    }
}

fn seconds() -> impl TypedValueParser<Value = u32> {
    value_parser!(u32).range(1..=3600)
}

/// An issuer identifier: an https URL without query and fragment (RFC 8414 section 2). For
/// development, http will do on a loopback host.
fn issuer(text: &str) -> Result<String, &'static str> {
    let url = text
        .parse::<Uri>()
        .ok()
        .filter(|_| text.is_ascii() && !text.contains('#'));
    let url = url.ok_or("it is a URL of ASCII characters, without a fragment")?;
    let authority = url.authority().map_or("", |authority| authority.as_str());
    if authority.is_empty() || authority.contains('@') || url.query().is_some() {
        return Err("it is a URL with a host, and without user, query and fragment");
    }
    let is_loopback = matches!(url.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match url.scheme_str() {
        Some("https") => Ok(text.to_owned()),
        Some("http") if is_loopback => Ok(text.to_owned()),
        _ => Err("it begins with https://, or with http:// for a loopback host"),
    }
}

/// Reads a store. Its errors do not repeat the text, as those of clap do: there may be a password in
/// it.
#[derive(Clone, Copy, Debug)]
struct StoreParser;

impl TypedValueParser for StoreParser {
    type Value = StoreChoice;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<StoreChoice, clap::Error> {
        let name = "--store or COUNTERSIGN_LOGIN_STORE";
        parse_unseen(name, command, arg, value, |text| {
            let Some(place) = Secret::parse(text) else {
                return text.parse();
            };
            let text = place
                .read(Path::new(""))
                .map_err(|error| error.to_string())?;
            let choice = text.parse::<StoreChoice>();
            choice.map_err(|error| format!("{place}: {error}"))
        })
    }
}

/// Reads the place of a secret. It may be the secret itself, by mistake: its errors do not repeat it.
#[derive(Clone, Copy, Debug)]
struct PlaceParser;

impl TypedValueParser for PlaceParser {
    type Value = Secret;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Secret, clap::Error> {
        parse_unseen("--keys-seal", command, arg, value, |text| {
            Secret::parse(text).ok_or_else(|| "say env:NAME or file:PATH".to_owned())
        })
    }
}

/// Reads a value that no error may show.
fn parse_unseen<T>(
    name: &str,
    command: &Command,
    arg: Option<&Arg>,
    value: &OsStr,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, clap::Error> {
    let unreadable = |text: &str| {
        let error = format!("{name}: {text}\n");
        clap::Error::raw(ErrorKind::ValueValidation, error).with_cmd(command)
    };
    let text = StringValueParser::new().parse_ref(command, arg, value);
    let text = text.map_err(|_| unreadable("it is not valid UTF-8"))?;
    parse(&text).map_err(|error| unreadable(&error))
}

/// Which store keeps the sessions. `Debug` does not show a URL, which may have a password in it.
#[derive(Clone, PartialEq, Eq)]
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
            ("postgres" | "postgresql", _) => match text.parse::<PgConnectOptions>() {
                Ok(_) => Ok(Self::Postgres(text.to_owned())),
                Err(_) => Err("it is no URL of a PostgreSQL database".to_owned()),
            },
            ("redis" | "rediss" | "valkey" | "unix", _) => match text.into_connection_info() {
                Ok(_) => Ok(Self::Redis(text.to_owned())),
                Err(_) => Err("it is no URL of a Redis server".to_owned()),
            },
            (_, Some(path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            _ => Err(
                "say memory, sqlite:PATH, postgres://.., redis://.., env:NAME or file:PATH"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Debug for StoreChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("Memory"),
            Self::Postgres(_) => f.debug_struct("Postgres").finish_non_exhaustive(),
            Self::Redis(_) => f.debug_struct("Redis").finish_non_exhaustive(),
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn parse(args: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from([&["login"], args].concat())
    }

    fn store(text: &str) -> Option<StoreChoice> {
        parse(&["--store", text]).ok()?.store
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
        let ttl = |text| parse(&["--ttl", text]).map(|all| all.ttl);
        assert_eq!(ttl("1").ok(), Some(1));
        assert!(ttl("0").is_err());
        assert!(ttl("3601").is_err());
    }
    #[test]
    fn an_issuer_is_an_https_url_or_one_of_this_machine() {
        let issuer = |text| parse(&["--issuer", text]).ok().map(|all| all.issuer);
        assert_eq!(parse(&[]).unwrap().issuer, "https://login.example");
        for text in [
            "https://id.example",
            "https://id.example/",
            "https://id.example:8443/shop",
            "http://127.0.0.1:3000",
            "http://localhost",
            "http://[::1]:3000/a",
        ] {
            assert_eq!(issuer(text).as_deref(), Some(text));
        }
        for text in [
            "",
            "id.example",
            "id.example:443",
            "/",
            "https://",
            "https:///a",
            "http://id.example",
            "http://localhost.example",
            "ftp://localhost",
            "https://id.example?a=b",
            "https://id.example#a",
            "https://ada:secret@id.example",
            "https://id.example/a b",
            "https://id.ex\u{e4}mple",
        ] {
            assert_eq!(issuer(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_in_the_place_of_its_place_is_never_shown() {
        let mistyped = parse(&[
            "--keys-seal",
            "s2QNMaBdF0rOJ41rYIu+kTJoXrTqA9gUWW9fpKwAMZo=",
        ]);
        let told = mistyped.unwrap_err().to_string();
        assert_eq!(told, "error: --keys-seal: say env:NAME or file:PATH\n");
    }

    #[test]
    fn a_store_with_a_password_is_never_shown() {
        let url = "postgres://app:hunter2@db.example/app";
        let options = parse(&["--store", url]).unwrap();
        assert!(!format!("{options:?}").contains("hunter2"));
        assert!(!format!("{:?}", store("redis://:hunter2@localhost")).contains("hunter2"));

        let mistyped = parse(&["--store", "postgress://app:hunter2@db.example/app"]);
        let told = mistyped.unwrap_err().to_string();
        assert!(told.contains("say memory, sqlite:PATH"), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}
