//! The request: what it asks for, or why it is refused without waiting.

use std::{
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
};

use serde::Deserialize;

#[cfg(not(feature = "proof"))]
use super::no_proof::Sender;
#[cfg(feature = "proof")]
use super::proof::Sender;
use super::{
    api_keys::{ApiKeyAction, read_new_key},
    endpoint::Endpoint,
    forms::{COOKIES_DROPPED, Fields, NO_FORM},
    reply::{INVALID_REQUEST, Reply, invalid, reported, too_many, unreadable_login},
    routes::SessionRoutes,
};
use crate::{
    auth::{AuthCookies, Authenticate, WithField},
    claims::SessionId,
    error::AuthError,
    request::{OwnedHead, RequestHead, single_header, target_authority},
    session::{
        ClientInfo, LoginFailure, SessionEvent, event::MISSING_REFRESH_TOKEN,
        login_limits::LoginAttempt,
    },
};

/// The work that is left once the request is read.
pub(super) enum Action {
    ApiKeys(ApiKeyAction),
    End(Authenticate, Option<SessionId>),
    Jwks,
    List(Authenticate),
    LogIn(Box<Login>),
    /// The refresh tokens, and the check of an access token.
    LogOut(Vec<String>, Option<Authenticate>),
    LogOutEverywhere(Authenticate),
    /// Nothing: a page load whose access token is still good.
    Pass,
    Refresh {
        token: String,
        client: ClientInfo,
        sender: Sender,
    },
}

pub(super) struct Login {
    /// `None`: logins are not limited.
    pub(super) attempt: Option<LoginAttempt>,
    pub(super) origin: Origin,
    pub(super) head: OwnedHead,
    pub(super) body: Vec<u8>,
    pub(super) client: ClientInfo,
    pub(super) sender: Sender,
    /// The refresh tokens that the browser had: one, unless others were planted.
    pub(super) earlier: Vec<String>,
}

/// The origin of a login, as far as it is known.
#[derive(Default)]
pub(super) struct Origin {
    /// The name of the account for the log.
    pub(super) account: Option<String>,
    pub(super) address: Option<IpAddr>,
}

impl Action {
    /// Returns whether it is there to end a session, or an API key.
    pub(super) fn ends_a_session(&self) -> bool {
        match self {
            Self::ApiKeys(action) => matches!(action, ApiKeyAction::End(..)),
            Self::End(..) | Self::LogOut(..) | Self::LogOutEverywhere(_) => true,
            Self::Jwks | Self::List(_) | Self::LogIn(_) | Self::Pass | Self::Refresh { .. } => {
                false
            }
        }
    }
}

impl SessionRoutes {
    /// Reads a request, or refuses it where that needs no waiting.
    ///
    /// A form was read already: `None` where it could not be, and in other modes.
    pub(super) fn read(
        &self,
        endpoint: Endpoint,
        path: &str,
        head: &dyn RequestHead,
        body: &[u8],
        form: Option<Fields>,
    ) -> Result<Action, Reply> {
        (self.admit)(path, head)
            .map_err(|wait| too_many("too many requests: come again later", wait))?;
        // Also where no cookie came along: the answer may set or clear some.
        if self.cookies.is_some() {
            self.csrf.check_login(head).map_err(reported)?;
        }
        let form =
            match self.pages.is_some() && endpoint.takes_form() {
                true => {
                    is_form(head)?;
                    Some(form.ok_or_else(|| {
                        invalid("the form cannot be read").because("unreadable_form")
                    })?)
                }
                false => {
                    if self.cookies.is_some() && head.method() == "POST" {
                        is_json(head)?;
                    }
                    None
                }
            };
        let head = &WithField {
            head,
            field: form.as_ref().and_then(|form| form.csrf.as_deref()),
        };
        let body = form.as_ref().map_or(body, |form| &form.of_app);
        let check = || self.authenticator.check(head);
        Ok(match endpoint {
            Endpoint::ApiKey(id) => Action::ApiKeys(ApiKeyAction::End(check(), id)),
            Endpoint::Jwks => Action::Jwks,
            Endpoint::List => Action::List(check()),
            Endpoint::ListApiKeys => Action::ApiKeys(ApiKeyAction::List(check())),
            Endpoint::LogIn => {
                match &form {
                    Some(form) => self.check_login_form(head, form)?,
                    None => is_json(head)?,
                }
                self.cookies_come_back(head)?;
                let sender = self.sender(head)?;
                let (attempt, origin) = self.attempt(head, body)?;
                Action::LogIn(Box::new(Login {
                    attempt,
                    origin,
                    head: OwnedHead::of(head),
                    body: body.to_vec(),
                    client: (self.client)(head),
                    sender,
                    earlier: self.presented(head).map(str::to_owned).collect(),
                }))
            }
            // One of two refresh cookies is planted. The user wants to leave, so the sessions of both end: as
            // always, a session is ended only by one of its tokens.
            Endpoint::LogOut if self.cookie(head).is_err() => {
                let is_proven = |token: &&str| self.prove(head, token).is_ok();
                let tokens = self.presented(head).filter(is_proven);
                Action::LogOut(tokens.map(str::to_owned).collect(), Some(check()))
            }
            Endpoint::LogOut => match self.refresh_token(head, body)? {
                Some(token) => Action::LogOut(vec![token], None),
                None => Action::LogOut(Vec::new(), Some(check())),
            },
            Endpoint::LogOutEverywhere => Action::LogOutEverywhere(check()),
            Endpoint::NewApiKey => {
                is_json(head)?;
                Action::ApiKeys(ApiKeyAction::Create(check(), read_new_key(body)?))
            }
            Endpoint::Refresh => Action::Refresh {
                token: self.refresh_token(head, body)?.ok_or_else(|| {
                    self.warn_of_the_path(head);
                    invalid("there is no refresh token").because(MISSING_REFRESH_TOKEN)
                })?,
                client: (self.client)(head),
                sender: self.sender(head)?,
            },
            Endpoint::Renew => self.renew(head)?,
            Endpoint::Session(id) => Action::End(check(), id),
        })
    }

    /// Lets a login through, unless too many have failed.
    fn attempt(
        &self,
        head: &dyn RequestHead,
        body: &[u8],
    ) -> Result<(Option<LoginAttempt>, Origin), Reply> {
        let Some(limits) = &self.limits else {
            return Ok((None, Origin::default()));
        };
        let accounts = limits.accounts(body, self.body.accounts);
        let mut origin = Origin {
            account: None,
            address: limits.address(head),
        };
        let Some(accounts) = accounts else {
            let field = (self.body.wrong_field)(body);
            self.login_failed(LoginFailure::Unreadable { field }, origin);
            return Err(unreadable_login());
        };
        origin.account = limits.name_of(&accounts);
        let names = accounts.iter().map(String::as_str);
        match limits.reserve(names, origin.address) {
            Ok(attempt) => Ok((Some(attempt), origin)),
            Err(refused) => {
                self.login_failed(LoginFailure::TooMany, origin);
                Err(Reply::from(&refused))
            }
        }
    }

    /// Reports a login that has failed.
    pub(super) fn login_failed(&self, why: LoginFailure, origin: Origin) {
        #[cfg(feature = "metrics")]
        crate::metrics::login_failure(why.reason());
        self.sessions.emit(&SessionEvent::LoginFailed {
            why,
            account: origin.account,
            address: origin.address,
        });
    }

    /// Reads the refresh token of a request: from its body, or in cookie mode from its cookie.
    fn refresh_token(&self, head: &dyn RequestHead, body: &[u8]) -> Result<Option<String>, Reply> {
        #[derive(Deserialize)]
        struct Body {
            refresh_token: Option<String>,
        }
        if self.cookies.is_some() {
            let Some(token) = self.cookie(head)? else {
                return Ok(None);
            };
            self.prove(head, token).map_err(reported)?;
            return Ok(Some(token.to_owned()));
        }
        if body.is_empty() {
            return Ok(None);
        }
        is_json(head)?;
        let body: Body = serde_json::from_slice(body)
            .map_err(|_| invalid("the body is no JSON object with a `refresh_token`"))?;
        Ok(body.refresh_token)
    }

    /// Warns, once, if a browser that is logged in does not send the refresh cookie here, for its path. Nobody tells
    /// the app under which path browsers see it.
    fn warn_of_the_path(&self, head: &dyn RequestHead) {
        let cookies = self.cookies.as_ref();
        let Some((path, access)) = cookies.and_then(|cookies| cookies.path_and_access(head)) else {
            return;
        };
        // A scanner sends cookies, too.
        if self.warned.path.load(Ordering::Relaxed)
            || self.sessions.settings.verifier.verify_now(access).is_err()
            || self.warned.path.swap(true, Ordering::Relaxed)
        {
            return;
        }
        tracing::warn!(
            target: "countersign",
            path,
            "a browser that is logged in sent no refresh cookie to a refresh, and the cookie has a path: is that \
             where browsers see the session routes? A proxy may have removed the start of the path",
        );
    }

    /// Refuses a login whose cookies its browser would not keep: one of a page of another site that is
    /// allowed, or of a frame on a page of another site, while the cookies are for the own site (RFC 6265bis
    /// section 5.7). Where that is only likely, warns, once.
    fn cookies_come_back(&self, head: &dyn RequestHead) -> Result<(), Reply> {
        let of_own_site = |cookies: &Arc<AuthCookies>| cookies.are_for_own_site();
        if !self.cookies.as_ref().is_some_and(of_own_site) {
            return Ok(());
        }
        let one = |name| single_header(head, name).ok().flatten();
        let site = one("sec-fetch-site");
        // Sent where cookies are those of a third party: in a frame on a page of another site, also to
        // the own origin of the frame (Storage Access API, Storage Access Headers).
        let is_third_party = one("sec-fetch-storage-access").is_some();
        // A page load keeps them.
        let is_page_load = one("sec-fetch-mode") == Some(b"navigate");
        if is_third_party || (site == Some(b"cross-site") && !is_page_load) {
            self.warn_of_dropped_cookies(head);
            let text = "browsers keep no cookies of this login for a page of another site";
            return Err(Reply::error(403, INVALID_REQUEST, text).because(COOKIES_DROPPED));
        }
        if site.is_none() && is_of_this_machine(one("origin")) && !is_this_machine(head) {
            self.warn_of_dropped_cookies(head);
        }
        Ok(())
    }

    fn warn_of_dropped_cookies(&self, head: &dyn RequestHead) {
        if self.warned.dropped.swap(true, Ordering::Relaxed) {
            return;
        }
        // An allowed one, or the own: nobody else gets here.
        let origin = single_header(head, "origin").ok().flatten();
        let origin = origin.map(String::from_utf8_lossy);
        tracing::warn!(
            target: "countersign",
            origin = origin.as_deref(),
            "a page of another site, or in a frame there, logs in, and browsers drop `SameSite=Strict` and \
             `Lax` cookies there: serve the page from the same site, use `SessionRoutes::json` for an app, or \
             `AuthCookies::same_site_none_partitioned`",
        );
    }

    /// Checks that the request comes from the own site of the session that this token belongs to.
    fn prove(&self, head: &dyn RequestHead, token: &str) -> Result<(), AuthError> {
        let id = self.sessions.id_of_token(token);
        let id = id.as_ref().map_or("", SessionId::as_str);
        self.csrf.check(head, id)
    }

    /// Lists the cookies that can be refresh tokens, if tokens are in cookies.
    fn presented<'h>(&self, head: &'h dyn RequestHead) -> impl Iterator<Item = &'h str> {
        let cookies = self.cookies.iter();
        let tokens = cookies.flat_map(move |cookies| cookies.refresh_tokens(head));
        tokens.filter(|token| self.sessions.id_of_token(token).is_some())
    }

    pub(super) fn cookie<'h>(&self, head: &'h dyn RequestHead) -> Result<Option<&'h str>, Reply> {
        match &self.cookies {
            Some(cookies) => cookies.refresh_token(head).map_err(reported),
            None => Ok(None),
        }
    }
}

/// Checks for `application/json`, which a form cannot send, and a script of another site not without
/// asking first.
fn is_json(head: &dyn RequestHead) -> Result<(), Reply> {
    if has_media_type(head, JSON) {
        return Ok(());
    }
    let refused = Reply::error(
        415,
        INVALID_REQUEST,
        "send JSON, with the header content-type: application/json",
    );
    Err(refused.because("no_json"))
}

/// Checks for the media type of forms that browsers send by default.
fn is_form(head: &dyn RequestHead) -> Result<(), Reply> {
    if has_media_type(head, FORM) {
        return Ok(());
    }
    let refused = Reply::error(
        415,
        INVALID_REQUEST,
        "send a form, with the header content-type: application/x-www-form-urlencoded",
    );
    Err(refused.because(NO_FORM))
}

fn has_media_type(head: &dyn RequestHead, wanted: &[u8]) -> bool {
    let media_type = single_header(head, "content-type").ok().flatten();
    let media_type = media_type.and_then(|value| value.split(|byte| *byte == b';').next());
    media_type.is_some_and(|own| own.trim_ascii().eq_ignore_ascii_case(wanted))
}

/// Returns whether an origin is that of an app on the user's own machine, such as `capacitor://localhost`.
fn is_of_this_machine(origin: Option<&[u8]>) -> bool {
    let origin = origin.and_then(|origin| std::str::from_utf8(origin).ok());
    let parts = origin.and_then(|origin| origin.split_once("://"));
    parts.is_some_and(|(_, authority)| names_this_machine(authority))
}

/// Returns whether a request was sent to this machine, or nobody knows where.
fn is_this_machine(head: &dyn RequestHead) -> bool {
    let authority = target_authority(head).ok().flatten();
    let authority = authority.and_then(|authority| std::str::from_utf8(authority).ok());
    authority.is_none_or(names_this_machine)
}

fn names_this_machine(authority: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
        let rest = authority.strip_prefix(host);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    })
}

const FORM: &[u8] = b"application/x-www-form-urlencoded";
const JSON: &[u8] = b"application/json";
