//! What a store says of itself when sessions are built.

use std::time::Duration;

/// What a [`SessionStore`](crate::session::store::SessionStore) can do. [`SessionsBuilder::build`] refuses settings
/// that contradict it.
///
/// [`SessionsBuilder::build`]: crate::session::SessionsBuilder::build
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use countersign::session::store::StoreCapabilities;
///
/// // A server that several nodes use, with a log that keeps a revocation for 25 hours, by its own clock.
/// let capabilities = StoreCapabilities::shared()
///     .retention(Duration::from_secs(25 * 3_600))
///     .own_clock();
/// assert!(capabilities.is_shared());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreCapabilities {
    shared: bool,
    own_clock: bool,
    retention: Option<Duration>,
}

impl StoreCapabilities {
    /// A store that only this process can reach. What ends here need not be told to anybody else.
    #[must_use]
    pub const fn local() -> Self {
        Self {
            shared: false,
            own_clock: false,
            retention: None,
        }
    }

    /// A store that other processes may use as well. Sessions over it need a
    /// [`Revocation`](crate::Revocation) that follows its log.
    #[must_use]
    pub const fn shared() -> Self {
        Self {
            shared: true,
            ..Self::local()
        }
    }

    /// Sets how long the log keeps a revocation at most. Default: as long as the entry says.
    #[must_use]
    pub const fn retention(mut self, retention: Duration) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Says that the store drops what has expired by a clock of its own. It may be ahead of this
    /// node's by up to five minutes.
    #[must_use]
    pub const fn own_clock(mut self) -> Self {
        self.own_clock = true;
        self
    }

    /// Whether other processes may use the store.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.shared
    }

    /// Whether the store drops what has expired by a clock of its own.
    #[must_use]
    pub const fn has_own_clock(&self) -> bool {
        self.own_clock
    }

    /// How long the log keeps a revocation at most; `None` for as long as the entry says.
    #[must_use]
    pub const fn longest_retention(&self) -> Option<Duration> {
        self.retention
    }
}
