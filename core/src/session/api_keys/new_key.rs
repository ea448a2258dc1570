//! The settings of a new API key.

use std::fmt;

use super::error::ApiKeyError;
use crate::claims::{LAST_SECOND, are_scopes};

/// The label, scopes and expiry of a new API key: an argument of [`ApiKeys::create`](crate::session::ApiKeys::create).
///
/// # Examples
///
/// ```
/// use countersign::session::NewApiKey;
///
/// let new = NewApiKey::new("CI of the shop")
///     .scopes(["orders:read"])
///     .expires_at(1_900_000_000);
/// ```
#[derive(Clone)]
#[must_use = "no key is made before `ApiKeys::create`"]
pub struct NewApiKey {
    pub(super) label: String,
    pub(in crate::session) scopes: Vec<String>,
    pub(super) expires_at: Option<i64>,
}

impl NewApiKey {
    /// The most [scopes](Self::scopes): 64, and 1 KiB together.
    pub const MAX_SCOPES: usize = 64;
    const MAX_SCOPE_BYTES: usize = 1 << 10;
    const MAX_LABEL_BYTES: usize = 255;

    /// Makes the settings of a key with this label, by which its user knows it: 1 to 255 bytes without control characters.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            scopes: Vec::new(),
            expires_at: None,
        }
    }

    /// Sets the scopes, each in the alphabet of RFC 6749 section 3.3. Default: none.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Sets when the key expires, in seconds since 1970. Default: never.
    pub fn expires_at(mut self, seconds: i64) -> Self {
        self.expires_at = Some(seconds);
        self
    }

    /// Checks the settings, and joins the scopes.
    pub(super) fn check(&self, now: i64) -> Result<String, ApiKeyError> {
        let invalid = |text| Err(ApiKeyError::Invalid(text));
        if !is_name(&self.label, Self::MAX_LABEL_BYTES) {
            return invalid("a label has 1 to 255 bytes without control characters");
        }
        let is_scope =
            |scope: &String| !scope.is_empty() && !scope.contains(' ') && are_scopes(scope);
        if self.scopes.len() > Self::MAX_SCOPES || !self.scopes.iter().all(is_scope) {
            return invalid(
                "there are at most 64 scopes, each without spaces, quotes and backslashes",
            );
        }
        let scopes = self.scopes.join(" ");
        if scopes.len() > Self::MAX_SCOPE_BYTES {
            return invalid("the scopes have at most 1 KiB together");
        }
        if self
            .expires_at
            .is_some_and(|at| at <= now || at > LAST_SECOND)
        {
            return invalid("the expiry is no time to come, in seconds since 1970");
        }
        Ok(scopes)
    }
}

/// Checks a text that lists and logs can show.
pub(super) fn is_name(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len()) && !text.contains(char::is_control)
}

/// No label: it is the user's.
impl fmt::Debug for NewApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewApiKey")
            .field("scopes", &self.scopes)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
