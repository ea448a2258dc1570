//! The parts that `login-axum` and `login-actix` share: everything but the framework.
//!
//! 1. One function, `sign_in`, says who somebody is.
//! 2. The session routes are mounted for three kinds of clients, over the same sessions.
//! 3. `/api/*` accepts the access token of any of them.

mod keys;
mod options;
mod page;
mod store;
mod tool;

use std::{env, error::Error, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use cookie::Cookie;
use countersign::{
    Algorithm, AuthCookies, Authenticator, ConfigError, Csrf, Issuer, Policy, SessionRoutes,
    Sessions, SigningKeys, TokenSource,
    adapter::RequestHead,
    issue::SealingKeys,
    session::{Identity, LoginRefusal, LoginRequest, SignIn, SignInOutcome},
};
use demo::{
    Admin, Checked, Door, Drain, Login, Metrics, NotChecked, Readiness, Reloads, User, say,
};
use serde_json::{Map, json};
use tracing::{info, warn};

pub use self::{
    keys::KeysChoice,
    options::{Options, StoreChoice},
    page::Asset,
};

/// The `iss` of the tokens, unless `--issuer` names another.
pub const ISSUER: &str = "https://login.example";
/// The `aud` of the tokens.
pub const AUDIENCE: &str = "login";

/// The app, before a framework serves it. Cheap to clone.
#[derive(Clone)]
pub struct App {
    sessions: Sessions,
    mounts: [(&'static str, SessionRoutes); 3],
    api: Authenticator,
    assets: Arc<[Asset]>,
    has_hsts: bool,
}

impl App {
    /// Makes the app. When the store is not there, the app starts without it, answers 503, and recovers by
    /// itself; but with `--keys store` it waits for the store, as it can sign nothing before. Needs a tokio runtime, for what runs in the background.
    ///
    /// With `--keys`, or `JWT_SECRET` in the environment, several processes that share a store accept each
    /// other's access tokens. Without them each start has a new key: clients refresh, and go on.
    ///
    /// # Errors
    ///
    /// One line for the operator.
    pub async fn start(options: &Options) -> Result<Self, String> {
        let line = |error: &(dyn Error + 'static)| with_causes(error);
        let sessions = store::sessions(options, key_source(options)?)
            .await
            .map_err(|error| line(&*error))?;
        Self::new(sessions, options).map_err(|error| line(&error))
    }

    fn new(sessions: Sessions, options: &Options) -> Result<Self, ConfigError> {
        let door = Arc::new(Door::open().map_err(ConfigError::InvalidSetting)?);
        let sign_in = move |question| sign_in(Arc::clone(&door), question);

        // The page's tokens are in cookies that no script can read.
        let cookies = AuthCookies::new();
        // A single-page app keeps the access token in memory: only the refresh token is a cookie. It has
        // a name of its own, because both are for this host.
        let spa = AuthCookies::named("spa")?.access_token_in_body();
        let csrf = csrf(options)?;
        let source = TokenSource::bearer().or(cookies.access_source());
        Ok(Self {
            api: Authenticator::new(sessions.verifier())
                .source(source)
                .csrf(csrf.clone()),
            mounts: [
                (
                    "/session",
                    SessionRoutes::cookies(sessions.clone(), cookies, sign_in.clone())?
                        .csrf(csrf.clone()),
                ),
                (
                    "/spa",
                    SessionRoutes::cookies(sessions.clone(), spa, sign_in.clone())?.csrf(csrf),
                ),
                ("/token", SessionRoutes::json(sessions.clone(), sign_in)),
            ],
            sessions,
            assets: page::assets(options.lifetime()).into(),
            has_hsts: options.hsts,
        })
    }

    /// Returns the session routes, each with its path.
    pub fn mounts(&self) -> impl Iterator<Item = (&'static str, SessionRoutes)> {
        self.mounts.clone().into_iter()
    }

    /// Returns the authentication of `/api/*`: everybody with an access token, in the header or in the cookie.
    pub fn api(&self) -> Authenticator {
        self.api.clone()
    }

    /// Returns the policy of `/api/admin`.
    pub fn admins() -> Policy {
        Policy::role("admin")
    }

    /// Returns the policy of `/api/vault`: a login with a second factor. The refusal says what is missing, and
    /// clients ask their users for it (RFC 9470).
    pub fn second_factor() -> Policy {
        Policy::acr([SECOND_FACTOR])
    }

    /// The files of the page.
    #[must_use]
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// The public keys, for `/.well-known/jwks.json`.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.sessions.issuer().jwks()
    }

    /// The headers of every answer, the refused and the unknown included.
    pub fn security_headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let hsts = self.has_hsts.then_some(page::HSTS);
        page::SECURITY_HEADERS.into_iter().chain(hsts)
    }

    /// Returns the answer of `/readyz`: requests of every kind can be decided. The keys are there from the start.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let revocation = self.sessions.revocation().status();
        let details = Map::from_iter([
            (
                "revocation_synced_at".to_owned(),
                revocation.synced_at.into(),
            ),
            ("store".to_owned(), revocation.is_available().into()),
        ]);
        Readiness {
            is_ready: revocation.is_available(),
            details,
        }
    }

    /// Serves the operator's routes in the background, if the command line has an address for them, and hears
    /// SIGHUP.
    ///
    /// # Errors
    ///
    /// The system does not let us listen.
    pub fn manage(&self, options: &Options, metrics: Metrics, drain: &Drain) -> io::Result<()> {
        let mut reloads = Reloads::new()?;
        let has_keys = options.keys.is_some();
        tokio::spawn(async move {
            loop {
                reloads.next().await;
                match has_keys {
                    true => info!("SIGHUP: the keys are read again"),
                    false => info!("SIGHUP: there is nothing to read again"),
                }
            }
        });
        let Some(address) = options.admin else {
            return Ok(());
        };
        let listener = demo::bound_or_exit("--admin", address, demo::bind(address));
        say(format_args!("admin on http://{}", listener.local_addr()?));
        let app = self.clone();
        let admin = Admin::new(metrics, drain.clone(), move || app.readiness());
        tokio::spawn(admin.serve(listener));
        Ok(())
    }

    /// Says on standard output where the server listens and what to do next.
    pub fn announce(address: SocketAddr) {
        say(format_args!("listening on http://{address}"));
        say(format_args!(
            "open http://{address} in a browser, and log in as one of"
        ));
        if let Err(line) = demo::announce_accounts() {
            warn!("{line}");
        }
        say(format_args!(
            "or without a browser: curl http://{address}/token/login -H 'content-type: application/json' \
             -d '{{\"email\":\"user@example.com\",\"password\":\"password123\"}}'"
        ));
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

/// The access token in the value of a `Cookie` header.
///
/// For `/api/token`, which shows the page what an HttpOnly cookie hides, so that it can be looked at.
/// A real app has no such route: any script on the page could ask it.
#[must_use]
pub fn token_in_cookies(cookies: &str) -> Option<String> {
    Cookie::split_parse(cookies)
        .flatten()
        .find(|cookie| cookie.name() == "__Host-access")
        .map(|cookie| cookie.value().to_owned())
}

/// The one function that the session routes need: who is this, now? An error is 503.
async fn sign_in(
    door: Arc<Door>,
    question: SignIn<LoginRequest<Login>>,
) -> Result<SignInOutcome<User>, NotChecked> {
    let (login, head) = match question {
        SignIn::Credentials(LoginRequest { login, head, .. }) => (login, head),
        SignIn::Refresh(session) => {
            let user = door.user(session.subject());
            return Ok(user.map_or(SignInOutcome::Unknown, |user| identity(user).into()));
        }
    };
    let is_remembered = login.remember;
    let identity = match door.log_in(login).await? {
        Checked::CodeNeeded => return Ok(refusal(401, "second_factor")),
        Checked::Locked => {
            warn!(
                peer = head.peer().map(tracing::field::display),
                "the right password of a locked account"
            );
            return Ok(refusal(403, "locked"));
        }
        Checked::Password(user) => identity(user).amr(["pwd"]),
        Checked::PasswordAndCode(user) => {
            identity(user).acr(SECOND_FACTOR).amr(["pwd", "otp"]) // RFC 8176 section 2
        }
        Checked::Wrong => return Ok(SignInOutcome::Unknown),
    };
    Ok(match is_remembered {
        true => identity.into(), // as long as sessions live
        false => identity.idle(SHORT_IDLE).absolute(SHORT_ABSOLUTE).into(),
    })
}

fn identity(user: User) -> Identity<User> {
    Identity::new(user.sub.clone(), user)
}

/// A refusal that the page tells from others by its code.
fn refusal(status: u16, error: &str) -> SignInOutcome<User> {
    LoginRefusal::new(status, &json!({ "error": error })).into()
}

/// The `acr` of a login with password and code. A name of your own; RFC 9470 has no list.
const SECOND_FACTOR: &str = "urn:example:aal2";
/// How long a session that is not remembered lives without use: an hour.
const SHORT_IDLE: Duration = Duration::from_secs(3_600);
/// How long a session that is not remembered lives at most: 12 hours.
const SHORT_ABSOLUTE: Duration = Duration::from_secs(12 * 3_600);

pub(crate) fn issuer(options: &Options, keys: SigningKeys) -> Result<Issuer, ConfigError> {
    Issuer::builder(&options.issuer, keys)
        .audience(AUDIENCE)
        // What tells them from ID tokens wherever they are verified (RFC 9068 section 2.1).
        .token_type("at+jwt")
        .ttl(options.lifetime())
        .max_ttl(options.lifetime())
        // One clock issues and verifies, so that the page can watch a token expire to the second.
        .leeway(Duration::ZERO)
        .build()
}

/// The keys that sign, or what opens them in the store.
pub(crate) enum KeySource {
    Here(SigningKeys),
    Store(SealingKeys),
}

fn key_source(options: &Options) -> Result<KeySource, String> {
    let keys = match (&options.keys, env::var_os(SECRET)) {
        (Some(_), Some(_)) => {
            return Err(format!(
                "--keys and {SECRET} exclude each other: each names the key that signs"
            ));
        }
        (Some(KeysChoice::Store), None) => {
            let keys = keys::sealing_keys(options.keys_seal.as_ref());
            return keys
                .map(KeySource::Store)
                .map_err(|error| error.to_string());
        }
        (_, _) if options.keys_seal.is_some() => {
            return Err("--keys-seal is for --keys store: no other keys are sealed".to_owned());
        }
        (Some(KeysChoice::Folder(folder)), None) => keys::open(folder, options.keys_interval())?,
        (None, Some(_)) => demo::signing_key(Algorithm::HS256).map(SigningKeys::new)?,
        (None, None) => demo::signing_key(Algorithm::ES256).map(SigningKeys::new)?,
    };
    Ok(KeySource::Here(keys))
}

/// With a secret, a client without a browser can use the cookies too: it repeats the value of the
/// cookie `__Host-csrf` in the header `x-csrf-token`. All nodes have the same one.
fn csrf(options: &Options) -> Result<Csrf, ConfigError> {
    match &options.keys {
        Some(KeysChoice::Folder(folder)) => Csrf::new().secret(keys::csrf_secret(folder)?),
        Some(KeysChoice::Store) => {
            let keys = keys::sealing_keys(options.keys_seal.as_ref())?;
            Csrf::new().secret(keys.derive_secret("login csrf"))
        }
        None => match env::var(SECRET) {
            Ok(secret) => Csrf::new().secret(secret),
            Err(_) => Csrf::new().random_secret(),
        },
    }
}

const SECRET: &str = "JWT_SECRET";

/// An error and what caused it, in one line.
pub(crate) fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        line = format!("{line}: {cause}");
        next = cause.source();
    }
    line
}
