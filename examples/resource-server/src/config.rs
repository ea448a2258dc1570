//! The configuration file: what may stand in it.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    net::{SocketAddr, ToSocketAddrs},
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use countersign::VerifierBuilder;
use demo::LogFormat;
use serde::Deserialize;
use toml::Spanned;

use crate::{
    place::Mistake,
    proof::{DpopSettings, MutualTlsSettings},
    providers::ProviderSettings,
    state::State,
    texts::Texts,
};

/// A configuration file that could be read. What it says is checked as the server is built from it.
pub struct Config {
    pub(crate) settings: Settings,
    file: PathBuf,
    content: String,
}

/// The members of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// For tokens that are bound to a key.
    pub(crate) dpop: Option<Spanned<DpopSettings>>,
    /// Under which URL clients reach the API.
    pub(crate) external_url: Option<Spanned<String>>,
    listen: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) framework: Framework,
    leeway: Option<Spanned<i64>>,
    #[serde(default)]
    log_format: LogFormat,
    #[serde(default)]
    management: ManagementSettings,
    /// For tokens that are bound to a certificate.
    pub(crate) mtls: Option<Spanned<MutualTlsSettings>>,
    /// For the issuers that say nothing of their own.
    pub(crate) profile: Option<Profile>,
    pub(crate) realm: Option<String>,
    /// For the issuers that say nothing of their own.
    pub(crate) sources: Option<Spanned<Texts>>,
    /// The folder for keys, to start with them while a provider is away.
    state_dir: Option<Spanned<PathBuf>>,
    pub(crate) issuers: Option<Spanned<Vec<Spanned<IssuerSettings>>>>,
    pub(crate) tenants: Option<Spanned<TenantsSettings>>,
}

impl Settings {
    /// Where the file says whose tokens are accepted.
    pub(crate) fn place_of_issuers(&self) -> Range<usize> {
        let tenants = self.tenants.as_ref().map(Spanned::span);
        let issuers = self.issuers.as_ref().map(Spanned::span);
        tenants.or(issuers).unwrap_or_default()
    }
}

/// Which web framework serves the routes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Framework {
    /// actix-web, with `countersign-actix`.
    Actix,
    /// axum, with `countersign-tower`.
    #[default]
    Axum,
}

/// The table `[management]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [management]")]
struct ManagementSettings {
    listen: Option<Spanned<String>>,
}

/// Which tokens are access tokens. The default takes no ID token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum Profile {
    /// Those of RFC 9068: the type, and the claims that it asks for.
    #[serde(rename = "access-token")]
    AccessToken,
    /// Any whose `typ` is absent, `JWT` or `at+jwt`: ID tokens too, unless claims tell them apart.
    #[serde(rename = "any")]
    Any,
    /// Those whose `typ` is `at+jwt` (RFC 9068 section 2.1), whatever they hold.
    #[default]
    #[serde(rename = "at+jwt")]
    Typed,
}

/// One table of `[[issuers]]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [[issuers]]")]
pub(crate) struct IssuerSettings {
    /// The weakenings that it needs, by the names of [`Tolerance`](countersign::claims::Tolerance).
    pub(crate) accept: Option<Spanned<Texts>>,
    pub(crate) any_audience: Option<Spanned<bool>>,
    /// True for the fallback: tokens whose `iss` is absent, or of no other table.
    pub(crate) any_issuer: Option<Spanned<bool>>,
    pub(crate) issuer: Option<Spanned<String>>,
    pub(crate) audience: Option<Spanned<Texts>>,
    pub(crate) audience_claim: Option<Spanned<String>>,
    /// Required without `provider`, which knows where its keys are.
    pub(crate) keys: Option<Spanned<KeysSettings>>,
    pub(crate) profile: Option<Profile>,
    /// A preset of the library: in place of `issuer`.
    pub(crate) provider: Option<Spanned<ProviderSettings>>,
    /// Claims that must be there, whatever they hold.
    pub(crate) require_claims: Option<Spanned<Texts>>,
    /// Claims that must be this text.
    #[serde(default)]
    pub(crate) require_values: BTreeMap<String, String>,
    pub(crate) scope_claim: Option<Spanned<String>>,
    pub(crate) sources: Option<Spanned<Texts>>,
}

/// The table `[tenants]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [tenants]")]
pub(crate) struct TenantsSettings {
    /// The names of those that are allowed.
    pub(crate) allow: Spanned<Texts>,
    /// Their issuers, with `{tenant}` in place of the name.
    pub(crate) pattern: Spanned<String>,
    pub(crate) accept: Option<Spanned<Texts>>,
    pub(crate) any_audience: Option<Spanned<bool>>,
    pub(crate) audience: Option<Spanned<Texts>>,
    pub(crate) audience_claim: Option<Spanned<String>>,
    pub(crate) private_http: Option<Spanned<bool>>,
    pub(crate) profile: Option<Profile>,
    pub(crate) require_claims: Option<Spanned<Texts>>,
    #[serde(default)]
    pub(crate) require_values: BTreeMap<String, String>,
    pub(crate) root_certificate: Option<Spanned<PathBuf>>,
    pub(crate) scope_claim: Option<Spanned<String>>,
    pub(crate) sources: Option<Spanned<Texts>>,
}

/// The location of an issuer's keys: one of them, with a setting for those that are fetched.
#[derive(Default, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "a table like { jwks_url = \"https://..\" }"
)]
pub(crate) struct KeysSettings {
    pub(crate) discover: Option<Spanned<bool>>,
    pub(crate) hs256_secret: Option<Spanned<String>>,
    pub(crate) jwks_file: Option<Spanned<PathBuf>>,
    pub(crate) jwks_url: Option<Spanned<String>>,
    /// Keys may be fetched by plain http from a private network.
    pub(crate) private_http: Option<Spanned<bool>>,
    pub(crate) root_certificate: Option<Spanned<PathBuf>>,
    pub(crate) weak_hs256_secret: Option<Spanned<String>>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Mistake`] when it cannot be read, is no TOML, or has members that it should not have.
    pub fn read(file: &Path) -> Result<Self, Mistake> {
        let content = fs::read_to_string(file)
            .map_err(|error| Mistake::in_all_of(file, format_args!("cannot be read: {error}")))?;
        let settings = toml::from_str(&content).map_err(|error| {
            let text = without_values(error.message());
            match error.span() {
                Some(bytes) => Mistake::at(file, &content, &bytes, text),
                None => Mistake::in_all_of(file, text),
            }
        })?;
        Ok(Self {
            settings,
            file: file.to_owned(),
            content,
        })
    }

    /// Which framework serves.
    #[must_use]
    pub fn framework(&self) -> Framework {
        self.settings.framework
    }

    /// The form of the log.
    #[must_use]
    pub fn log_format(&self) -> LogFormat {
        self.settings.log_format
    }

    /// Opens the folder for keys, if the file names one.
    pub(crate) fn open_state(&self) -> Result<Option<State>, Mistake> {
        let Some(folder) = &self.settings.state_dir else {
            return Ok(None);
        };
        let state = State::open(self.path(folder.get_ref()));
        let state = state.map_err(|error| {
            self.mistake(folder, format_args!("the folder cannot be used: {error}"))
        });
        state.map(Some)
    }

    /// Returns the settings that differ from those in use, and that a server reads only once.
    pub(crate) fn needs_restart(&self, in_use: &Self) -> impl Iterator<Item = &'static str> {
        let (new, old) = (&self.settings, &in_use.settings);
        let listen = |settings: &Settings| settings.listen.as_ref().map(Spanned::get_ref).cloned();
        let management = |settings: &Settings| {
            let listen = settings.management.listen.as_ref();
            listen.map(Spanned::get_ref).cloned()
        };
        let folder = |settings: &Settings| {
            let folder = settings.state_dir.as_ref();
            folder.map(Spanned::get_ref).cloned()
        };
        [
            ("listen", listen(new) != listen(old)),
            ("log_format", new.log_format != old.log_format),
            ("management.listen", management(new) != management(old)),
            ("state_dir", folder(new) != folder(old)),
        ]
        .into_iter()
        .filter_map(|(setting, differs)| differs.then_some(setting))
    }

    /// The address of the API. Default 127.0.0.1:8080.
    ///
    /// # Errors
    ///
    /// [`Mistake`] when it is no address with a port.
    pub fn listen(&self) -> Result<SocketAddr, Mistake> {
        self.address(self.settings.listen.as_ref(), 8080)
    }

    /// The address of the operator's routes. Default 127.0.0.1:8081.
    ///
    /// # Errors
    ///
    /// [`Mistake`] when it is no address with a port.
    pub fn management_listen(&self) -> Result<SocketAddr, Mistake> {
        self.address(self.settings.management.listen.as_ref(), 8081)
    }

    /// The socket bound to [`listen`](Self::listen).
    ///
    /// # Errors
    ///
    /// [`Mistake`] when nothing was: the address is taken, or not of this machine.
    pub fn bound<T>(&self, address: SocketAddr, bound: io::Result<T>) -> Result<T, Mistake> {
        self.bound_to(self.settings.listen.as_ref(), address, bound)
    }

    /// The socket bound to [`management_listen`](Self::management_listen).
    ///
    /// # Errors
    ///
    /// As [`bound`](Self::bound).
    pub fn management_bound<T>(
        &self,
        address: SocketAddr,
        bound: io::Result<T>,
    ) -> Result<T, Mistake> {
        self.bound_to(self.settings.management.listen.as_ref(), address, bound)
    }

    fn address(&self, text: Option<&Spanned<String>>, port: u16) -> Result<SocketAddr, Mistake> {
        let Some(text) = text else {
            return Ok(SocketAddr::from(([127, 0, 0, 1], port)));
        };
        let mut addresses = text.get_ref().to_socket_addrs().into_iter().flatten();
        addresses.next().ok_or_else(|| {
            self.mistake(
                text,
                "`listen` is an address and a port, like \"127.0.0.1:8080\" or \"[::]:8080\"",
            )
        })
    }

    fn bound_to<T>(
        &self,
        place: Option<&Spanned<String>>,
        address: SocketAddr,
        bound: io::Result<T>,
    ) -> Result<T, Mistake> {
        bound.map_err(|error| {
            let text = format!("cannot listen on {address}: {error}");
            match place {
                Some(place) => self.mistake(place, text),
                None => Mistake::in_all_of(&self.file, text),
            }
        })
    }

    /// The difference of clocks that is tolerated. Default 30 seconds.
    pub(crate) fn leeway(&self) -> Result<Duration, Mistake> {
        let Some(seconds) = &self.settings.leeway else {
            return Ok(VerifierBuilder::DEFAULT_LEEWAY);
        };
        u64::try_from(*seconds.get_ref())
            .ok()
            .map(Duration::from_secs)
            .filter(|leeway| *leeway <= VerifierBuilder::MAX_LEEWAY)
            .ok_or_else(|| {
                self.mistake(seconds, "`leeway` is a number of seconds between 0 and 300")
            })
    }

    /// A path in the file is relative to the file.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    /// A mistake at a value.
    pub(crate) fn mistake<T>(&self, value: &Spanned<T>, text: impl fmt::Display) -> Mistake {
        self.mistake_at(&value.span(), text)
    }

    pub(crate) fn mistake_at(&self, bytes: &Range<usize>, text: impl fmt::Display) -> Mistake {
        Mistake::at(&self.file, &self.content, bytes, text)
    }
}

impl fmt::Debug for Config {
    /// Without what stands in the file: it may be a secret in a wrong place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

/// serde's message about a value of a wrong type quotes the value, which may be a misplaced secret.
fn without_values(message: &str) -> String {
    let names_a_value =
        message.starts_with("invalid type: ") || message.starts_with("invalid value: ");
    if message == "wanted string or table" {
        return "expected a text".to_owned(); // what toml says where a name is asked for
    }
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if names_a_value => {
            let expected = match expected {
                "a sequence" => "an array",
                "i64" => "a whole number",
                "path string" | "a string" => "a text",
                other => other,
            };
            format!("expected {expected}")
        }
        _ => message.to_owned(),
    }
}
