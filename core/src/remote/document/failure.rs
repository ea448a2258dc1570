//! The failure of a fetch.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use crate::{
    error::ConfigError,
    remote::http::{FetchError, FetchErrorKind},
};

/// Why a fetch brought no keys.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    reason: &'static str,
    cause: Option<Arc<dyn Error + Send + Sync>>,
    retry_after: Option<Duration>,
}

impl Failure {
    /// The metadata names another issuer: the only failure that waiting does not mend.
    pub(super) const WRONG_ISSUER: &'static str = "wrong_issuer";

    /// The names of all failures.
    #[cfg(feature = "metrics")]
    pub(crate) const REASONS: [&'static str; 15] = [
        "connect",
        "encoded",
        "forbidden",
        "forbidden_jwks_uri",
        "header",
        "invalid_document",
        "invalid_keys",
        "no_metadata",
        "panicked",
        "read",
        "redirect",
        "status",
        "timeout",
        "too_large",
        Self::WRONG_ISSUER,
    ];

    pub(crate) fn new(reason: &'static str) -> Self {
        Self {
            reason,
            cause: None,
            retry_after: None,
        }
    }

    /// The fetch took longer than it may take.
    pub(crate) fn timeout() -> Self {
        Self::new(FetchErrorKind::Timeout.name())
    }

    /// Adds what the operator should know. Escape what comes from the network.
    pub(super) fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(cause.into().into());
        self
    }

    pub(crate) fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// Returns the stable machine name, in `snake_case`.
    pub(crate) fn reason(&self) -> &'static str {
        self.reason
    }

    /// Returns how long the provider asked to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::new(error.kind().name()).because(error)
    }
}

impl From<ConfigError> for Failure {
    /// Makes the failure of a key set that is none, or has no usable key.
    fn from(error: ConfigError) -> Self {
        Self::new("invalid_keys").because(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)?;
        let mut cause = self.cause.as_deref().map(|error| error as &dyn Error);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
