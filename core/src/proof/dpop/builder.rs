//! The builder of the settings of proofs.

use std::{fmt, sync::Arc, time::Duration};

use super::{
    known_keys::KnownKeys,
    nonce_mode::NonceMode,
    settings::{Dpop, Settings},
};
use crate::{
    error::ConfigError,
    jose::Algorithm,
    proof::{
        external_url::ExternalUrl,
        mode::{Modes, ProofMode},
        nonce::{NonceKey, Nonces},
        replay::ReplayStore,
    },
};

/// The settings of [`Dpop`], before they are checked.
#[must_use = "a builder does nothing until `build`"]
pub struct DpopBuilder {
    external_url: Option<String>,
    modes: Modes,
    algorithms: Vec<Algorithm>,
    past: Duration,
    future: Duration,
    nonce_mode: NonceMode,
    nonce_key: Option<NonceKey>,
    replay: Option<Arc<dyn ReplayStore>>,
    nonce_only: bool,
    single_process: bool,
}

impl DpopBuilder {
    /// The longest time that `iat` may be off, in either direction.
    pub const LONGEST_WINDOW: Duration = Duration::from_secs(300);

    pub(super) fn new() -> Self {
        Self {
            external_url: None,
            modes: Modes::default(),
            algorithms: ALGORITHMS.to_vec(),
            past: Duration::from_secs(60),
            future: Duration::from_secs(30),
            nonce_mode: NonceMode::default(),
            nonce_key: None,
            replay: None,
            nonce_only: false,
            single_process: false,
        }
    }

    /// Sets the URL under which clients reach the service: `https://api.example`, or `https://api.example/base` where a proxy
    /// takes `/base` away. Required.
    ///
    /// A proof names the URL that the client used (`htu`). Behind a proxy, a request tells neither the scheme nor, reliably,
    /// the host, and what it says the client chose: so this setting says it, and no header.
    pub fn external_url(mut self, url: impl Into<String>) -> Self {
        self.external_url = Some(url.into());
        self
    }

    /// Sets whether tokens may or must be bound to a key. Default: [`ProofMode::Required`].
    pub fn mode(mut self, mode: ProofMode) -> Self {
        self.modes.usual = mode;
        self
    }

    /// Sets it for the tokens of one issuer. The last call for an issuer counts.
    pub fn mode_for(mut self, issuer: impl Into<String>, mode: ProofMode) -> Self {
        let issuer: Box<str> = issuer.into().into();
        self.modes.own.retain(|(own, _)| *own != issuer);
        self.modes.own.push((issuer, mode));
        self
    }

    /// Sets the algorithms of proofs. Default: ES256, ES384, ES512, EdDSA, PS256, PS384 and PS512; FAPI 2.0 has no RS256.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// Sets how old a proof without a nonce may be. Default 60 s, at most 300 s.
    pub fn past(mut self, past: Duration) -> Self {
        self.past = past;
        self
    }

    /// Sets how far ahead of ours the clock of a client may be. Default 30 s, at most 300 s.
    pub fn future(mut self, future: Duration) -> Self {
        self.future = future;
        self
    }

    /// Sets whether proofs need a nonce of ours. Default: [`NonceMode::Off`].
    pub fn nonces(mut self, mode: NonceMode) -> Self {
        self.nonce_mode = mode;
        self
    }

    /// Sets the key of the nonces, which all nodes share. Without it, and with
    /// [`single_process`](Self::single_process), a random one is made at each start.
    pub fn nonce_key(mut self, key: NonceKey) -> Self {
        self.nonce_key = Some(key);
        self
    }

    /// Sets the store of used proofs, which all nodes share. Required, unless [`nonce_only`](Self::nonce_only).
    pub fn replay(mut self, store: impl ReplayStore) -> Self {
        self.replay = Some(Arc::new(store));
        self
    }

    /// Sets the store of used proofs, where others have it too.
    pub fn shared_replay(mut self, store: Arc<dyn ReplayStore>) -> Self {
        self.replay = Some(store);
        self
    }

    /// Does without a store of used proofs: whoever gets hold of a request can repeat it for as long as its nonce is good, two to
    /// three minutes. It needs [`NonceMode::Required`], and is a warning in the log.
    pub fn nonce_only(mut self) -> Self {
        self.nonce_only = true;
        self
    }

    /// Says that this process is the only one that clients reach under the URL: then it can make the key of the nonces.
    pub fn single_process(mut self) -> Self {
        self.single_process = true;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Missing`] without a URL, without a store, or without a key of the nonces that several nodes need.
    /// [`ConfigError::InvalidSetting`] for what is no URL, a window over 300 s, and an algorithm with a secret.
    /// [`ConfigError::Conflict`] for settings that contradict each other: a store and `nonce_only`; `nonce_only` without
    /// required nonces; a key of nonces without nonces.
    pub fn build(self) -> Result<Dpop, ConfigError> {
        let url = self.external_url.as_deref().ok_or_else(|| {
            ConfigError::Missing(
                "say with `external_url` under which URL clients reach the service".into(),
            )
        })?;
        let external_url = ExternalUrl::parse(url)?;
        let nonces = self.check_nonces()?;
        if self.replay.is_none() && !self.nonce_only {
            return Err(ConfigError::Missing(
                "proofs need a store of those that were used: `replay`, or `nonce_only` to do without".into(),
            ));
        }
        if self.nonce_only {
            tracing::warn!(
                target: "countersign",
                "proofs can be used again while their nonce is good, for two to three minutes: `nonce_only`",
            );
        }
        Ok(Dpop(Arc::new(Settings {
            external_url,
            modes: self.modes,
            algorithms: check_algorithms(self.algorithms)?,
            past: seconds("past", self.past)?,
            future: seconds("future", self.future)?,
            nonce_mode: self.nonce_mode,
            nonces,
            replay: self.replay,
            known_keys: KnownKeys::new(),
        })))
    }

    fn check_nonces(&self) -> Result<Option<Nonces>, ConfigError> {
        let conflict = |text: &str| Err(ConfigError::Conflict(text.to_owned()));
        if self.nonce_only && self.replay.is_some() {
            return conflict("`replay` and `nonce_only` exclude each other");
        }
        if self.nonce_only && self.nonce_mode != NonceMode::Required {
            return conflict(
                "`nonce_only` needs `NonceMode::Required`: else nothing limits how often a proof is used",
            );
        }
        match (&self.nonce_key, self.nonce_mode) {
            (Some(_), NonceMode::Off) => conflict("there is a `nonce_key`, and `nonces` are off"),
            (None, NonceMode::Off) => Ok(None),
            (Some(key), _) => Ok(Some(Nonces::new(key.clone()))),
            (None, _) if self.is_single_process() => {
                let key = NonceKey::random();
                let key = key.map_err(|error| ConfigError::InvalidKey(error.to_string()))?;
                Ok(Some(Nonces::new(key)))
            }
            (None, _) => Err(ConfigError::Missing(
                "nonces need a `nonce_key` that all nodes share: with one of its own, a node refuses the nonces of the others. \
                 `single_process`, if there is only one"
                    .into(),
            )),
        }
    }

    /// A store in memory is of one process as well.
    fn is_single_process(&self) -> bool {
        self.single_process || self.replay.as_ref().is_some_and(|store| !store.is_shared())
    }
}

impl fmt::Debug for DpopBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DpopBuilder")
            .field("external_url", &self.external_url)
            .field("modes", &self.modes)
            .finish_non_exhaustive()
    }
}

const ALGORITHMS: [Algorithm; 7] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::EdDSA,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

fn check_algorithms(algorithms: Vec<Algorithm>) -> Result<Vec<Algorithm>, ConfigError> {
    let invalid = |text: &str| Err(ConfigError::InvalidSetting(text.to_owned()));
    if algorithms.is_empty() {
        return invalid("`algorithms`: there is none");
    }
    let is_secret = |algorithm: &Algorithm| algorithm.name().starts_with("HS");
    if algorithms.iter().any(is_secret) {
        return invalid("`algorithms`: a proof is signed with a private key, never with a secret");
    }
    Ok(algorithms)
}

fn seconds(name: &str, window: Duration) -> Result<i64, ConfigError> {
    if window > DpopBuilder::LONGEST_WINDOW {
        return Err(ConfigError::InvalidSetting(format!(
            "`{name}` is {} s: at most {} are allowed",
            window.as_secs(),
            DpopBuilder::LONGEST_WINDOW.as_secs()
        )));
    }
    Ok(i64::try_from(window.as_secs()).unwrap_or(0))
}
