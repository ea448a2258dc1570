//! Answers without a framework.

use std::{fmt, time::Duration};

use serde::Serialize;
use serde_json::json;

use crate::{
    error::{AuthError, Challenge},
    log::log,
    session::{LoginFailure, SessionError, TokenPair, error::Named, login_limits::TooManyLogins},
};

/// An answer for an adapter to write: status, headers, body.
///
/// Header names are lower case, header texts valid by construction. `Debug` shows neither headers
/// nor body: there may be tokens in them.
///
/// # Examples
///
/// A login of your own answers with the pair that [`Sessions::start`](crate::Sessions::start) made:
///
/// ```
/// use countersign::{adapter::Reply, session::TokenPair};
///
/// fn answer(pair: &TokenPair) -> Reply {
///     Reply::from(pair) // RFC 6749 section 5.1, not to be cached
/// }
/// ```
#[derive(Clone)]
pub struct Reply {
    status: u16,
    /// The stable name of a refusal, for metrics.
    reason: Option<&'static str>,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Reply {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers. A name can come several times, as `set-cookie` does.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.headers
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
    }

    /// The body; empty for 204.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The body.
    #[must_use]
    pub fn into_body(self) -> String {
        self.body
    }

    /// An answer without a body that no cache may keep.
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            reason: None,
            headers: vec![("cache-control", NO_STORE.to_owned())],
            body: String::new(),
        }
    }

    /// A JSON answer that no cache may keep.
    pub(super) fn json(status: u16, value: &impl Serialize) -> Self {
        // Texts, numbers and lists of them: writing those to memory cannot fail.
        let body = serde_json::to_string(value).unwrap_or_default();
        Self::text(status, "application/json", body)
    }

    /// An answer of another media type that no cache may keep.
    pub(super) fn text(status: u16, media_type: &str, body: String) -> Self {
        let mut reply = Self::empty(status).with("content-type", media_type);
        reply.body = body;
        reply
    }

    /// An error by RFC 6749 section 5.2.
    pub(super) fn error(status: u16, code: &'static str, description: &str) -> Self {
        let body = json!({ "error": code, "error_description": description });
        Self::json(status, &body).because(code)
    }

    pub(super) fn because(mut self, reason: &'static str) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Counts a refusal of this endpoint.
    pub(super) fn counted(self, route: &'static str) -> Self {
        #[cfg(feature = "metrics")]
        if let Some(reason) = self.reason {
            crate::metrics::session_refusal(route, reason);
        }
        #[cfg(not(feature = "metrics"))]
        let _ = route;
        self
    }

    pub(super) fn with(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.headers.push((name, text.into()));
        self
    }

    pub(super) fn with_cookies(mut self, cookies: impl IntoIterator<Item = String>) -> Self {
        let cookies = cookies.into_iter().map(|cookie| ("set-cookie", cookie));
        self.headers.extend(cookies);
        self
    }

    /// A redirect to a page, whatever the method was (RFC 9110 section 15.4.4).
    pub(super) fn see_other(page: &str) -> Self {
        Self::empty(303).with("location", page)
    }

    /// Redirects to a page instead. Cookies stay.
    pub(super) fn into_redirect(self, page: &str) -> Self {
        let of_body = [
            "cache-control",
            "content-type",
            "retry-after",
            "www-authenticate",
        ];
        let mut redirect = Self::see_other(page);
        let stays = |(name, _): &(&str, String)| !of_body.contains(name);
        redirect
            .headers
            .extend(self.headers.into_iter().filter(stays));
        redirect
    }

    /// Says in a text what the JSON body says.
    pub(super) fn into_plain_text(mut self) -> Self {
        let body: Option<serde_json::Value> = serde_json::from_str(&self.body).ok();
        let text = body.as_ref().and_then(|body| {
            let texts = ["error_description", "detail", "title"].into_iter();
            texts.filter_map(|name| body.get(name)?.as_str()).next()
        });
        self.body = text.unwrap_or("the service cannot answer now").to_owned();
        self.replacing("content-type", "text/plain; charset=utf-8")
    }

    pub(super) fn reason(&self) -> Option<&'static str> {
        self.reason
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers()
            .find(|(own, _)| *own == name)
            .map(|(_, text)| text)
    }

    /// Replaces the value that is there.
    pub(super) fn replacing(mut self, name: &'static str, text: &str) -> Self {
        self.headers.retain(|(own, _)| *own != name);
        self.with(name, text)
    }
}

/// The answer of RFC 6749 section 5.1.
impl From<&TokenPair> for Reply {
    fn from(pair: &TokenPair) -> Self {
        Self::json(200, pair)
    }
}

/// The answer of RFC 6749 section 5.2; 503 with `Retry-After` for an outage.
impl From<&SessionError> for Reply {
    fn from(error: &SessionError) -> Self {
        let kind = error.kind();
        let reply = Self::error(kind.status(), kind.code(), kind.message());
        let reply = reply.because(error.reason());
        match kind.status() {
            503 => reply.with("retry-after", RETRY_AFTER),
            _ => reply,
        }
    }
}

/// 429 with `Retry-After`; an existing account gets the answer that an unknown one does.
impl From<&TooManyLogins> for Reply {
    fn from(refused: &TooManyLogins) -> Self {
        too_many(&refused.to_string(), refused.retry_after())
            .because(LoginFailure::TooMany.reason())
    }
}

/// The answer of the layers: a challenge and a problem document.
impl From<&AuthError> for Reply {
    fn from(error: &AuthError) -> Self {
        let challenge = error.challenge();
        let mut reply = Self::text(
            challenge.status(),
            Challenge::PROBLEM_JSON,
            challenge.problem_json(),
        )
        .because(error.reason());
        for (name, text) in challenge.headers() {
            reply = reply.with(name, text);
        }
        reply
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The early end of a handler.
pub(super) enum Refusal {
    Reply(Reply),
    Session(SessionError),
}

impl Named for Refusal {
    fn name(&self) -> &'static str {
        match self {
            Self::Reply(reply) => reply.reason.unwrap_or("refused"),
            Self::Session(error) => error.reason(),
        }
    }
}

impl From<Reply> for Refusal {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}

/// The credentials are not, or no longer, good (RFC 6749 section 5.2).
pub(super) const INVALID_GRANT: &str = "invalid_grant";
/// The request is not what the endpoint takes (RFC 6749 section 5.2).
pub(super) const INVALID_REQUEST: &str = "invalid_request";

/// Refuses a bad request.
pub(super) fn invalid(description: &str) -> Reply {
    Reply::error(400, INVALID_REQUEST, description)
}

/// Refuses a login whose body the app cannot read.
pub(super) fn unreadable_login() -> Reply {
    invalid("the body is not what a login needs").because("unreadable_login")
}

/// Refuses a client that has to wait (RFC 6585 section 4).
pub(super) fn too_many(description: &str, wait: Duration) -> Reply {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Reply::error(429, "too_many_requests", description)
        .with("retry-after", seconds.max(1).to_string())
}

/// Refuses a request, and writes that to the log.
pub(super) fn reported(error: impl Into<AuthError>) -> Reply {
    let error = error.into();
    log(&error);
    Reply::from(&error)
}

/// RFC 6749 section 5.1.
const NO_STORE: &str = "no-store";
/// Seconds. Well below the grace window: a client that was answered 503 after its token had been
/// exchanged has to come back within that.
const RETRY_AFTER: &str = "1";
