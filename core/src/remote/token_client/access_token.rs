//! An access token for another service.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::time::{Duration, Instant};
use zeroize::Zeroizing;

/// An access token for another service. `Debug` does not show it.
pub struct AccessToken {
    pub(super) text: Zeroizing<String>,
    pub(super) scope: Option<String>,
    pub(super) granted_at: Instant,
    /// From when on another one is fetched ahead.
    pub(super) refresh_at: Instant,
    /// Until when it is given out.
    pub(super) usable_until: Instant,
    /// Set once a service has refused it.
    pub(super) is_rejected: AtomicBool,
}

impl AccessToken {
    /// Returns the text of the token, for `Authorization: Bearer`. It is visible ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the granted scopes, separated by spaces, if the token endpoint has named them. It does when they are others than those
    /// that were asked for (RFC 6749 section 5.1).
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Returns for how long a [`TokenClient`](crate::remote::TokenClient) goes on giving it out: a little less than it is valid.
    #[must_use]
    pub fn usable_for(&self) -> Duration {
        self.usable_until.saturating_duration_since(Instant::now())
    }

    /// Notes that a service refuses it (401), so that the [`TokenClient`](crate::remote::TokenClient) gets another one before it gives it
    /// out again. If there is no other, it goes on with this one.
    ///
    /// It counts once the token is ten seconds old: a new one may be unknown there for a moment, and a service that refuses each of
    /// them must not lead to a new one with each call.
    pub fn reject(&self) {
        if self.granted_at.elapsed() >= SETTLED {
            self.is_rejected.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn is_usable(&self, now: Instant) -> bool {
        now < self.usable_until
    }

    pub(super) fn is_rejected(&self) -> bool {
        self.is_rejected.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("scope", &self.scope)
            .field("usable_for", &self.usable_for())
            .finish_non_exhaustive()
    }
}

/// The age at which a refusal of a token counts.
const SETTLED: Duration = Duration::from_secs(10);
