//! The keys that sign: in a folder or in the session store, for all nodes.

mod tool;

use std::{
    convert::Infallible,
    fs,
    io::Write,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use countersign::{
    Algorithm, ConfigError, SigningKey, SigningKeys,
    issue::{KeyFolder, RingDocument, RingTimes, SealedRing, SealingKeys},
    keys::Secret,
};
use demo::Reloads;
use tokio::{sync::Notify, time::sleep};
use tracing::info;

pub(crate) use self::tool::Keys;

/// The place of the keys that sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysChoice {
    /// A folder that all nodes read.
    Folder(PathBuf),
    /// The store of the sessions.
    Store,
}

impl FromStr for KeysChoice {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "store" => Self::Store,
            folder => Self::Folder(folder.into()),
        })
    }
}

/// Loads the keys of a folder, and follows its changes: at this interval, and when the process gets SIGHUP.
pub(crate) fn open(path: &Path, interval: Duration) -> Result<SigningKeys, String> {
    let folder = KeyFolder::new(path);
    check_interval(&folder.load().map_err(|error| line(&error))?, interval)?;
    let keys = SigningKeys::open(folder).map_err(|error| line(&error))?;
    follow(&keys, interval);
    Ok(keys)
}

/// Loads the keys in a store, and follows their changes. The first node of all makes the first key.
pub(crate) async fn open_sealed(
    ring: SealedRing,
    interval: Duration,
) -> Result<SigningKeys, String> {
    let key = SigningKey::generate(ALGORITHM).map_err(|error| line(&error))?;
    let made = ring
        .create_if_missing(|now| RingDocument::new(&key, times(RELOAD, LEAD, TOKEN_LIFETIME), now));
    if made.await.map_err(|error| line(&error))? {
        info!(
            kid = key.id(),
            "the store had no signing keys: there is one now"
        );
    }
    check_interval(&ring.load().await.map_err(|error| line(&error))?, interval)?;
    let keys = SigningKeys::open_sealed(ring)
        .await
        .map_err(|error| line(&error))?;
    follow(&keys, interval);
    Ok(keys)
}

/// Reads the keys under which the store keeps those that sign.
pub(crate) fn sealing_keys(place: Option<&demo::Secret>) -> Result<SealingKeys, ConfigError> {
    match place {
        Some(demo::Secret::Environment(name)) => SealingKeys::from_env(name),
        Some(demo::Secret::File(path)) => SealingKeys::from_file(path),
        None => Err(ConfigError::Missing(
            "--keys store needs --keys-seal env:NAME or file:PATH, with the key that seals them: `openssl rand \
             -base64 32` makes one"
                .into(),
        )),
    }
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

const CSRF: &str = "csrf.key";

/// What a ring is made with, unless `keys init` says otherwise.
const ALGORITHM: Algorithm = Algorithm::ES256;
const RELOAD: u32 = 15;
const LEAD: u32 = 3_600;
const TOKEN_LIFETIME: u32 = 3_900;

/// The times of a ring, in seconds.
fn times(reload: u32, lead: u32, token_lifetime: u32) -> RingTimes {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    RingTimes::new()
        .reload(seconds(reload))
        .lead(seconds(lead))
        .token_lifetime(seconds(token_lifetime))
}

/// Checks that this node reads a change as soon as the ring says.
fn check_interval(ring: &RingDocument, interval: Duration) -> Result<(), String> {
    let reload = ring.reload_time();
    match interval < reload {
        true => Ok(()),
        false => Err(format!(
            "--keys-interval is {} s: the ring says that every node has read a change within {} s (`reload`)",
            interval.as_secs(),
            reload.as_secs()
        )),
    }
}

fn line(error: &ConfigError) -> String {
    format!("--keys: {error}")
}

fn follow(keys: &SigningKeys, interval: Duration) {
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
}

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
