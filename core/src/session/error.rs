//! The error of a login, a refresh or a logout.

use std::{error::Error, fmt, sync::Arc};

/// Why a session was not started, refreshed or ended.
///
/// Opaque: [`kind`](Self::kind) tells the kind, [`reason`](Self::reason) is its stable name for logs and
/// metrics, [`source`](Error::source) has details for the log. The text contains no token and no name,
/// and does not tell an unknown session from an expired or ended one.
#[derive(Clone, Debug)]
pub struct SessionError {
    kind: SessionErrorKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl SessionError {
    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> SessionErrorKind {
        self.kind
    }

    /// Returns the stable machine name of [`kind`](Self::kind), in `snake_case`.
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

/// An error of a refresh, which has a stable name for traces.
pub(crate) trait Named {
    #[cfg_attr(not(feature = "spans"), allow(dead_code))]
    fn name(&self) -> &'static str;
}

impl Named for SessionError {
    fn name(&self) -> &'static str {
        self.reason()
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

/// The kind of a [`SessionError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionErrorKind {
    /// The session has expired.
    Expired,
    /// The text is no refresh token at all.
    Malformed,
    /// The app's claims or settings do not fit, or no token could be made.
    Misconfigured,
    /// Too many [wait for the store](crate::session::SessionsBuilder::waiting_refreshes). Nothing was done.
    Overloaded,
    /// The refresh token had been used before. The session is ended.
    Replayed,
    /// The app says that there is no such user any more. The session is ended.
    SubjectGone,
    /// The token was good when it came, but has been exchanged, and its successor too, while the claims
    /// were asked for. The client has a newer one.
    Superseded,
    /// The store, the app's source of claims, or the service that [signs](crate::guide::signers) is away.
    Unavailable,
    /// There is no such session: it never was, or it is over.
    Unknown,
    /// The store has never seen this refresh token, and may have lost writes since it made it: see
    /// [`refuse_without_ending_after_lost_writes`](crate::session::SessionsBuilder::refuse_without_ending_after_lost_writes).
    /// The session goes on.
    WritesLost,
    /// The session is bound to another client.
    WrongClient,
}

impl SessionErrorKind {
    /// Every kind, in alphabetical order.
    pub const ALL: &'static [Self] = &[
        Self::Expired,
        Self::Malformed,
        Self::Misconfigured,
        Self::Overloaded,
        Self::Replayed,
        Self::SubjectGone,
        Self::Superseded,
        Self::Unavailable,
        Self::Unknown,
        Self::WritesLost,
        Self::WrongClient,
    ];

    /// Returns the HTTP status: 400, 500 or 503.
    #[must_use]
    pub fn status(self) -> u16 {
        self.answer().0
    }

    /// Returns the error code: `invalid_grant` (RFC 6749 section 5.2), or for our own trouble
    /// `server_error` or `temporarily_unavailable` (the names of section 4.1.2.1).
    #[must_use]
    pub fn code(self) -> &'static str {
        self.answer().1
    }

    /// Returns the public text, in lower case and without a full stop. One for all mistakes of clients:
    /// which it was is nobody's business.
    #[must_use]
    pub fn message(self) -> &'static str {
        self.answer().2
    }

    /// Returns the status, the code and the public text.
    fn answer(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Misconfigured => (500, "server_error", "the service is misconfigured"),
            Self::Overloaded | Self::Unavailable => (
                503,
                "temporarily_unavailable",
                "the service cannot handle sessions right now",
            ),
            _ => (400, "invalid_grant", "the session is over: log in again"),
        }
    }

    /// Returns the stable machine name, in `snake_case`.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Expired => "session_expired",
            Self::Malformed => "malformed_refresh_token",
            Self::Misconfigured => "misconfigured",
            Self::Overloaded => "sessions_overloaded",
            Self::Replayed => "refresh_token_replayed",
            Self::SubjectGone => "subject_gone",
            Self::Superseded => "refresh_token_superseded",
            Self::Unavailable => "sessions_unavailable",
            Self::Unknown => "unknown_session",
            Self::WritesLost => "store_writes_lost",
            Self::WrongClient => "wrong_client",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SessionErrorKind::{self, *};

    /// A new kind does not compile before it has a place.
    #[test]
    fn the_list_of_kinds_leaves_none_out() {
        let place = |kind: &SessionErrorKind| match kind {
            Expired => 0,
            Malformed => 1,
            Misconfigured => 2,
            Overloaded => 3,
            Replayed => 4,
            SubjectGone => 5,
            Superseded => 6,
            Unavailable => 7,
            Unknown => 8,
            WritesLost => 9,
            WrongClient => 10,
        };
        let places = SessionErrorKind::ALL.iter().map(place);
        assert!(places.eq(0..11));
        let numbers = SessionErrorKind::ALL.iter().map(|kind| *kind as usize);
        assert!(numbers.eq(0..11));
    }
}
