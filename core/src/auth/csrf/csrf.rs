//! The rules against requests that another site makes a browser send.

use std::fmt;

use super::{
    effect::Effect,
    refusal::{Cause, refused},
};
use crate::{
    auth::Origin,
    claims::{ClaimSlot, VerifiedToken},
    error::{AuthError, ConfigError},
    jose::{Algorithm, SigningKey, base64url, crypto},
    request::{DuplicateHeader, RequestHead, single_header, target_authority},
};

/// Protection against cross-site request forgery, for credentials in a cookie.
///
/// A browser adds cookies to a request whoever made it send one. So a token from a cookie counts
/// only if the request is known to come from its own site:
///
/// 1. A safe method passes: GET, HEAD, OPTIONS, TRACE (RFC 9110 section 9.2.1), unless the request
///    opens a WebSocket.
/// 2. With `Sec-Fetch-Site`, `same-origin` and `none` (the user typed the address) pass. With
///    `same-site` and `cross-site`, `Origin` must be an [allowed](Self::allow_origin) one. Any other
///    value, or a second header, is refused.
/// 3. Else, with `Origin`, it must name the host and port that the request was sent to, or be an
///    allowed one. `null`, a malformed one and a second header are refused. The host is that of the
///    request target (`:authority`, or the absolute form), else that of `Host`.
/// 4. Else the header [`x-csrf-token`](Self::HEADER) must contain a value that [`token`](Self::token)
///    made for this session. Without a [`secret`](Self::secret) there is no such value, and the
///    request is refused. With [`require_token`](Self::require_token), rules 2 and 3 are not enough,
///    and the value has to be there as well.
///
/// A refusal is 403, and no challenge, since no other credentials would help:
/// [`CrossSite`](crate::AuthErrorKind::CrossSite) by rules 2 and 3,
/// [`MissingOrigin`](crate::AuthErrorKind::MissingOrigin) where the request has neither of their
/// headers and no value, [`WrongCsrfToken`](crate::AuthErrorKind::WrongCsrfToken) by rule 4.
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
/// attacker's own session does not fit the victim's. So the cookie's value does not matter,
/// and a planted cookie gains nothing.
///
/// # WebSockets
///
/// Any page can open a WebSocket to any server and read what comes: neither CORS nor the same-origin
/// policy is asked. The cookies go along, to a sibling subdomain's page even with `SameSite=Strict`,
/// because such a page is of the same site. So a handshake is held to rules 2 to 4 although it is a
/// GET: `Upgrade: websocket` (RFC 6455 section 4.1), `Sec-Fetch-Mode: websocket`, and CONNECT (RFC 8441
/// section 4). Chromium sends it with `Origin` and without `Sec-Fetch-Site`, so rule 3 decides. A
/// client that is no browser sends the `Origin` of the site.
///
/// # Service workers
///
/// A service worker that makes a new request of a navigation, by its URL, method and body, sends the form of
/// another site as a request of the worker's own origin, with all cookies. Rules 2 and 3 cannot tell. Let
/// the worker leave requests other than GET alone, take no body that a form can send (JSON only, as
/// the [session routes](crate::SessionRoutes) do), or set [`require_token`](Self::require_token).
///
/// # Deployment caveats
///
/// - A proxy that changes the host of requests breaks rule 3, not rule 2: name the public origin with
///   [`allow_origin`](Self::allow_origin). In Chromium, WebSockets depend on rule 3.
/// - `http` and `https` of one host are the same in rule 3, since the scheme is not known behind a
///   proxy. `Strict-Transport-Security` keeps browsers from using the former.
/// - A safe method must not change anything: not by a link, not by a method override (`_method=DELETE`)
///   that is applied after this check.
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
    pub(super) secret: Option<SigningKey>,
    pub(super) origins: Vec<Box<str>>,
    pub(super) token_required: bool,
}

impl Csrf {
    /// The header of the double-submit value, in lower case.
    pub const HEADER: &'static str = "x-csrf-token";

    /// Makes a protection by rules 1 to 3 without allowed origins: by what a browser tells itself. The default.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the secret of the double-submit values, at least 32 bytes. All nodes need the same one.
    ///
    /// It may be the secret of a signing key: no token has the form of the hashed text.
    ///
    /// # Errors
    ///
    /// [`ConfigError::WeakKey`] when it is shorter, or one byte repeated;
    /// [`ConfigError::InvalidKey`] when it is a PEM or a JWK.
    pub fn secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        self.secret = Some(SigningKey::hs256(secret)?);
        Ok(self)
    }

    /// Makes a secret for this process, for an app of one process: after a restart, clients of rule 4 need a
    /// new value, which a login or a refresh brings.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when the system gives no random bytes.
    pub fn random_secret(mut self) -> Result<Self, ConfigError> {
        self.secret = Some(SigningKey::generate(Algorithm::HS256)?);
        Ok(self)
    }

    /// Asks for the double-submit value always, and not only where the browser says nothing: rules 2
    /// and 3 alone let no request pass that can change something.
    ///
    /// For sites with a service worker that re-makes requests. The page sends the value of the cookie
    /// `__Host-csrf` with every such request, in the header [`x-csrf-token`](Self::HEADER). A login
    /// has no session yet, so none is asked for there. A WebSocket handshake passes by rules 2 and 3:
    /// scripts can set no header of it, and service workers do not see it.
    ///
    /// An [allowed origin](Self::allow_origin) cannot read that cookie. Hand it the value in another
    /// way, or do without.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] without a [`secret`](Self::secret), which comes first: there would be
    /// no value.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::Csrf;
    ///
    /// let csrf = Csrf::new().random_secret()?.require_token()?;
    /// # Ok::<(), countersign::ConfigError>(())
    /// ```
    pub fn require_token(mut self) -> Result<Self, ConfigError> {
        if self.secret.is_none() {
            return Err(ConfigError::Conflict(
                "`Csrf::require_token` asks for a value that only a secret makes: call `secret` or \
                 `random_secret` before it"
                    .into(),
            ));
        }
        self.token_required = true;
        Ok(self)
    }

    /// Lets another origin send requests with cookies, for example `https://app.example` to
    /// `https://api.example`. Repeatable: each call adds one.
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

    /// Makes a double-submit value for a session, for a cookie that the page's script can read; `None`
    /// without a [`secret`](Self::secret).
    ///
    /// `session_id` is what the access token says in `sid`, or in `jti` if it has no `sid`. The value
    /// is as good as the session: it has no expiry of its own.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::Misconfigured`](crate::AuthErrorKind::Misconfigured) (500) when the system gives no
    /// random bytes.
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

    /// Applies all rules, for a route that knows its session without an access token.
    ///
    /// # Errors
    ///
    /// [`CrossSite`](crate::AuthErrorKind::CrossSite),
    /// [`MissingOrigin`](crate::AuthErrorKind::MissingOrigin) or
    /// [`WrongCsrfToken`](crate::AuthErrorKind::WrongCsrfToken) (403).
    pub fn check(&self, head: &dyn RequestHead, session_id: &str) -> Result<(), AuthError> {
        match self.check_head(head)? {
            CsrfCheck::NeedsToken(token) => self.check_token(token, session_id),
            CsrfCheck::Pass => Ok(()),
        }
    }

    /// Applies the rules for a login, where there is no session yet: 1 to 3, and a request with
    /// neither `Sec-Fetch-Site` nor `Origin` passes.
    ///
    /// Without the check, another site could log its visitors in to an account of its own. Every
    /// current browser sends `Origin` with a cross-site POST, so a request without it comes from no
    /// browser, or from one of before 2020. Those are stopped by asking for a JSON body: **a login
    /// route must refuse any other `Content-Type` than `application/json`**, which no form can send.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::CrossSite`](crate::AuthErrorKind::CrossSite) (403).
    pub fn check_login(&self, head: &dyn RequestHead) -> Result<(), AuthError> {
        match Effect::of(head) {
            Effect::None => Ok(()),
            Effect::Change | Effect::WebSocket => self.site(head).map(|_| ()),
        }
    }

    /// Applies what the head of the request can tell: rules 1 to 3, and that there is a value for
    /// rule 4.
    ///
    /// # Errors
    ///
    /// As for [`check`](Self::check).
    pub fn check_head<'h>(&self, head: &'h dyn RequestHead) -> Result<CsrfCheck<'h>, AuthError> {
        let effect = Effect::of(head);
        if effect == Effect::None {
            return Ok(CsrfCheck::Pass);
        }
        let without = match (self.site(head)?, effect) {
            (Site::Own, Effect::Change) if self.token_required => Cause::NoValue,
            (Site::Own, _) => return Ok(CsrfCheck::Pass),
            (Site::Unknown, _) if self.secret.is_none() => return Err(refused(Cause::NoSecret)),
            (Site::Unknown, _) => Cause::NoOrigin,
        };
        match single_header(head, Self::HEADER) {
            Ok(Some(value)) => Ok(CsrfCheck::NeedsToken(CsrfToken(value))),
            Ok(None) => Err(refused(without)),
            Err(DuplicateHeader) => Err(refused(Cause::SeveralValues)),
        }
    }

    /// Applies rule 4: the value has to be made for this session. Compares in constant time.
    ///
    /// # Errors
    ///
    /// [`AuthErrorKind::WrongCsrfToken`](crate::AuthErrorKind::WrongCsrfToken) (403).
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

    /// Applies rule 4 to a token that has been verified.
    pub(crate) fn check_verified(
        &self,
        csrf: CsrfToken<'_>,
        token: &VerifiedToken,
    ) -> Result<(), AuthError> {
        let name = match token.session_id() {
            // Nobody can tell which session it is of.
            None if token.is_unreadable(ClaimSlot::SESSION_ID) => None,
            None => token.id(),
            session => session,
        };
        self.check_token(csrf, name.unwrap_or_default())
    }

    /// Applies rules 2 and 3.
    fn site(&self, head: &dyn RequestHead) -> Result<Site, AuthError> {
        let one = |name| {
            single_header(head, name).map_err(|DuplicateHeader| refused(Cause::SeveralHeaders))
        };

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
        let host =
            target_authority(head).map_err(|DuplicateHeader| refused(Cause::SeveralHeaders))?;
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
            .field("token_required", &self.token_required)
            .finish_non_exhaustive()
    }
}

/// The proof in the head of a request. Made by [`Csrf::check_head`].
#[must_use = "a request that still has to prove itself has not passed"]
#[derive(Clone, Copy, Debug)]
pub enum CsrfCheck<'h> {
    /// None: [`Csrf::check_token`] decides, once the session is known.
    NeedsToken(CsrfToken<'h>),
    /// The request comes from its own site, from an allowed origin, or changes nothing.
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

/// The site of origin of a request.
enum Site {
    /// From its own site, or an allowed origin.
    Own,
    /// Not told.
    Unknown,
}

/// The prefix of the hashed text. No token's signing input begins like this (RFC 7515 section 5.1).
fn message(random: &[u8], session_id: &str) -> Vec<u8> {
    [b"countersign csrf:", random, session_id.as_bytes()].concat()
}

/// Random bytes at the start of a value, so that two of one session differ. Their number is fixed,
/// so random bytes and session id cannot be mistaken for each other.
const RANDOM: usize = 16;

/// The length of a value: 16 random bytes and 32 of the hash, in base64url.
pub(super) const ENCODED: usize = 64;
