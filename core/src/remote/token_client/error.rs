//! The reasons why there is no token for another service.

use std::{error::Error, fmt, sync::Arc, time::Duration};

/// Why there is no token. Its source has the details, for the log; no part of it is a secret.
#[derive(Clone, Debug)]
pub struct TokenError {
    kind: TokenErrorKind,
    code: Option<Box<str>>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn Error + Send + Sync>>,
    pub(super) extent: Extent,
    /// True if nobody was at the endpoint: it may have moved.
    pub(super) is_misplaced: bool,
}

/// The kind of a [`TokenError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// The token cannot be exchanged: its text was not [kept](crate::Authenticator::keep_token_text), it has expired within the leeway of
    /// its verifier, or it is no JWT, such as an API key.
    NoSubjectToken,
    /// The token endpoint refuses: [`TokenError::code`] says why (RFC 6749 section 5.2).
    Refused,
    /// The token endpoint does not answer, or says that it cannot now. It is asked again, ever less often.
    Unavailable,
    /// The answer of the token endpoint has no token that can be used.
    UnusableAnswer,
}

/// The tokens that an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All: the endpoint is away, or does not take this service for a client.
    All,
    /// Those of the grant: this service may not have it.
    Grant,
    /// Maybe this one alone.
    One,
}

impl TokenError {
    pub(super) fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(TokenErrorKind::Unavailable).because(source)
    }

    pub(super) fn unusable(why: &'static str) -> Self {
        Self::new(TokenErrorKind::UnusableAnswer).because(why)
    }

    pub(super) fn refused(code: &str) -> Self {
        Self {
            code: Some(code.into()),
            ..Self::new(TokenErrorKind::Refused)
        }
    }

    pub(super) fn new(kind: TokenErrorKind) -> Self {
        Self {
            kind,
            code: None,
            retry_after: None,
            source: None,
            extent: match kind {
                TokenErrorKind::Unavailable => Extent::All,
                _ => Extent::One,
            },
            is_misplaced: false,
        }
    }

    /// Says which tokens it is about.
    pub(super) fn of(mut self, extent: Extent) -> Self {
        self.extent = extent;
        self
    }

    /// Says that nobody was at the endpoint.
    pub(super) fn misplaced(mut self) -> Self {
        self.is_misplaced = true;
        self
    }

    pub(super) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into().into());
        self
    }

    pub(super) fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> TokenErrorKind {
        self.kind
    }

    /// Returns the error code of the token endpoint, such as `invalid_client` or `invalid_scope` (RFC 6749 section 5.2, RFC 8693
    /// section 2.2.2): at most 64 bytes.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Returns whether it is an outage, so that a service that needs the token answers 503 and not 500.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        self.kind == TokenErrorKind::Unavailable
    }

    /// Returns how long the token endpoint wants to be left alone, if it says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl TokenErrorKind {
    /// Returns the stable machine name, in `snake_case`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoSubjectToken => "no_subject_token",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::UnusableAnswer => "unusable_answer",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TokenErrorKind::NoSubjectToken => "there is no token of the user to exchange",
            TokenErrorKind::Refused => "the token endpoint refuses",
            TokenErrorKind::Unavailable => "the token endpoint is not available",
            TokenErrorKind::UnusableAnswer => "the token endpoint answers without a usable token",
        })?;
        match &self.code {
            Some(code) => write!(f, ": {code}"),
            None => Ok(()),
        }
    }
}

impl Error for TokenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_deref()?)
    }
}
