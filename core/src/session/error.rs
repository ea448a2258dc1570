//! Why a session was not started, refreshed or ended.

use std::{error::Error, fmt, sync::Arc};

/// Why a session was not started, refreshed or ended.
///
/// Opaque: [`kind`](Self::kind) says what happened, [`reason`](Self::reason) is its stable name for
/// logs and metrics, [`source`](Error::source) has details for the log. The text holds no token and
/// no name, and does not tell an unknown session from an expired or ended one.
#[derive(Clone, Debug)]
pub struct SessionError {
    kind: SessionErrorKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl SessionError {
    /// What happened.
    #[must_use]
    pub fn kind(&self) -> SessionErrorKind {
        self.kind
    }

    /// The stable machine name of [`kind`](Self::kind), in `snake_case`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.kind.reason()
    }

    pub(crate) fn because(
        kind: SessionErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            source: Some(Arc::from(source.into())),
        }
    }

    pub(crate) fn misconfigured(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::because(SessionErrorKind::Misconfigured, source)
    }

    pub(crate) fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::because(SessionErrorKind::Unavailable, source)
    }
}

impl From<SessionErrorKind> for SessionError {
    fn from(kind: SessionErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.message())
    }
}

impl Error for SessionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.source.as_ref()?)
    }
}

/// What can be wrong with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionErrorKind {
    /// The session has expired.
    Expired,
    /// What was presented is no refresh token at all.
    Malformed,
    /// The app's claims or settings do not fit, or no token could be made.
    Misconfigured,
    /// The refresh token had been used before. The session is ended.
    Replayed,
    /// The app says that there is no such user any more. The session is ended.
    SubjectGone,
    /// The token was good when it came, but has been exchanged, and its successor too, while the claims
    /// were asked for. The client has a newer one.
    Superseded,
    /// The store, or what the app asks for claims, is away.
    Unavailable,
    /// There is no such session: it never was, or it is over.
    Unknown,
    /// The session is bound to another client.
    WrongClient,
}

impl SessionErrorKind {
    /// The HTTP status: 400, 500 or 503.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Misconfigured => 500,
            Self::Unavailable => 503,
            _ => 400,
        }
    }

    /// The error code: `invalid_grant` (RFC 6749 section 5.2), or for our own trouble
    /// `server_error` or `temporarily_unavailable` (the names of section 4.1.2.1).
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Misconfigured => "server_error",
            Self::Unavailable => "temporarily_unavailable",
            _ => "invalid_grant",
        }
    }

    /// The stable machine name, in `snake_case`.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Expired => "session_expired",
            Self::Malformed => "malformed_refresh_token",
            Self::Misconfigured => "misconfigured",
            Self::Replayed => "refresh_token_replayed",
            Self::SubjectGone => "subject_gone",
            Self::Superseded => "refresh_token_superseded",
            Self::Unavailable => "sessions_unavailable",
            Self::Unknown => "unknown_session",
            Self::WrongClient => "wrong_client",
        }
    }

    /// The public text, in lower case and without a full stop. One for all that a client has done
    /// wrong: which it was is nobody's business.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::Misconfigured => "the service is misconfigured",
            Self::Unavailable => "the service cannot handle sessions right now",
            _ => "the session is over: log in again",
        }
    }
}
