//! The user of a login, and what the login says about its session.

use std::{fmt, time::Duration};

use serde::Serialize;

use super::{
    data,
    error::SessionError,
    sessions::{MAX_LEEWAY, SessionSettings},
    store::SessionDetails,
};
use crate::clock::whole_seconds;

/// A user: the subject, and the claims of the access token.
///
/// The claims are a type that serialises as a JSON object, or `()` for none. They may contain `sub` if it is the subject;
/// `iss`, `iat`, `jti`, `exp`, `sid` and `session_realm` are set by the library. So is `auth_time`, unless the claims
/// have one. A session is of its user alone, so the claims may not have an `act`. What the login has set of `auth_time`, `acr` and `amr`, the claims may not set as well.
///
/// What a login says besides that is kept with the session: how the user was authenticated, how long the session
/// lives, data of the app. Only a login can say it; in the answer to a refresh it is left out.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use countersign::session::Identity;
///
/// #[derive(serde::Serialize)]
/// struct User {
///     role: &'static str,
/// }
/// let remember_me = false;
/// let mut ada = Identity::new("ada", User { role: "admin" })
///     .acr("urn:example:aal2")
///     .amr(["pwd", "otp"]);
/// if !remember_me {
///     ada = ada.idle(Duration::from_secs(3_600)).absolute(Duration::from_secs(12 * 3_600));
/// }
/// assert_eq!(ada.subject(), "ada");
/// ```
#[derive(Clone)]
pub struct Identity<C> {
    subject: String,
    claims: C,
    login: LoginFacts,
}

/// What a login says about its session, unchecked.
#[derive(Clone, Default)]
struct LoginFacts {
    auth_time: Option<i64>,
    acr: Option<String>,
    amr: Vec<String>,
    idle: Option<Duration>,
    absolute: Option<Duration>,
    /// A JSON text, or the reason why there is none.
    data: Option<Result<String, String>>,
}

impl<C> Identity<C> {
    /// The longest [`acr`](Self::acr), in bytes: 255.
    pub const MAX_ACR_BYTES: usize = 255;
    /// The most [`amr`](Self::amr): 16.
    pub const MAX_AMR: usize = 16;
    /// The longest of the [`amr`](Self::amr), in bytes: 64.
    pub const MAX_AMR_BYTES: usize = 64;

    /// Makes the user `subject` (claim `sub`), unique and never given to another: 1 to 255 bytes without
    /// control characters.
    pub fn new(subject: impl Into<String>, claims: C) -> Self {
        Self {
            subject: subject.into(),
            claims,
            login: LoginFacts::default(),
        }
    }

    /// Sets when the user was authenticated, in seconds since 1970: the claim `auth_time` of every access token
    /// of the session (OpenID Connect Core section 2). Default: when the login began.
    ///
    /// For logins that rest on another one, as with an OpenID provider: pass on the `auth_time` of its token. A time
    /// that is more than five minutes ahead is an error, a nearer one counts as now.
    #[must_use]
    pub fn authenticated_at(mut self, seconds: i64) -> Self {
        self.login.auth_time = Some(seconds);
        self
    }

    /// Sets the authentication context class: the claim `acr` of every access token of the session (OpenID Connect
    /// Core section 2, RFC 9068 section 2.2.1). 1 to 255 bytes without control characters. Default: none.
    ///
    /// [`Policy::acr`](crate::Policy::acr) asks for it.
    #[must_use]
    pub fn acr(mut self, acr: impl Into<String>) -> Self {
        self.login.acr = Some(acr.into());
        self
    }

    /// Sets the authentication methods, such as `pwd` and `otp`: the claim `amr` of every access token of the
    /// session (RFC 8176 section 2). At most 16, each of 1 to 64 bytes without control characters. Default: none.
    #[must_use]
    pub fn amr<S: Into<String>>(mut self, methods: impl IntoIterator<Item = S>) -> Self {
        self.login.amr = methods.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how long this session lives without being refreshed, in whole seconds. Default, and the most that it
    /// can be: [`SessionsBuilder::idle`](crate::session::SessionsBuilder::idle). At least the life of an access token. Any
    /// other time is no session, but a 500.
    #[must_use]
    pub fn idle(mut self, idle: Duration) -> Self {
        self.login.idle = Some(idle);
        self
    }

    /// Sets how long this session lives at most, in whole seconds. Default, and the most that it can be:
    /// [`SessionsBuilder::absolute`](crate::session::SessionsBuilder::absolute). At least the life of an access token. Any
    /// other time is no session, but a 500.
    #[must_use]
    pub fn absolute(mut self, absolute: Duration) -> Self {
        self.login.absolute = Some(absolute);
        self
    }

    /// Sets the data of the session: anything that serialises as at most
    /// [2 KiB](crate::session::Session::MAX_DATA_BYTES) of JSON. It is kept in the store and is in no token. Default:
    /// none.
    ///
    /// [`Session::data`](crate::session::Session::data) reads it, at each refresh too, and
    /// [`Sessions::update_data`](crate::Sessions::update_data) changes it.
    #[must_use]
    pub fn data(mut self, data: &(impl Serialize + ?Sized)) -> Self {
        self.login.data = Some(serde_json::to_string(data).map_err(|error| error.to_string()));
        self
    }

    /// Returns the subject.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Returns the claims.
    #[must_use]
    pub fn claims(&self) -> &C {
        &self.claims
    }

    /// Returns the claims.
    #[must_use]
    pub fn into_claims(self) -> C {
        self.claims
    }

    /// Replaces the claims by others.
    pub(super) fn map_claims<D, E>(
        self,
        map: impl FnOnce(C) -> Result<D, E>,
    ) -> Result<Identity<D>, E> {
        Ok(Identity {
            subject: self.subject,
            claims: map(self.claims)?,
            login: self.login,
        })
    }

    /// Checks the details for a session that starts now. `now` is in seconds since 1970.
    pub(super) fn details(
        &self,
        settings: &SessionSettings,
        now: i64,
    ) -> Result<SessionDetails, SessionError> {
        let LoginFacts { acr, amr, .. } = &self.login;
        if acr
            .as_deref()
            .is_some_and(|acr| !is_name(acr, Self::MAX_ACR_BYTES))
        {
            return misconfigured("an `acr` needs 1 to 255 bytes without control characters");
        }
        let is_method = |method: &String| is_name(method, Self::MAX_AMR_BYTES);
        if amr.len() > Self::MAX_AMR || !amr.iter().all(is_method) {
            return misconfigured(
                "`amr` needs at most 16 methods, of 1 to 64 bytes without control characters",
            );
        }
        if self
            .login
            .auth_time
            .is_some_and(|at| at < 0 || at > now.saturating_add(MAX_LEEWAY))
        {
            return misconfigured("`authenticated_at` is no time in seconds that has passed");
        }
        Ok(SessionDetails {
            auth_time: self.login.auth_time.map(|at| at.min(now)),
            acr: acr.clone(),
            amr: amr.clone(),
            idle: lifetime("idle", self.login.idle, settings, settings.idle)?,
            ..SessionDetails::default()
        })
    }

    /// Returns the longest life of the session, in seconds.
    pub(super) fn longest(&self, settings: &SessionSettings) -> Result<i64, SessionError> {
        let own = lifetime("absolute", self.login.absolute, settings, settings.absolute)?;
        Ok(own.unwrap_or(settings.absolute))
    }

    /// Returns the data as a JSON text. The outer `None`: the login says nothing about it.
    pub(super) fn own_data(&self) -> Result<Option<Option<String>>, SessionError> {
        match &self.login.data {
            Some(Ok(text)) => data::check(text.clone()).map(Some),
            Some(Err(why)) => Err(SessionError::misconfigured(why.clone())),
            None => Ok(None),
        }
    }
}

/// Checks a time of one login against the settings of all.
fn lifetime(
    name: &str,
    own: Option<Duration>,
    settings: &SessionSettings,
    most: i64,
) -> Result<Option<i64>, SessionError> {
    let Some(own) = own.map(whole_seconds) else {
        return Ok(None);
    };
    let least = settings.issuer.ttl();
    match (least..=most).contains(&own) {
        true => Ok(Some(own)),
        false => misconfigured(format!(
            "the `{name}` of a login is {own} s, and {least} s (the life of an access token) to {most} s \
             (`SessionsBuilder::{name}`) are allowed"
        )),
    }
}

fn is_name(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && !text.contains(char::is_control)
}

fn misconfigured<T>(text: impl Into<String>) -> Result<T, SessionError> {
    Err(SessionError::misconfigured(text.into()))
}

impl<C> fmt::Debug for Identity<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}
