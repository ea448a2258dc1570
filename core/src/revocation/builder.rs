//! The settings of a revocation list.

use std::{fmt, sync::Arc, time::Duration};

use super::list::Revocation;
use crate::{
    clock::{Clock, SystemClock},
    error::ConfigError,
};

/// Builds a [`Revocation`]. Made by [`Revocation::local`] and [`Revocation::replica`].
#[must_use = "a builder does nothing until `build` is called"]
pub struct RevocationBuilder {
    pub(super) replica: bool,
    pub(super) capacity: usize,
    staleness: Option<Duration>,
    pub(super) accept_when_stale: bool,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) name: Box<str>,
}

impl RevocationBuilder {
    /// The default for [`capacity`](Self::capacity): a million entries.
    pub const DEFAULT_CAPACITY: usize = 1_000_000;
    /// The largest [`capacity`](Self::capacity): a hundred million entries.
    pub const MAX_CAPACITY: usize = 100_000_000;
    /// The default for [`staleness`](Self::staleness): 10 seconds.
    pub const DEFAULT_STALENESS: Duration = Duration::from_secs(10);
    /// The smallest [`staleness`](Self::staleness): one second.
    pub const MIN_STALENESS: Duration = Duration::from_secs(1);
    /// The largest [`staleness`](Self::staleness): one hour.
    pub const MAX_STALENESS: Duration = Duration::from_secs(3_600);

    pub(super) fn new(replica: bool) -> Self {
        Self {
            replica,
            capacity: Self::DEFAULT_CAPACITY,
            staleness: None,
            accept_when_stale: false,
            clock: Arc::new(SystemClock),
            name: "revocations".into(),
        }
    }

    /// The most entries. Default a million, at most a hundred million.
    ///
    /// An entry takes 44 to 132 bytes, 71 at a million. Memory is taken as it is needed; while a
    /// larger table is filled, the smaller one is there too. An entry that is still needed is never
    /// dropped for another: when the list is full of those, revoking fails.
    pub fn capacity(mut self, entries: usize) -> Self {
        self.capacity = entries;
        self
    }

    /// The longest time since the last complete read of the log, in whole seconds. Default 10
    /// seconds, from one second to one hour. For replicas.
    ///
    /// After that, a revocation may have been missed, and tokens are refused with 503. So a revoked
    /// token is accepted for that long at most, if the log cannot be reached. It must be
    /// longer than the pauses of the log between two reads.
    ///
    /// It is measured with the [`clock`](Self::clock). A clock that is set back by no more than this
    /// bound changes nothing, but then an outage at that moment is noticed up to three times as
    /// late. One that is set back further makes tokens refused until the log has been read again.
    pub fn staleness(mut self, staleness: Duration) -> Self {
        self.staleness = Some(staleness);
        self
    }

    /// Accepts tokens although the log was not read for longer than [`staleness`](Self::staleness),
    /// or not yet. For replicas.
    ///
    /// Then whoever holds a revoked token and can keep this node from its log, or waits for an
    /// outage, gets in until the token expires: logging out means nothing just when something is
    /// wrong. What is known to be revoked stays refused. Watch [`Revocation::status`] if you use it.
    pub fn accept_when_stale(mut self) -> Self {
        self.accept_when_stale = true;
        self
    }

    /// The clock. Default [`SystemClock`]. It must be that of the verifiers.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The name of the list in the log and in metrics (`list`), where a process has several. Default
    /// `revocations`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into().into_boxed_str();
        self
    }

    /// Checks the settings and makes the list.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a bound is exceeded, or a local list, which follows no log, has settings
    /// of a replica.
    pub fn build(self) -> Result<Revocation, ConfigError> {
        let setting = |text: &str| Err(ConfigError::InvalidSetting(text.to_owned()));
        if !(1..=Self::MAX_CAPACITY).contains(&self.capacity) {
            return setting("the `capacity` for revocations is not between 1 and 100000000");
        }
        let staleness = self.staleness.unwrap_or(Self::DEFAULT_STALENESS);
        if !(Self::MIN_STALENESS..=Self::MAX_STALENESS).contains(&staleness) {
            return setting("the `staleness` is not between one second and one hour");
        }
        if !self.replica && (self.staleness.is_some() || self.accept_when_stale) {
            return Err(ConfigError::Conflict(
                "`staleness` and `accept_when_stale` are for `Revocation::replica`: \
                 a local list is never stale"
                    .into(),
            ));
        }
        Ok(Revocation::new(self, staleness.as_secs()))
    }
}

impl fmt::Debug for RevocationBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationBuilder")
            .field("name", &self.name)
            .field("replica", &self.replica)
            .field("capacity", &self.capacity)
            .field("staleness", &self.staleness)
            .field("accept_when_stale", &self.accept_when_stale)
            .finish_non_exhaustive()
    }
}
