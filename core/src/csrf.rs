//! Requests that another site makes a browser send.

use std::fmt;

use crate::{
    ConfigError,
    claims::VerifiedToken,
    error::{AuthError, AuthErrorKind},
    jose::{Algorithm, SigningKey, base64url, crypto},
    origin::Origin,
    source::{RequestHead, Several, single, target_authority},
};

/// Protection against cross-site request forgery, for credentials in a cookie.
///
/// A browser adds cookies to a request whoever made it send one. So a token from a cookie counts
/// only if the request is known to come from its own site:
///
/// 1. A safe method passes: GET, HEAD, OPTIONS, TRACE (RFC 9110 section 9.2.1).
/// 2. With `Sec-Fetch-Site`, `same-origin` and `none` (the user typed the address) pass. With
///    `same-site` and `cross-site`, `Origin` must be an [allowed](Self::allow_origin) one. Any other
///    value, or a second header, is refused.
/// 3. Else, with `Origin`, it must name the host and port that the request was sent to, or be an
///    allowed one. `null`, a malformed one and a second header are refused. The host is that of the
///    request target (`:authority`, or the absolute form), else that of `Host`.
/// 4. Else the header [`x-csrf-token`](Self::HEADER) must hold a value that [`token`](Self::token)
///    made for this session. Without a [`secret`](Self::secret) there is no such value, and the
///    request is refused.
///
/// A refusal is [`AuthErrorKind::CrossSite`]: 403, and no challenge, since no other credentials
/// would help.
///
/// Every [`Authenticator`](crate::Authenticator) applies these rules to tokens from a cookie; one
/// in the `Authorization` header is not looked at, because no browser adds that by itself. Rules 1
/// to 3 are enough for browsers: all current ones send `Sec-Fetch-Site` to `https` and `localhost`,
/// and `Origin` with every method that is not safe. Rule 4 is for the rest.
///
/// # Why the header alone is enough in rule 4
///
/// The page's script reads the value from a cookie and repeats it in a header, hence "double
/// submit". Another site can neither read the cookie, nor set this header without being asked for
/// permission (CORS), nor compute a value: it is a keyed hash of the session's id. A value of the
/// attacker's own session does not fit the victim's. So it does not matter what the cookie holds by
/// now, and a planted cookie gains nothing.
///
/// # Deployment caveats
///
/// - A proxy that changes `Host` breaks rule 3, not rule 2: name the public origin with
///   [`allow_origin`](Self::allow_origin).
/// - `http` and `https` of one host are the same in rule 3, since the scheme is not known behind a
///   proxy. `Strict-Transport-Security` keeps browsers from using the former.
/// - A safe method must not change anything. A WebSocket handshake is a GET: where cookies are not
///   `SameSite=Strict`, check its `Origin` yourself.
/// - A script injected into the page sends requests of the page's own origin. Nothing here stops it.
///
/// # Examples
///
/// ```
/// use countersign::{Authenticator, Csrf, TokenSource};
/// # use countersign::testing::TestIssuer;
/// # let verifier = TestIssuer::new().verifier();
/// # let secret = "an example secret of 32 bytes or more";
/// let authenticator = Authenticator::new(verifier)
///     .source(TokenSource::bearer().or(TokenSource::cookie("__Host-access")))
///     .csrf(Csrf::new().secret(secret)?.allow_origin("https://app.example")?);
/// # Ok::<(), countersign::ConfigError>(())
/// ```
#[must_use = "the rules do nothing until an `Authenticator` or a route uses them"]
#[derive(Clone, Default)]
pub struct Csrf {
    secret: Option<SigningKey>,
    origins: Vec<Box<str>>,
}

impl Csrf {
    /// The header that holds the double-submit value, in lower case.
    pub const HEADER: &'static str = "x-csrf-token";

    /// Rules 1 to 3, no allowed origins: what a browser tells by itself. The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// The secret of the double-submit values, at least 32 bytes. All nodes need the same one.
    ///
    /// It may be the secret of a signing key: what is hashed can be no token.
    ///
    /// # Errors
    ///
    /// [`ConfigError::WeakKey`] when it is shorter, or one byte repeated;
    /// [`ConfigError::InvalidKey`] when it is a PEM or a JWK.
    pub fn secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        self.secret = Some(SigningKey::hs256(secret)?);
        Ok(self)
    }

    /// A secret of this process, for an app of one process: after a restart, clients of rule 4 need a
    /// new value, which a login or a refresh brings.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the system gives no random bytes.
    pub fn random_secret(mut self) -> Result<Self, ConfigError> {
        self.secret = Some(SigningKey::generate(Algorithm::HS256)?);
        Ok(self)
    }

    /// Lets another origin send requests with cookies, for example `https://app.example` to
    /// `https://api.example`. Said again, it adds one.
    ///
    /// That origin can do whatever the user can. The cookies have to reach it too: `SameSite=Strict`
    /// and `Lax` do so within one site only.
    ///
    /// # Errors
    ///
    /// [`ConfigError::InvalidSetting`] unless it is written exactly as browsers send it: lower case,
    /// no default port, no slash at the end.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Result<Self, ConfigError> {
        let origin = origin.into();
        Origin::parse(&origin)
            .map_err(|what| ConfigError::InvalidSetting(format!("origin {origin:?}: {what}")))?;
        self.origins.push(origin.into_boxed_str());
        Ok(self)
    }

    /// A double-submit value for a session, for a cookie that the page's script can read; `None`
    /// without a [`secret`](Self::secret).
    ///
    /// `session_id` is what the access token says in `sid`, or in `jti` if it has no `sid`. The value
    /// is as good as the session: it has no expiry of its own.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::Misconfigured`] (500) when the system gives no random bytes.
    pub fn token(&self, session_id: &str) -> Result<Option<String>, AuthError> {
        let Some(key) = &self.secret else {
            return Ok(None);
        };
        let mut value = vec![0; RANDOM];
        crypto::random(&mut value).map_err(AuthError::misconfigured)?;
        let message = message(&value, session_id);
        key.sign(&message, &mut value)
            .map_err(AuthError::misconfigured)?;
        Ok(Some(base64url::encode(value)))
    }

    /// All rules, for a route that knows its session without an access token.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::CrossSite`] (403).
    pub fn check(&self, head: &dyn RequestHead, session_id: &str) -> Result<(), AuthError> {
        match self.check_head(head)? {
            CsrfCheck::NeedsToken(token) => self.check_token(token, session_id),
            CsrfCheck::Pass => Ok(()),
        }
    }

    /// The rules for a login, where there is no session yet: 1 to 3, and a request with neither
    /// `Sec-Fetch-Site` nor `Origin` passes.
    ///
    /// Without the check, another site could log its visitors in to an account of its own. Every
    /// current browser sends `Origin` with a cross-site POST, so a request without it comes from no
    /// browser, or from one of before 2020. Those are stopped by asking for a JSON body: **a login
    /// route must refuse any other `Content-Type` than `application/json`**, which no form can send.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::CrossSite`] (403).
    pub fn check_login(&self, head: &dyn RequestHead) -> Result<(), AuthError> {
        self.site(head).map(|_| ())
    }

    /// As far as the head of the request can tell: rules 1 to 3, and that rule 4 has a value to
    /// look at.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::CrossSite`] (403).
    pub fn check_head<'h>(&self, head: &'h dyn RequestHead) -> Result<CsrfCheck<'h>, AuthError> {
        if self.site(head)? == Site::Own {
            return Ok(CsrfCheck::Pass);
        }
        if self.secret.is_none() {
            return Err(refused(Cause::NoSecret));
        }
        match single(head, Self::HEADER) {
            Ok(Some(value)) => Ok(CsrfCheck::NeedsToken(CsrfToken(value))),
            _ => Err(refused(Cause::NoValue)),
        }
    }

    /// Rule 4: whether the value was made for this session. Compared in constant time.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::CrossSite`] (403).
    pub fn check_token(&self, token: CsrfToken<'_>, session_id: &str) -> Result<(), AuthError> {
        let fits = || {
            let key = self.secret.as_ref()?.verifying_key();
            // An empty id names no session, so nothing is bound to it.
            if token.0.len() != ENCODED || session_id.is_empty() {
                return None;
            }
            let value = base64url::decode(token.0)?;
            let (random, tag) = value.split_at_checked(RANDOM)?;
            Some(key.verify(&message(random, session_id), tag))
        };
        match fits() {
            Some(true) => Ok(()),
            _ => Err(refused(Cause::WrongValue)),
        }
    }

    /// Rule 4 for a token that has been verified.
    pub(crate) fn check_verified(
        &self,
        csrf: CsrfToken<'_>,
        token: &VerifiedToken,
    ) -> Result<(), AuthError> {
        let name = token.session_id().or(token.id());
        self.check_token(csrf, name.unwrap_or_default())
    }

    /// Rules 1 to 3.
    fn site(&self, head: &dyn RequestHead) -> Result<Site, AuthError> {
        let one = |name| single(head, name).map_err(|Several| refused(Cause::SeveralHeaders));

        if matches!(head.method(), "GET" | "HEAD" | "OPTIONS" | "TRACE") {
            return Ok(Site::Own);
        }
        let origin = one("origin")?;
        match one("sec-fetch-site")? {
            Some(b"same-origin" | b"none") => return Ok(Site::Own),
            Some(b"same-site" | b"cross-site") if self.allows(origin) => return Ok(Site::Own),
            Some(_) => return Err(refused(Cause::SecFetchSite)),
            None => {}
        }
        let Some(value) = origin else {
            return Ok(Site::Unknown);
        };
        let host = target_authority(head).map_err(|Several| refused(Cause::SeveralHeaders))?;
        let own = std::str::from_utf8(value)
            .ok()
            .and_then(|text| Origin::parse(text).ok())
            .zip(host)
            .is_some_and(|(origin, host)| origin.is_of(host));
        match own || self.allows(origin) {
            true => Ok(Site::Own),
            false => Err(refused(Cause::Origin)),
        }
    }

    fn allows(&self, origin: Option<&[u8]>) -> bool {
        let allowed = |origin| self.origins.iter().any(|own| own.as_bytes() == origin);
        origin.is_some_and(allowed)
    }
}

impl fmt::Debug for Csrf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Csrf")
            .field("origins", &self.origins)
            .finish_non_exhaustive()
    }
}

/// What the head of a request proves. Made by [`Csrf::check_head`].
#[must_use = "a request that still has to prove itself has not passed"]
#[derive(Clone, Copy, Debug)]
pub enum CsrfCheck<'h> {
    /// Nothing: [`Csrf::check_token`] decides, once the session is known.
    NeedsToken(CsrfToken<'h>),
    /// It comes from its own site, from an allowed origin, or changes nothing.
    Pass,
}

/// A double-submit value as a request carries it, not checked.
///
/// `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct CsrfToken<'h>(pub(crate) &'h [u8]);

impl fmt::Debug for CsrfToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfToken").finish_non_exhaustive()
    }
}

/// Where a request comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Site {
    /// From its own site, or it does not matter.
    Own,
    /// It does not say.
    Unknown,
}

/// Why, for the log.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Cause {
    #[error("the request has neither Sec-Fetch-Site nor Origin, and there is no secret")]
    NoSecret,
    #[error("the request has neither Sec-Fetch-Site nor Origin, and not one X-CSRF-Token")]
    NoValue,
    #[error("Origin is neither the host of the request nor an allowed one")]
    Origin,
    #[error("Sec-Fetch-Site names another site, and Origin is not an allowed one")]
    SecFetchSite,
    #[error("Sec-Fetch-Site, Origin or Host is there twice")]
    SeveralHeaders,
    #[error("X-CSRF-Token was not made for this session")]
    WrongValue,
}

fn refused(cause: Cause) -> AuthError {
    AuthError::from(AuthErrorKind::CrossSite).with_source(cause)
}

/// What is hashed. No token's signing input begins like this (RFC 7515 section 5.1).
fn message(random: &[u8], session_id: &str) -> Vec<u8> {
    [b"countersign csrf:", random, session_id.as_bytes()].concat()
}

/// Random bytes at the start of a value, so that two of one session differ. Their number is fixed,
/// so random bytes and session id cannot be mistaken for each other.
const RANDOM: usize = 16;

/// The length of a value: 16 random bytes and 32 of the hash, in base64url.
const ENCODED: usize = 64;
