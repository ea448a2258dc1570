//! An access token for another service.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use tokio::time::{Duration, Instant};
use zeroize::Zeroizing;

use crate::remote::http::url::is_loopback;

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

    /// Returns whether a token may go to this place: by `https` or `wss`, or in any way to this machine (`localhost`, `127.0.0.0/8`,
    /// `[::1]`). A bearer token must not go in the clear (RFC 6750 section 5.3).
    ///
    /// For adapters, which send none elsewhere unless they are told to. Scheme and host are those of the URL, the host without
    /// its port.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::remote::AccessToken;
    ///
    /// assert!(AccessToken::may_go_to("https", "stock.example"));
    /// assert!(AccessToken::may_go_to("http", "[::1]"));
    /// assert!(!AccessToken::may_go_to("http", "stock.example"));
    /// ```
    #[must_use]
    pub fn may_go_to(scheme: &str, host: &str) -> bool {
        let is_tls = ["https", "wss"]
            .iter()
            .any(|tls| scheme.eq_ignore_ascii_case(tls));
        is_tls || is_loopback(host)
    }

    pub(super) fn is_usable(&self, now: Instant) -> bool {
        now < self.usable_until
    }

    /// Returns whether it is usable, and nothing calls for another one.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        self.is_usable(now) && now < self.refresh_at && !self.is_rejected()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_by_tls_or_to_this_machine() {
        for (scheme, host) in [
            ("https", "stock.example"),
            ("HTTPS", "10.0.0.1"),
            ("wss", "stock.example"),
            ("http", "localhost"),
            ("http", "LocalHost"),
            ("http", "127.0.0.1"),
            ("ws", "127.8.9.10"),
            ("http", "[::1]"),
        ] {
            assert!(AccessToken::may_go_to(scheme, host), "{scheme} {host}");
        }
        for (scheme, host) in [
            ("http", "stock.example"),
            ("ws", "stock.example"),
            ("", "stock.example"),
            ("httpss", "stock.example"),
            ("http", ""),
            ("http", "localhost.example"),
            ("http", "10.0.0.1"),
            ("http", "128.0.0.1"),
            ("http", "0.0.0.0"),
            ("http", "[::2]"),
            ("http", "[::ffff:127.0.0.1]"),
            ("http", "[127.0.0.1]"),
            ("http", "127.0.0.1.example"),
        ] {
            assert!(!AccessToken::may_go_to(scheme, host), "{scheme} {host}");
        }
    }
}
