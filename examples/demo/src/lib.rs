//! What the examples share: command line, accounts, login and token issuing.
//!
//! Nothing in it belongs to a web framework. A real app has its own users; look here for how a
//! login is checked and how a token is issued.

mod accounts;
#[cfg(feature = "actix")]
pub mod actix;
mod admission;
mod logging;
mod options;
mod output;
mod passwords;
#[cfg(feature = "axum")]
pub mod serve;
mod signing;
mod stopping;

use std::{
    fmt::{self, Display},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use countersign::{AuthError, Issuer, SigningKey, session::LoginLimits};

pub use self::{
    accounts::{Login, User},
    admission::{Door, NotChecked},
    logging::start as start_logging,
    options::{Options, algorithm, bound_or_exit},
    output::{complain, say},
    signing::key as signing_key,
    stopping::asked_to_stop,
};

/// The `iss` of the tokens.
pub const ISSUER: &str = "https://quickstart.example";
/// The `aud` of the tokens.
pub const AUDIENCE: &str = "quickstart";
/// How long a token lives: one hour.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
/// The media type of a JWK set (RFC 7517 section 8.5.2).
pub const JWK_SET: &str = "application/jwk-set+json";
/// The largest body of a request, in bytes.
pub const MAX_BODY_BYTES: usize = 16 << 10;
/// The largest head of a request, in bytes: all names and values of headers.
pub const MAX_HEADER_BYTES: usize = 16 << 10;
/// What a client is told whose login came with too many others.
pub const TOO_MANY_LOGINS: &str = "Too many logins at once, try again";
/// How long a client may take to send the head of a request: 5 seconds.
///
/// A connection that carries no request is closed after that time too.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a client may take to send the body of a request: 5 seconds. Then it is told 408.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long requests may still take when the server is asked to stop: 5 seconds.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);

/// The demo: an issuer of tokens, and accounts that can log in.
pub struct Demo {
    issuer: Issuer,
    door: Door,
    limits: LoginLimits,
}

impl Demo {
    /// Makes the key, the issuer and the accounts.
    ///
    /// With HS256 the secret comes from the environment variable `JWT_SECRET`. Without it there is
    /// a random one, and a warning on standard error.
    ///
    /// # Errors
    ///
    /// One line for the operator: the secret is too short, or no key can be made.
    pub fn start(options: &Options) -> Result<Self, String> {
        let key = signing::key(options.alg)?;
        Ok(Self {
            issuer: issuer(key)?,
            door: Door::open()?,
            limits: limits()?,
        })
    }

    /// As [`start`](Self::start), with a log on standard error. An error ends the process with its
    /// line and the exit code 2.
    #[must_use]
    pub fn start_or_exit(options: &Options) -> Self {
        logging::start();
        Self::start(options).unwrap_or_else(|error| exit(error))
    }

    /// Checks a login from this address: the user, or `None` when address or password are wrong.
    ///
    /// Logins are counted before the password is hashed, and whoever has failed too often is refused
    /// whatever the password is. The address is that of the connection: behind a proxy, take the one
    /// that the proxy tells, or `None`.
    ///
    /// # Errors
    ///
    /// [`NotChecked`] when too many have failed, too many wait, or the hash fails.
    pub async fn log_in(
        &self,
        login: Login,
        address: Option<IpAddr>,
    ) -> Result<Option<User>, NotChecked> {
        let attempt = self.limits.attempt(&login.email, address);
        let attempt = attempt.map_err(NotChecked::Limited)?;
        let checked = self.door.log_in(login).await;
        match &checked {
            Ok(Some(_)) => attempt.succeeded(),
            Ok(None) => attempt.failed(),
            Err(_) => attempt.undecided(),
        }
        checked
    }

    /// Who issues the tokens. Its verifier accepts them.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Says on standard output where the server listens and how to log in.
    pub fn announce(&self, address: SocketAddr) {
        say(format_args!("listening on http://{address}"));
        self.door.announce();
        say(format_args!(
            "log in: curl http://{address}/login -H 'content-type: application/json' \
             -d '{{\"email\":\"user@example.com\",\"password\":\"{}\"}}'",
            accounts::PASSWORD
        ));
        say("log: refused requests go to standard error, each with its reason");
    }
}

impl fmt::Debug for Demo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Demo")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// What a client is told whose login cannot be read, by the status of the answer.
#[must_use]
pub fn unreadable(status: u16) -> &'static str {
    match status {
        413 => "The body is too large: send at most 16 KiB",
        415 => "Send JSON, with the header content-type: application/json",
        _ => r#"Send JSON like {"email": "user@example.com", "password": "password123"}"#,
    }
}

/// What a client is told whose request is refused.
#[must_use]
pub fn refusal(error: &AuthError) -> &'static str {
    match error.kind().status() {
        401 => "Authentication failed",
        403 => "Forbidden",
        _ => error.challenge().message(),
    }
}

/// Ends the process with one line for the operator, and the exit code 2.
pub fn exit(error: impl Display) -> ! {
    complain(format_args!("error: {error}"));
    std::process::exit(2)
}

/// Ten failed logins a minute for each account, a hundred for each address.
fn limits() -> Result<LoginLimits, String> {
    let limits = LoginLimits::builder().build();
    limits.map_err(|error| error.to_string())
}

fn issuer(key: SigningKey) -> Result<Issuer, String> {
    Issuer::builder(ISSUER, key)
        .audience(AUDIENCE)
        .ttl(TOKEN_LIFETIME)
        .max_ttl(TOKEN_LIFETIME)
        .build()
        .map_err(|error| error.to_string())
}
