//! The session routes: their settings, and the way in.

use std::{
    error::Error,
    fmt,
    future::{Future, ready},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use serde::de::DeserializeOwned;

#[cfg(feature = "proof")]
use super::proof::RouteProofs;
use super::{
    account,
    answer::Answer,
    api_keys::ApiKeyRoutes,
    ask::{Ask, Format, erase},
    endpoint::Endpoint,
    forms::{self, FormPages},
    outcome::SignInAnswer,
    reply::{INVALID_REQUEST, Reply, invalid},
    sign_in::{LoginBody, SignIn},
};
use crate::{
    auth::{AuthCookies, Authenticator, Csrf},
    error::ConfigError,
    future::BoxFuture,
    request::{RequestHead, TokenSource},
    session::{
        ClientInfo,
        login_limits::{Accounts, LoginLimits},
        logout::EndingFlag,
        sessions::Sessions,
    },
};

/// Login, refresh and logout over HTTP. An adapter's `session_routes` mounts them; cheap to clone.
///
/// | endpoint | needs | answer |
/// |---|---|---|
/// | `POST /login` | a body of your own | 200 with the pair; 401 `invalid_grant`; 429 `too_many_requests`; a [refusal](crate::session::LoginRefusal) of your own |
/// | `POST /refresh` | the refresh token | 200 with the next pair; 400 `invalid_grant`, or `invalid_request` without a token |
/// | `POST /logout` | the refresh token, else the access token | 204, also when there was no session |
/// | `POST /logout-all` | the access token | 204; 401 |
/// | `GET /sessions` | the access token | 200 with the sessions of the user; 401 |
/// | `DELETE /sessions/{id}` | the access token | 204; 401; 404 when it is no session of the user |
/// | `GET /.well-known/jwks.json` | | 200 with the public keys |
///
/// [`api_keys`](Self::api_keys) adds those of API keys. Three modes:
///
/// 1. [`json`](Self::json): both tokens are in the body of the answer, by RFC 6749 section 5.1. The
///    client sends the refresh token as `{"refresh_token": ".."}` and the access token as a bearer
///    token.
/// 2. [`cookies`](Self::cookies): both tokens are in cookies that no script can read, the body says
///    how long they live. A request from another site is refused (403), the login included. Each POST
///    has the header `content-type: application/json`, also without a body, or is refused (415): a
///    form cannot send it, not even where a [service worker](Csrf#service-workers) re-makes requests.
/// 3. [`forms`](Self::forms): as in cookie mode, for pages that a server renders: logins and logouts are forms, and
///    answered with redirects. Besides, `GET /renew` renews the session of a page load.
///
/// Failed logins are [limited](LoginLimits) by account and, where it is known, by address: the eleventh
/// wrong password for an account in a minute is 429 with `Retry-After`.
///
/// Besides, any of them can be 400 `invalid_request` for a body or headers that cannot be read, 403 for a request from
/// another site, 404 and 405 for another path or method, 413 and 415 for a body that is too long or no JSON, 429 by
/// [`admit`](Self::admit), 500 for a mistake of the app, and 503 with `Retry-After` for an outage, which changes no cookie.
///
/// What concerns the access token, or where a request comes from, is answered as by a layer: 401, 403, and 503 for keys
/// that are away, as a problem document (RFC 9457). All other errors have the body of RFC 6749 section 5.2. No answer may
/// be cached, but for the key set.
#[must_use = "the routes do nothing until an adapter mounts them"]
#[derive(Clone)]
pub struct SessionRoutes {
    pub(super) sessions: Sessions,
    pub(super) ask: Arc<Ask>,
    /// `None`: JSON mode.
    pub(super) cookies: Option<Arc<AuthCookies>>,
    /// Only in forms mode, which has cookies, too.
    pub(super) pages: Option<Arc<FormPages>>,
    /// `None`: there are no routes of API keys.
    pub(super) api_keys: Option<ApiKeyRoutes>,
    pub(super) csrf: Csrf,
    pub(super) authenticator: Authenticator,
    pub(super) client: Arc<ClientOf>,
    pub(super) admit: Arc<Admit>,
    /// `None`: the app limits logins itself.
    pub(super) limits: Option<LoginLimits>,
    pub(super) body: BodyOf,
    /// What clients prove, and sessions are bound to.
    #[cfg(feature = "proof")]
    pub(super) proofs: Arc<RouteProofs>,
    pub(super) warned: Arc<Warned>,
    pub(super) clears_site_data: bool,
}

/// What is known of the body of a login by the type that the app reads.
#[derive(Clone, Copy)]
pub(super) struct BodyOf {
    /// Finds the accounts, where the limits have no function of the app.
    pub(super) accounts: fn(&[u8]) -> Option<Accounts>,
    /// Names the field for which it cannot be read.
    pub(super) wrong_field: fn(&[u8]) -> Option<String>,
}

impl BodyOf {
    pub(super) fn json<L: DeserializeOwned>() -> Self {
        Self {
            accounts: account::find::<L>,
            wrong_field: |body| Format::Json.wrong_field::<L>(body),
        }
    }

    pub(super) fn form<L: DeserializeOwned>() -> Self {
        Self {
            accounts: forms::accounts::<L>,
            wrong_field: |body| Format::Form.wrong_field::<L>(body),
        }
    }
}

/// The warnings that were given, once each.
#[derive(Default)]
pub(super) struct Warned {
    /// That browsers drop the cookies of a login.
    pub(super) dropped: AtomicBool,
    /// That browsers do not send the refresh cookie here.
    pub(super) path: AtomicBool,
    /// That cookies are as large as a proxy can take.
    pub(super) size: AtomicBool,
}

type ClientOf = dyn Fn(&dyn RequestHead) -> ClientInfo + Send + Sync;
type Admit = dyn Fn(&str, &dyn RequestHead) -> Result<(), Duration> + Send + Sync;

impl SessionRoutes {
    /// The largest body of a request: 16 KiB.
    pub const MAX_BODY_BYTES: usize = 16 << 10;

    /// Routes that carry the tokens in bodies and the `Authorization` header: for API clients and
    /// native apps.
    ///
    /// `sign_in` identifies the user, at a login and again at each refresh: see [`SignIn`]. It answers with an
    /// `Option<Identity<_>>` or a [`SignInOutcome`](crate::session::SignInOutcome). An error is an outage (503).
    pub fn json<F, Fut, L, A, E>(sessions: Sessions, sign_in: F) -> Self
    where
        F: Fn(SignIn<L>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, E>> + Send + 'static,
        L: LoginBody,
        A: SignInAnswer,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let ask = erase(sign_in, Format::Json);
        Self::new(sessions, None, ask, BodyOf::json::<L::Login>())
    }

    /// Routes that carry the tokens in cookies: for browsers. `sign_in` as with
    /// [`json`](Self::json).
    ///
    /// # Errors
    ///
    /// [`ConfigError::Conflict`] when other routes over these sessions use one of the cookies in
    /// another way: give one of them names of its own, with [`AuthCookies::named`]. Also when the refresh
    /// cookie has a path: see [`cookies_at`](Self::cookies_at).
    pub fn cookies<F, Fut, L, A, E>(
        sessions: Sessions,
        cookies: AuthCookies,
        sign_in: F,
    ) -> Result<Self, ConfigError>
    where
        F: Fn(SignIn<L>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, E>> + Send + 'static,
        L: LoginBody,
        A: SignInAnswer,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        cookies.check_mount(None)?;
        Self::with_cookies(sessions, cookies, sign_in)
    }

    /// [`cookies`](Self::cookies), for a refresh cookie with the path of these routes.
    ///
    /// `mount` is their path as browsers see it: behind a proxy that strips `/app`, routes that an adapter
    /// mounts at `/session` are at `/app/session`.
    ///
    /// # Errors
    ///
    /// As for [`cookies`](Self::cookies), and [`ConfigError::Conflict`] when browsers would not send the refresh
    /// cookie to `mount`: then each login would work, and no refresh.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{AuthCookies, ConfigError, SessionRoutes, Sessions};
    /// # use countersign::session::{Identity, SignIn};
    /// # async fn sign_in(_: SignIn<()>) -> Result<Option<Identity<()>>, std::io::Error> { Ok(None) }
    ///
    /// fn routes(sessions: Sessions) -> Result<SessionRoutes, ConfigError> {
    ///     let cookies = AuthCookies::new().refresh_path_trusting_subdomains("/session")?;
    ///     SessionRoutes::cookies_at("/session", sessions, cookies, sign_in)
    /// }
    /// ```
    pub fn cookies_at<F, Fut, L, A, E>(
        mount: &str,
        sessions: Sessions,
        cookies: AuthCookies,
        sign_in: F,
    ) -> Result<Self, ConfigError>
    where
        F: Fn(SignIn<L>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, E>> + Send + 'static,
        L: LoginBody,
        A: SignInAnswer,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        cookies.check_mount(Some(mount))?;
        Self::with_cookies(sessions, cookies, sign_in)
    }

    fn with_cookies<F, Fut, L, A, E>(
        sessions: Sessions,
        cookies: AuthCookies,
        sign_in: F,
    ) -> Result<Self, ConfigError>
    where
        F: Fn(SignIn<L>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, E>> + Send + 'static,
        L: LoginBody,
        A: SignInAnswer,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        sessions.settings.layouts.add(&cookies)?;
        let ask = erase(sign_in, Format::Json);
        let body = BodyOf::json::<L::Login>();
        Ok(Self::new(sessions, Some(cookies), ask, body))
    }

    pub(super) fn new(
        sessions: Sessions,
        cookies: Option<AuthCookies>,
        ask: Arc<Ask>,
        body: BodyOf,
    ) -> Self {
        let cookies = cookies.map(Arc::new);
        let source = cookies
            .as_deref()
            .map_or_else(TokenSource::bearer, AuthCookies::access_source);
        Self {
            authenticator: Authenticator::new(sessions.verifier()).source(source),
            limits: Some(sessions.settings.login_limits.clone()),
            body,
            sessions: Sessions {
                cookies: cookies.clone(),
                ..sessions
            },
            ask,
            cookies,
            pages: None,
            api_keys: None,
            csrf: Csrf::default(),
            client: Arc::new(user_agent),
            admit: Arc::new(|_, _| Ok(())),
            #[cfg(feature = "proof")]
            proofs: Arc::default(),
            warned: Arc::default(),
            clears_site_data: false,
        }
    }

    /// Sets the protection against requests from other sites, in cookie mode. Default
    /// [`Csrf::default`]: browsers say themselves where a request comes from. In forms mode, the double-submit value is
    /// [required](Csrf::require_token) in any case; without a secret, then, all forms are refused.
    pub fn csrf(mut self, csrf: Csrf) -> Self {
        let csrf = match self.pages {
            Some(_) => csrf.always_with_token(),
            None => csrf,
        };
        self.authenticator = self.authenticator.csrf(csrf.clone());
        self.csrf = csrf;
        self
    }

    /// Has browsers forget what they keep of the site when a user logs out, or ends the session at hand: the answers have
    /// `Clear-Site-Data: "cache", "storage"` (W3C Clear Site Data section 3.1). Default: off.
    ///
    /// Without it, the Back button can show the last page of somebody who has logged out. It also removes what the
    /// app itself keeps in local storage, databases and service workers of this origin; browsers heed it over https.
    pub fn clear_site_data(mut self) -> Self {
        self.clears_site_data = true;
        self
    }

    /// Describes the client that sends a request. Default: `User-Agent` is its label.
    pub fn client<F>(mut self, client: F) -> Self
    where
        F: Fn(&dyn RequestHead) -> ClientInfo + Send + Sync + 'static,
    {
        self.client = Arc::new(client);
        self
    }

    /// Admits requests, by path (`/login`, `/refresh` ..) and head, before anything is
    /// looked up or computed. An error is 429, with the time to wait as `Retry-After`.
    ///
    /// Failed logins are limited by account and address in any case: see
    /// [`login_limits`](Self::login_limits).
    pub fn admit<F>(mut self, admit: F) -> Self
    where
        F: Fn(&str, &dyn RequestHead) -> Result<(), Duration> + Send + Sync + 'static,
    {
        self.admit = Arc::new(admit);
        self
    }

    /// Sets the limits of failed logins. Default: 10 in a minute for each account, 100 for each address; see
    /// [`LoginLimits`], also for how account and address are found.
    ///
    /// Routes of the same [`Sessions`] share the counts of the default limits. Share your own by giving
    /// clones of one value to all routes of an app.
    pub fn login_limits(mut self, limits: LoginLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Limits no logins: passwords can be guessed as fast as they can be checked. Only for apps with a
    /// limit for each account of their own, in front of these routes or in `sign_in`.
    pub fn without_login_limits(mut self) -> Self {
        self.limits = None;
        self
    }

    /// Answers a request. `path` is relative to where the routes are mounted; `body` is at most
    /// [`MAX_BODY_BYTES`](Self::MAX_BODY_BYTES) long.
    ///
    /// For adapters. All of the head is read before it returns.
    pub fn answer(&self, path: &str, head: &dyn RequestHead, body: &[u8]) -> Answer {
        let planted = match &self.cookies {
            Some(cookies) => cookies.clear_planted(head, path),
            None => Vec::new(),
        };
        let ending = EndingFlag::default();
        let route = Endpoint::route(path);
        let endpoint = self.endpoint(head.method(), path);
        let form = self.form(endpoint.as_ref().ok(), body);
        let answer = self.form_answer(endpoint.as_ref().ok(), head, form.as_ref());
        let in_pages = move |reply: Reply| match &answer {
            Some(answer) => answer.of(reply),
            None => reply,
        };
        let read = endpoint.and_then(|endpoint| self.read(endpoint, path, head, body, form));
        let reply: BoxFuture<Reply> = match read {
            Ok(action) => {
                if action.ends_a_session() {
                    ending.set();
                }
                let routes = Self {
                    sessions: Sessions {
                        ending: Some(ending.clone()),
                        ..self.sessions.clone()
                    },
                    ..self.clone()
                };
                Box::pin(async move {
                    let reply = routes.perform(action).await.counted(route);
                    in_pages(reply).with_cookies(planted)
                })
            }
            Err(reply) => {
                let reply = in_pages(reply.counted(route));
                Box::pin(ready(reply.with_cookies(planted)))
            }
        };
        Answer::new(reply, ending)
    }

    /// Answers a body over [`MAX_BODY_BYTES`](Self::MAX_BODY_BYTES). For adapters.
    #[must_use]
    pub fn body_too_large() -> Reply {
        Reply::error(413, INVALID_REQUEST, "the body has more than 16 KiB").counted("none")
    }

    /// Answers a body that did not come to its end. For adapters.
    #[must_use]
    pub fn body_unreadable() -> Reply {
        invalid("the body cannot be read")
    }
}

impl fmt::Debug for SessionRoutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRoutes")
            .field("sessions", &self.sessions)
            .field("cookies", &self.cookies)
            .finish_non_exhaustive()
    }
}

fn user_agent(head: &dyn RequestHead) -> ClientInfo {
    let mut client = ClientInfo::new();
    head.visit_header("user-agent", &mut |value| {
        client = ClientInfo::new().label(String::from_utf8_lossy(value));
    });
    client
}
