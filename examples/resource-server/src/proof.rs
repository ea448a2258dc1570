//! The tables `[dpop]` and `[mtls]`: tokens that are bound to a key or a certificate of the client.

use std::{path::Path, str::FromStr, sync::Arc, time::Duration};

use countersign::{
    Authenticator,
    proof::{
        CertificateFormat, ClientCertificateHeader, Dpop, MutualTls, NonceKey, NonceMode, ProofMode,
    },
};
use demo::Secret;
use serde::Deserialize;
use toml::Spanned;

use crate::{config::Config, place::Mistake, replay::Replay, texts::Texts};

/// The longest window for a proof, in seconds.
const LONGEST_WINDOW: i64 = 300;

/// The table `[dpop]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [dpop]")]
pub(crate) struct DpopSettings {
    mode: Option<Spanned<String>>,
    nonce: Option<Spanned<String>>,
    nonce_secret: Option<Spanned<String>>,
    past: Option<Spanned<i64>>,
    future: Option<Spanned<i64>>,
    replay: Option<Spanned<String>>,
}

/// The table `[mtls]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [mtls]")]
pub(crate) struct MutualTlsSettings {
    mode: Option<Spanned<String>>,
    header: Option<Spanned<HeaderSettings>>,
}

/// The header in which a proxy sends the certificate of the client.
#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table like { name = \"client-cert\", format = \"rfc9440\", from = [\"127.0.0.1\"] }"
)]
struct HeaderSettings {
    name: Spanned<String>,
    format: Spanned<String>,
    /// The proxies.
    from: Spanned<Texts>,
}

/// What the file says about bound tokens.
pub(crate) struct Possession {
    dpop: Option<Dpop>,
    mutual_tls: Option<MutualTls>,
    /// The store of used proofs, for the API after this one.
    pub(crate) replay: Option<Replay>,
}

impl Possession {
    /// Reads both tables. `before` is the store of the API before this one, which stays if the file names the same.
    pub(crate) fn read(config: &Config, before: Option<&Replay>) -> Result<Self, Mistake> {
        let mutual_tls = mutual_tls(config)?;
        let (dpop, replay) = dpop(config, before)?.unzip();
        Ok(Self {
            dpop,
            mutual_tls,
            replay: replay.flatten(),
        })
    }

    pub(crate) fn apply(&self, mut authenticator: Authenticator) -> Authenticator {
        if let Some(dpop) = &self.dpop {
            authenticator = authenticator.dpop(dpop.clone());
        }
        if let Some(mutual_tls) = &self.mutual_tls {
            authenticator = authenticator.mutual_tls(mutual_tls.clone());
        }
        authenticator
    }
}

fn dpop(
    config: &Config,
    before: Option<&Replay>,
) -> Result<Option<(Dpop, Option<Replay>)>, Mistake> {
    let Some(table) = &config.settings.dpop else {
        return Ok(None);
    };
    let settings = table.get_ref();
    let mode = mode(config, settings.mode.as_ref())?;
    if mode == ProofMode::Off {
        return Ok(None);
    }
    let missing = |text: &str| Err(config.mistake(table, format_args!("missing field {text}")));
    let Some(url) = &config.settings.external_url else {
        return missing("`external_url`: with `[dpop]`, say under which URL clients reach the API");
    };
    let Some(place) = &settings.replay else {
        return missing("`dpop.replay`: say where used proofs are remembered");
    };
    let nonce = match &settings.nonce {
        Some(text) => one_of::<NonceMode>(config, text, "\"off\", \"offered\" or \"required\"")?,
        None => NonceMode::Off,
    };
    let replay = Replay::read(config, place, before)?;
    if replay.is_none() && nonce != NonceMode::Required {
        let text = "\"nonce-only\" needs `nonce = \"required\"`: else nothing limits how often a proof is used";
        return Err(config.mistake(place, text));
    }

    let mut builder = Dpop::builder().external_url(url.get_ref()).mode(mode);
    match (&settings.nonce_secret, nonce) {
        (Some(secret), NonceMode::Off) => {
            let text = "`nonce_secret` is for nonces, and `nonce` is \"off\"";
            return Err(config.mistake(secret, text));
        }
        (Some(secret), _) => builder = builder.nonce_key(nonce_key(config, secret)?),
        (None, NonceMode::Off) => {}
        (None, _) if replay.as_ref().is_some_and(|replay| !replay.is_shared()) => {}
        (None, _) => {
            return missing(
                "`dpop.nonce_secret`: nonces need a secret that all nodes share, as \"env:NAME\"",
            );
        }
    }
    builder = builder.nonces(nonce);
    if let Some(past) = window(config, settings.past.as_ref(), "past")? {
        builder = builder.past(past);
    }
    if let Some(future) = window(config, settings.future.as_ref(), "future")? {
        builder = builder.future(future);
    }
    builder = match &replay {
        Some(replay) => builder.shared_replay(Arc::clone(replay.store())),
        None => builder.nonce_only(),
    };
    // All else is checked above.
    let dpop = builder.build().map_err(|error| config.mistake(url, error));
    Ok(Some((dpop?, replay)))
}

fn mutual_tls(config: &Config) -> Result<Option<MutualTls>, Mistake> {
    let Some(table) = &config.settings.mtls else {
        return Ok(None);
    };
    let mode = mode(config, table.get_ref().mode.as_ref())?;
    if mode == ProofMode::Off {
        return Ok(None);
    }
    let Some(header) = &table.get_ref().header else {
        let text = "missing field `mtls.header`: a proxy ends TLS, and says which certificate a client has";
        return Err(config.mistake(table, text));
    };
    let settings = header.get_ref();
    let formats = CertificateFormat::ALL;
    let format = formats
        .into_iter()
        .find(|format| format.as_str() == settings.format.get_ref())
        .ok_or_else(|| {
            let names = formats.map(|format| format!("\"{}\"", format.as_str()));
            config.mistake(&settings.format, format!("say one of {}", names.join(", ")))
        })?;
    let from = Texts::each(&settings.from).into_iter();
    let from = from.map(Spanned::into_inner);
    let header = ClientCertificateHeader::new(settings.name.get_ref(), format, from)
        .map_err(|error| config.mistake(header, error))?;
    Ok(Some(MutualTls::new().mode(mode).header(header)))
}

/// Reads a `mode`. Without one, the table is there to be heeded.
fn mode(config: &Config, text: Option<&Spanned<String>>) -> Result<ProofMode, Mistake> {
    text.map_or(Ok(ProofMode::Required), |text| {
        one_of(config, text, "\"off\", \"allowed\" or \"required\"")
    })
}

/// Reads one of some names. What stands there instead is not repeated.
fn one_of<T: FromStr>(config: &Config, text: &Spanned<String>, all: &str) -> Result<T, Mistake> {
    let read = text.get_ref().parse();
    read.map_err(|_| config.mistake(text, format_args!("say {all}")))
}

/// Reads a secret that has no place in the file. What stands there instead is not repeated.
fn nonce_key(config: &Config, text: &Spanned<String>) -> Result<NonceKey, Mistake> {
    let place = Secret::parse(text.get_ref()).ok_or_else(|| {
        config.mistake(
            text,
            "say \"env:NAME\" or \"file:PATH\": the secret has no place in this file",
        )
    })?;
    let secret = place.read(&config.path(Path::new("")));
    let secret = secret.map_err(|error| config.mistake(text, error))?;
    NonceKey::new(secret)
        .map_err(|error| config.mistake(text, format_args!("{place} cannot be used: {error}")))
}

fn window(
    config: &Config,
    seconds: Option<&Spanned<i64>>,
    name: &str,
) -> Result<Option<Duration>, Mistake> {
    let Some(seconds) = seconds else {
        return Ok(None);
    };
    match u64::try_from(*seconds.get_ref()) {
        Ok(count) if *seconds.get_ref() <= LONGEST_WINDOW => Ok(Some(Duration::from_secs(count))),
        _ => {
            let text = format!("`{name}` is a number of seconds between 0 and {LONGEST_WINDOW}");
            Err(config.mistake(seconds, text))
        }
    }
}
