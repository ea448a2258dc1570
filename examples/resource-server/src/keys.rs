//! The keys of one issuer: from a file, a URL, the issuer's metadata or the environment.

use std::{
    fs,
    path::{Path, PathBuf},
};

use countersign::{
    Clock, ConfigError, Key, KeySet, Keys, Provider, RemoteKeys,
    remote::{HttpFetch, RemoteKeysBuilder},
};
use demo::Secret;
use toml::Spanned;
use tracing::{info, warn};

use crate::{
    config::{Config, IssuerSettings, KeysSettings},
    place::Mistake,
    state::State,
};

/// Keys of an issuer, and what `/readyz` asks about them.
pub(crate) enum IssuerKeys {
    /// They came with the configuration, and stay as they are.
    Local(KeySet),
    /// They are fetched, and renewed in the background.
    Remote(Box<Remote>),
}

/// Keys of a provider, and the settings that they are fetched by.
#[derive(Clone)]
pub(crate) struct Remote {
    keys: RemoteKeys,
    settings: RemoteSettings,
}

/// Two of them that are equal fetch the same keys in the same way.
#[derive(Clone, PartialEq, Eq)]
struct RemoteSettings {
    /// The issuer, or the URL.
    source: String,
    is_discovered: bool,
    /// Two presets can have one issuer, and keys at two places.
    preset: Option<Provider>,
    private_http: bool,
    root_certificate: Option<Vec<u8>>,
}

/// Keys that were there before.
pub(crate) struct Earlier<'k> {
    running: Vec<&'k Remote>,
    saved: Option<&'k State>,
}

impl<'k> Earlier<'k> {
    pub(crate) fn new(running: Vec<&'k Remote>, saved: Option<&'k State>) -> Self {
        Self { running, saved }
    }
}

impl Remote {
    pub(crate) fn keys(&self) -> &RemoteKeys {
        &self.keys
    }

    /// The issuer, or the URL.
    pub(crate) fn source(&self) -> &str {
        &self.settings.source
    }
}

/// The members of `keys` that say where the keys are.
enum Way<'c> {
    Discover(&'c Spanned<bool>),
    File(&'c Spanned<PathBuf>),
    Secret(&'c Spanned<String>),
    Url(&'c Spanned<String>),
    WeakSecret(&'c Spanned<String>),
}

impl IssuerKeys {
    /// The keys that `keys = { .. }` says.
    pub(crate) fn read(
        config: &Config,
        table: &Spanned<IssuerSettings>,
        preset: Option<&Provider>,
        clock: impl Clock,
        earlier: &Earlier<'_>,
    ) -> Result<Self, Mistake> {
        let issuer = table.get_ref();
        let Some(keys_table) = &issuer.keys else {
            let (Some(preset), Some(place)) = (preset, &issuer.provider) else {
                return Err(config.mistake(table, "missing field `keys`"));
            };
            let place = Spanned::new(place.span(), preset.issuer().to_owned());
            let builder = RemoteKeys::discover(preset.clone()).clock(clock);
            let none = KeysSettings::default();
            return remote(config, &none, builder, &place, Some(preset), earlier);
        };
        let keys = keys_table.get_ref();
        let way = Way::of(keys).ok_or_else(|| {
            config.mistake(
                keys_table,
                "`keys` needs exactly one of `jwks_file`, `jwks_url`, `discover`, `hs256_secret` and \
                 `weak_hs256_secret`",
            )
        })?;
        if !matches!(way, Way::Discover(_) | Way::Url(_)) {
            if let Some(root) = &keys.root_certificate {
                return Err(config.mistake(
                    root,
                    "`root_certificate` goes with `jwks_url` and `discover` only",
                ));
            }
            if let Some(private) = &keys.private_http {
                return Err(config.mistake(
                    private,
                    "`private_http` goes with `jwks_url` and `discover` only",
                ));
            }
        }
        match way {
            Way::Discover(discover) if !discover.get_ref() => {
                Err(config.mistake(discover, "say `discover = true`, or where the keys are"))
            }
            Way::Discover(discover) => {
                let name = match (&issuer.issuer, preset) {
                    (Some(name), _) => name.clone(),
                    (None, Some(preset)) => {
                        Spanned::new(keys_table.span(), preset.issuer().to_owned())
                    }
                    (None, None) => {
                        return Err(config.mistake(
                            discover,
                            "`discover` needs `issuer`: say where the keys are",
                        ));
                    }
                };
                let provider = preset.cloned().unwrap_or_else(|| name.get_ref().into());
                let builder = RemoteKeys::discover(provider);
                remote(config, keys, builder.clock(clock), &name, preset, earlier)
            }
            Way::Url(url) => {
                let builder = RemoteKeys::jwks(url.get_ref());
                remote(config, keys, builder.clock(clock), url, None, earlier)
            }
            Way::File(file) => {
                from_file(&config.path(file.get_ref())).map_err(|text| config.mistake(file, text))
            }
            Way::Secret(secret) => {
                let key = from_secret(config, secret.get_ref(), Key::hs256);
                key.map_err(|text| config.mistake(secret, text))
            }
            Way::WeakSecret(secret) => {
                let key = from_secret(config, secret.get_ref(), Key::weak_hs256_secret);
                key.map_err(|text| config.mistake(secret, text))
            }
        }
    }

    /// Returns whether tokens can be verified with them now.
    pub(crate) fn are_ready(&self) -> bool {
        match self {
            Self::Local(_) => true,
            Self::Remote(remote) => remote.keys.status().is_ready(),
        }
    }

    /// Returns them if they are fetched.
    pub(crate) fn remote(&self) -> Option<&Remote> {
        match self {
            Self::Local(_) => None,
            Self::Remote(remote) => Some(remote),
        }
    }

    /// As a verifier takes them.
    pub(crate) fn for_verifier(&self) -> Keys {
        match self {
            Self::Local(set) => set.clone().into(),
            Self::Remote(remote) => remote.keys.clone().into(),
        }
    }
}

impl<'c> Way<'c> {
    /// The one way that is said; `None` when there is none, or more than one.
    fn of(keys: &'c KeysSettings) -> Option<Self> {
        let mut ways = [
            keys.discover.as_ref().map(Self::Discover),
            keys.jwks_file.as_ref().map(Self::File),
            keys.hs256_secret.as_ref().map(Self::Secret),
            keys.jwks_url.as_ref().map(Self::Url),
            keys.weak_hs256_secret.as_ref().map(Self::WeakSecret),
        ]
        .into_iter()
        .flatten();
        let way = ways.next();
        way.filter(|_| ways.next().is_none())
    }
}

/// Nobody waits for the first fetch: the server starts while the provider is away.
fn remote(
    config: &Config,
    settings: &KeysSettings,
    mut builder: RemoteKeysBuilder,
    place: &Spanned<String>,
    preset: Option<&Provider>,
    earlier: &Earlier<'_>,
) -> Result<IssuerKeys, Mistake> {
    let root = settings.root_certificate.as_ref();
    let objection = |text: String| match root {
        Some(root) => config.mistake(root, text),
        None => config.mistake(place, text),
    };
    let file = root.map(|file| config.path(file.get_ref()));
    let pem = file.as_deref().map(|file| {
        fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))
    });
    let settings = RemoteSettings {
        source: place.get_ref().clone(),
        is_discovered: settings.discover.is_some(),
        preset: preset.cloned(),
        private_http: settings
            .private_http
            .as_ref()
            .is_some_and(|allowed| *allowed.get_ref()),
        root_certificate: pem.transpose().map_err(objection)?,
    };
    let running = earlier.running.iter();
    let mut same = running.filter(|remote| remote.settings == settings);
    if let Some(remote) = same.next() {
        return Ok(IssuerKeys::Remote(Box::new((*remote).clone())));
    }
    let fetch = client(file.as_deref(), settings.root_certificate.clone());
    builder = builder.fetch(fetch.map_err(objection)?);
    if settings.private_http {
        builder = builder.private_http();
    }
    if let Some(saved) = earlier.saved.and_then(|state| state.keys(&settings.source)) {
        builder = builder.warm(saved.clone());
    }
    let keys = builder.build();
    let keys = keys.map_err(|error| config.mistake(place, error))?;
    Ok(IssuerKeys::Remote(Box::new(Remote { keys, settings })))
}

/// A client that uses the proxy of the environment, and trusts the certificates of a file too.
pub(crate) fn client(file: Option<&Path>, pem: Option<Vec<u8>>) -> Result<HttpFetch, String> {
    let builder = HttpFetch::builder().proxy_from_env();
    let (Some(file), Some(pem)) = (file, pem) else {
        return builder.build().map_err(|error| error.to_string());
    };
    let fetch = builder.root_certificate_pem(pem).build();
    fetch.map_err(|error| format!("{}: {error}", file.display()))
}

/// A file of your own may hold symmetric keys.
fn from_file(file: &Path) -> Result<IssuerKeys, String> {
    let name = file.display();
    let json =
        fs::read_to_string(file).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let set = KeySet::from_json(&json).map_err(|error| format!("{name}: {error}"))?;
    for skipped in set.skipped() {
        let (index, reason) = (skipped.index(), skipped.reason());
        warn!(file = %name, index, %reason, "a key is left out");
    }
    for note in set.notes() {
        let (index, note) = (note.index(), note.text());
        info!(file = %name, index, note, "a key is not in the form of RFC 7518, and is used");
    }
    Ok(IssuerKeys::Local(set))
}

/// A secret has no place in the file. What stands there instead is not repeated: it may be one.
fn from_secret(
    config: &Config,
    text: &str,
    key: impl FnOnce(String) -> Result<Key, ConfigError>,
) -> Result<IssuerKeys, String> {
    let place = Secret::parse(text).ok_or(
        "say \"env:NAME\" or \"file:PATH\": the secret comes from the environment or a file of its own, never \
         from this file",
    )?;
    let secret = place.read(&config.path(Path::new("")));
    let secret = secret.map_err(|error| error.to_string())?;
    let key = key(secret).map_err(|error| format!("{place} cannot be used: {error}"))?;
    Ok(IssuerKeys::Local(KeySet::new([key])))
}
