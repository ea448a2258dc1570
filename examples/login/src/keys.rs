//! The keys that sign, in a folder that all nodes read, and the operator's tool for it.

use std::{fs, io::Write, path::Path, sync::Arc, time::Duration};

use clap::{Subcommand, builder::TypedValueParser};
use countersign::{
    Algorithm, Clock, ConfigError, SigningKey, SigningKeys, SystemClock,
    issue::{KeyFolder, RingDocument, RingTimes},
    keys::Secret,
};
use demo::{Reloads, say};
use tokio::{sync::Notify, time::sleep};

use crate::{options::Options, store::tool::StoreTool};

/// Loads the keys, and follows the changes of the folder: at this interval, and when the process gets SIGHUP.
pub(crate) fn open(path: &Path, interval: Duration) -> Result<SigningKeys, String> {
    let folder = KeyFolder::new(path);
    let line = |error: ConfigError| format!("--keys: {error}");
    let reload = folder.load().map_err(line)?.reload_time();
    if interval >= reload {
        return Err(format!(
            "--keys-interval is {} s: the ring says that every node has read a change within {} s (`reload`)",
            interval.as_secs(),
            reload.as_secs()
        ));
    }
    let keys = SigningKeys::open(folder).map_err(line)?;
    let asked = asked_to_reload();
    tokio::spawn(keys.follow(move || {
        let asked = Arc::clone(&asked);
        async move {
            tokio::select! {
                () = sleep(interval) => {}
                () = asked.notified() => {}
            }
        }
    }));
    Ok(keys)
}

/// Reads the secret of the cookie `__Host-csrf`, which all nodes share.
pub(crate) fn csrf_secret(folder: &Path) -> Result<Secret, ConfigError> {
    let path = folder.join(CSRF);
    let text = fs::read_to_string(&path);
    let text = text.map_err(|error| {
        ConfigError::Missing(format!("cannot read {}: {error}", path.display()))
    })?;
    Secret::from_base64(text)
}

const CSRF: &str = "csrf.key";

/// Returns what is notified of each SIGHUP. Without such a signal, the interval is what there is.
fn asked_to_reload() -> Arc<Notify> {
    let asked = Arc::new(Notify::new());
    if let Ok(mut reloads) = Reloads::new() {
        let asked = Arc::clone(&asked);
        tokio::spawn(async move {
            loop {
                reloads.next().await;
                asked.notify_one();
            }
        });
    }
    asked
}

/// What an operator does beside running the server.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// The keys that sign, in the folder of --keys
    #[command(subcommand)]
    Keys(Keys),
    /// The sessions, in --store
    #[command(subcommand)]
    Store(StoreTool),
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Keys {
    /// Makes the folder, with a first key
    Init {
        /// The algorithm: `ES256`, `EdDSA`, `RS256` ..
        #[arg(long, value_name = "ALG", default_value = "ES256", value_parser = algorithm())]
        alg: Algorithm,
        /// The time within which every node has read a change
        #[arg(long, value_name = "SECONDS", default_value_t = 15)]
        reload: u32,
        /// How long a key is published before it signs: longer than anybody caches the JWK set
        #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
        lead: u32,
        /// How long a token is accepted at most: the longest --ttl, and the largest leeway of a verifier
        #[arg(long, value_name = "SECONDS", default_value_t = 3_900)]
        token_lifetime: u32,
    },
    /// Prints the keys and their times
    List,
    /// Adds a key that takes over after the lead
    Rotate,
    /// Revokes a key that leaked; another one takes over as soon as every node has read of it
    Replace {
        /// The key, as `list` prints it
        #[arg(long, value_name = "KID", allow_hyphen_values = true)]
        id: String,
    },
    /// Drops keys whose last token has expired, and private keys that sign no more
    Prune,
}

impl Command {
    /// Does it. An error is one line for the operator.
    pub(crate) fn run(&self, options: &Options) -> Result<(), String> {
        match self {
            Self::Keys(keys) => {
                let path = options.keys.as_deref();
                let path = path.ok_or("say which folder with --keys DIR")?;
                keys.run(path).map_err(|error| error.to_string())
            }
            Self::Store(tool) => tool.run(options.store.clone(), &options.issuer),
        }
    }
}

impl Keys {
    fn run(&self, path: &Path) -> Result<(), ConfigError> {
        let folder = KeyFolder::new(path);
        match self {
            Self::Init {
                alg,
                reload,
                lead,
                token_lifetime,
            } => {
                let seconds = |seconds: &u32| Duration::from_secs((*seconds).into());
                let times = RingTimes::new()
                    .reload(seconds(reload))
                    .lead(seconds(lead))
                    .token_lifetime(seconds(token_lifetime));
                let key = SigningKey::generate(*alg)?;
                folder.create(|now| RingDocument::new(&key, times, now))?;
                create_csrf_secret(path)?;
                say(format_args!("key {} signs", key.id()));
            }
            Self::List => list(&folder.load()?),
            Self::Rotate => {
                let key = new_key(&folder)?;
                let at = folder.change(|ring, now| ring.rotate(&key, now))?;
                say(format_args!("key {} signs from {}", key.id(), in_utc(at)));
            }
            Self::Replace { id } => {
                let spare = new_key(&folder)?;
                let at = folder.change(|ring, now| ring.replace(id, &spare, now))?;
                say(format_args!("key {id} ends at {}", in_utc(at)));
                list(&folder.load()?);
            }
            Self::Prune => {
                let dropped = folder.change(RingDocument::prune)?;
                say(format_args!("{dropped} keys are dropped"));
            }
        }
        Ok(())
    }
}

/// A key for the algorithm of the last one.
fn new_key(folder: &KeyFolder) -> Result<SigningKey, ConfigError> {
    let last = folder.load()?.keys(SystemClock.now()).last();
    SigningKey::generate(last.map_or(Algorithm::ES256, |last| last.algorithm))
}

/// Writes 32 random bytes, in base64.
fn create_csrf_secret(folder: &Path) -> Result<(), ConfigError> {
    // The numbers of a new key that nothing else uses: nobody can guess them.
    let pem = SigningKey::generate_es256()?
        .to_pkcs8_pem()
        .unwrap_or_default();
    let text: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let path = folder.join(CSRF);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| ConfigError::Missing(format!("cannot write {}: {error}", path.display())))
}

fn list(ring: &RingDocument) {
    say(format_args!(
        "{:<43} {:<9} {:<20} {:<20} UNTIL",
        "KEY", "STATE", "PUBLISHED FROM", "SIGNS FROM"
    ));
    for key in ring.keys(SystemClock.now()) {
        say(format_args!(
            "{:<43} {:<9} {:<20} {:<20} {}",
            key.id,
            key.state.name(),
            in_utc(key.publish_from),
            in_utc(key.sign_from),
            key.until.map_or("-".to_owned(), in_utc)
        ));
    }
}

fn algorithm() -> impl TypedValueParser<Value = Algorithm> {
    clap::builder::StringValueParser::new().try_map(|name| match name.parse::<Algorithm>() {
        Ok(algorithm) if algorithm.is_symmetric() => Err("a ring has no shared secrets".to_owned()),
        parsed => parsed.map_err(|error| error.to_string()),
    })
}

/// Writes a time as RFC 3339 does, in UTC.
fn in_utc(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years that begin in March, so that the leap day is the last one.
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year + carry;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_utc() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_800_000_000, "2027-01-15T08:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(in_utc(seconds), text);
        }
    }
}
