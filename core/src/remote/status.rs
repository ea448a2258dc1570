//! The status of a source of remote keys.

use std::time::Duration;

use crate::jose::KeyNote;

/// The status of a source of remote keys, for readiness checks, logs and metrics.
///
/// Nothing in it is secret, and nothing in it comes from a client.
///
/// # Examples
///
/// ```
/// use countersign::{RemoteKeys, remote::KeysState};
///
/// fn readiness(keys: &RemoteKeys) -> (u16, String) {
///     let status = keys.status();
///     let code = if status.is_ready() { 200 } else { 503 };
///     (code, format!("{}: {} keys", status.state().name(), status.keys()))
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysStatus {
    pub(super) state: KeysState,
    pub(super) keys: usize,
    pub(super) notes: Vec<KeyNote>,
    pub(super) age: Option<Duration>,
    pub(super) generation: u64,
    pub(super) failures: u32,
    pub(super) last_error: Option<&'static str>,
    pub(super) next_fetch: Duration,
}

/// The state of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeysState {
    /// The keys are as new as the provider wants them to be.
    Fresh,
    /// The keys are older than that, and still used: the provider cannot be reached.
    Stale,
    /// No fetch has ended yet.
    Starting,
    /// The runtime of the source, or its task, has ended: nothing will be fetched any more. Keys at hand
    /// are used until they expire.
    Stopped,
    /// There are no keys, or none that may still be used. Requests are answered with 503.
    Unavailable,
}

impl KeysState {
    /// Every state.
    #[cfg(feature = "metrics")]
    pub(crate) const ALL: [Self; 5] = [
        Self::Fresh,
        Self::Stale,
        Self::Starting,
        Self::Stopped,
        Self::Unavailable,
    ];

    /// Returns the stable machine name, in `snake_case`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Starting => "starting",
            Self::Stopped => "stopped",
            Self::Unavailable => "unavailable",
        }
    }
}

impl KeysStatus {
    /// Returns the state of the keys.
    #[must_use]
    pub fn state(&self) -> KeysState {
        self.state
    }

    /// Returns whether tokens can be verified, now and later.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.state, KeysState::Fresh | KeysState::Stale)
    }

    /// Returns how many keys there are.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys
    }

    /// Returns what is to be said about the way in which the last answer writes its keys. They are used all
    /// the same.
    #[must_use]
    pub fn notes(&self) -> &[KeyNote] {
        &self.notes
    }

    /// Returns how long ago the keys were fetched, or confirmed to be unchanged.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.age
    }

    /// Returns how often the keys changed: 0 before the first set, 1 with it, and one more for each set that
    /// had other keys.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns how many fetches failed since the last good one.
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns why the last fetch failed, as a stable name in `snake_case`; `None` if it did not.
    #[must_use]
    pub fn last_error(&self) -> Option<&'static str> {
        self.last_error
    }

    /// Returns how long it is until the next fetch is due.
    #[must_use]
    pub fn next_fetch(&self) -> Duration {
        self.next_fetch
    }
}
