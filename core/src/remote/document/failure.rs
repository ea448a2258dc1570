//! Why there are no newer keys.

use std::{error::Error, fmt, sync::Arc, time::Duration};

use crate::{
    error::ConfigError,
    remote::http::{FetchError, FetchErrorKind},
};

/// Why a fetch brought no keys.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    reason: &'static str,
    detail: Option<Arc<str>>,
    source: Option<Arc<dyn Error + Send + Sync>>,
    retry_after: Option<Duration>,
}

impl Failure {
    /// The metadata names another issuer. The only failure that waiting does not mend.
    pub(super) const WRONG_ISSUER: &'static str = "wrong_issuer";

    pub(crate) fn new(reason: &'static str) -> Self {
        Self {
            reason,
            detail: None,
            source: None,
            retry_after: None,
        }
    }

    /// It took longer than a fetch may take.
    pub(crate) fn timeout() -> Self {
        Self::new(FetchErrorKind::Timeout.name())
    }

    /// What the operator should know. Escape what comes from the network.
    pub(super) fn with_detail(mut self, detail: impl Into<Arc<str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// The stable machine name, in `snake_case`.
    pub(crate) fn reason(&self) -> &'static str {
        self.reason
    }

    /// How long the provider asked to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self {
            reason: error.kind().name(),
            detail: None,
            source: Some(Arc::new(error)),
            retry_after: None,
        }
    }
}

impl From<ConfigError> for Failure {
    /// The key set is none, or has no usable key.
    fn from(error: ConfigError) -> Self {
        Self::new("invalid_keys").with_detail(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)?;
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        let mut cause = self.source.as_deref().map(|error| error as &dyn Error);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
