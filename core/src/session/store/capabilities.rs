//! The capabilities of a store, by which settings are checked.

use std::time::Duration;

/// The capabilities of a [`SessionStore`](crate::session::store::SessionStore).
/// [`SessionsBuilder::build`] refuses settings that contradict them.
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
    epoch: bool,
    retention: Option<Duration>,
    concurrent_calls: Option<u32>,
}

impl StoreCapabilities {
    /// Describes a store that only this process can reach: no other node has to hear of an ending.
    #[must_use]
    pub const fn local() -> Self {
        Self {
            shared: false,
            own_clock: false,
            epoch: false,
            retention: None,
            concurrent_calls: None,
        }
    }

    /// Describes a store that other processes may use as well. Sessions over it need a
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

    /// Declares that the store drops what has expired by a clock of its own, which may be ahead of this
    /// node's by up to five minutes.
    #[must_use]
    pub const fn own_clock(mut self) -> Self {
        self.own_clock = true;
        self
    }

    /// Declares that the store keeps its [epoch](crate::session::store::SessionStore::epoch), so that it can tell when it
    /// may have lost writes.
    #[must_use]
    pub const fn epoch(mut self) -> Self {
        self.epoch = true;
        self
    }

    /// Sets how many calls the store carries out at once, such as the size of its pool of connections; others
    /// wait. Default: there is no such number.
    ///
    /// [Refreshes](crate::session::SessionsBuilder::concurrent_refreshes) get half of them.
    #[must_use]
    pub const fn concurrent_calls(mut self, calls: u32) -> Self {
        self.concurrent_calls = Some(calls);
        self
    }

    /// Returns whether other processes may use the store.
    #[must_use]
    pub const fn is_shared(&self) -> bool {
        self.shared
    }

    /// Returns whether the store drops what has expired by a clock of its own.
    #[must_use]
    pub const fn has_own_clock(&self) -> bool {
        self.own_clock
    }

    /// Returns whether the store keeps its epoch.
    #[must_use]
    pub const fn has_epoch(&self) -> bool {
        self.epoch
    }

    /// Returns how many calls the store carries out at once; `None` where no call waits for another.
    #[must_use]
    pub const fn most_concurrent_calls(&self) -> Option<u32> {
        self.concurrent_calls
    }

    /// Returns how long the log keeps a revocation at most; `None` for as long as the entry says.
    #[must_use]
    pub const fn longest_retention(&self) -> Option<Duration> {
        self.retention
    }
}
