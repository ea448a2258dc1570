//! The operator's tool for the keys that sign.

use std::path::Path;

use clap::{Subcommand, builder::TypedValueParser};
use countersign::{
    Algorithm, Clock, ConfigError, SigningKey, SystemClock,
    issue::{KeyFolder, RingDocument, SealedRing},
};
use demo::say;

use super::{ALGORITHM, KeysChoice, LEAD, RELOAD, TOKEN_LIFETIME, create_csrf_secret, times};
use crate::{options::Options, store};

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Keys {
    /// Makes the folder, or the ring in the store, with a first key
    Init {
        /// The algorithm: `ES256`, `EdDSA`, `RS256` ..
        #[arg(long, value_name = "ALG", default_value = "ES256", value_parser = algorithm())]
        alg: Algorithm,
        /// The time within which every node has read a change
        #[arg(long, value_name = "SECONDS", default_value_t = RELOAD)]
        reload: u32,
        /// How long a key is published before it signs: longer than anybody caches the JWK set
        #[arg(long, value_name = "SECONDS", default_value_t = LEAD)]
        lead: u32,
        /// How long a token is accepted at most: the longest --ttl, and the largest leeway of a verifier
        #[arg(long, value_name = "SECONDS", default_value_t = TOKEN_LIFETIME)]
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
    /// Seals the ring in the store under the first key of --keys-seal
    Reseal,
}

impl Keys {
    /// Does it. An error is one line for the operator.
    pub(crate) async fn run(&self, options: &Options) -> Result<(), String> {
        let ring = match &options.keys {
            Some(KeysChoice::Folder(path)) => Ring::Folder(KeyFolder::new(path), path),
            Some(KeysChoice::Store) => Ring::Store(store::ring(options).await?),
            None => return Err("say where the keys are: --keys DIR, or --keys store".to_owned()),
        };
        self.run_on(&ring).await.map_err(|error| error.to_string())
    }

    async fn run_on(&self, ring: &Ring<'_>) -> Result<(), ConfigError> {
        match self {
            Self::Init {
                alg,
                reload,
                lead,
                token_lifetime,
            } => {
                let key = SigningKey::generate(*alg)?;
                let times = times(*reload, *lead, *token_lifetime);
                ring.create(|now| RingDocument::new(&key, times, now))
                    .await?;
                say(format_args!("key {} signs", key.id()));
            }
            Self::List => list(&ring.load().await?),
            Self::Rotate => {
                let key = ring.new_key().await?;
                let at = ring.change(|ring, now| ring.rotate(&key, now)).await?;
                say(format_args!("key {} signs from {}", key.id(), in_utc(at)));
            }
            Self::Replace { id } => {
                let spare = ring.new_key().await?;
                let at = ring
                    .change(|ring, now| ring.replace(id, &spare, now))
                    .await?;
                say(format_args!("key {id} ends at {}", in_utc(at)));
                list(&ring.load().await?);
            }
            Self::Prune => {
                let dropped = ring.change(RingDocument::prune).await?;
                say(format_args!("keys that are dropped: {dropped}"));
            }
            Self::Reseal => match ring.reseal().await? {
                true => say(format_args!("the ring is sealed under the first key now")),
                false => say(format_args!(
                    "the ring is sealed under the first key already"
                )),
            },
        }
        Ok(())
    }
}

/// A ring in its place.
enum Ring<'p> {
    Folder(KeyFolder, &'p Path),
    Store(SealedRing),
}

impl Ring<'_> {
    async fn load(&self) -> Result<RingDocument, ConfigError> {
        match self {
            Self::Folder(folder, _) => folder.load(),
            Self::Store(ring) => ring.load().await,
        }
    }

    async fn create(
        &self,
        make: impl FnOnce(i64) -> Result<RingDocument, ConfigError>,
    ) -> Result<(), ConfigError> {
        match self {
            Self::Folder(folder, path) => {
                folder.create(make)?;
                create_csrf_secret(path)
            }
            Self::Store(ring) => ring.create(make).await,
        }
    }

    async fn change<T>(
        &self,
        change: impl FnMut(&mut RingDocument, i64) -> Result<T, ConfigError>,
    ) -> Result<T, ConfigError> {
        match self {
            Self::Folder(folder, _) => folder.change(change),
            Self::Store(ring) => ring.change(change).await,
        }
    }

    async fn reseal(&self) -> Result<bool, ConfigError> {
        match self {
            Self::Folder(..) => Err(ConfigError::Conflict(
                "keys in a folder are not sealed".into(),
            )),
            Self::Store(ring) => ring.reseal().await,
        }
    }

    /// Makes a key for the algorithm of the last one.
    async fn new_key(&self) -> Result<SigningKey, ConfigError> {
        let last = self.load().await?.keys(SystemClock.now()).last();
        SigningKey::generate(last.map_or(ALGORITHM, |last| last.algorithm))
    }
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
