//! The log through which nodes learn of revocations.

use std::{future::Future, sync::Arc};

use super::{entry::RevocationEntry, epoch::StoreEpoch};
use crate::error::StoreError;

/// The list of revocations that the nodes share, in the order in which they were made.
///
/// Implemented by the stores that live outside of the process. Each node
/// [follows](crate::Revocation::follow) it.
pub trait RevocationLog: Send + Sync + 'static {
    /// Adds entries. When it returns, every later read sees them.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the log cannot confirm that they are there, or could not keep one as long as
    /// it has to be kept: then none is added. Raise the
    /// [retention](crate::session::store::StoreCapabilities::retention) of the store, or let
    /// [`until`](RevocationEntry::until) be the end of the last token concerned, and no later.
    fn append(
        &self,
        entries: &[RevocationEntry],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The entries after a position, oldest first; from the start for `None`.
    ///
    /// When there is nothing new, it waits: until there is, or for one interval of its own choice
    /// (a poll of a database, a blocking read), then answers with no entries. It pauses before it returns an
    /// error, too, so that a caller may ask again at once.
    ///
    /// A caller keeps its position through errors and outages. A position that the log does not know any
    /// more counts as the start: entries may come twice, but none is left out. That includes the position of
    /// a log that has lost entries since and gives their places to others, as after a failover or when
    /// a backup was restored. So a number alone is no position: it has to say which entry was there.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the log cannot be read.
    fn read(
        &self,
        after: Option<&LogPosition>,
    ) -> impl Future<Output = Result<LogBatch, StoreError>> + Send;

    /// Returns the time by the clock of the store, in seconds since 1970. Default `None`: it has no other clock than
    /// the machine of this node.
    ///
    /// A list that follows the log asks now and then, and [reports](crate::revocation::RevocationStatus) the difference.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store does not answer.
    fn time(&self) -> impl Future<Output = Result<Option<i64>, StoreError>> + Send {
        async { Ok(None) }
    }

    /// Returns the epoch of the store that the log is in: see [`StoreEpoch`]. Default `None`: it loses nothing that
    /// it has answered, or cannot tell.
    ///
    /// A list that follows the log asks every ten seconds, and tells a change.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store does not answer.
    fn store_epoch(&self) -> impl Future<Output = Result<Option<StoreEpoch>, StoreError>> + Send {
        async { Ok(None) }
    }
}

impl<L: RevocationLog> RevocationLog for Arc<L> {
    fn append(
        &self,
        entries: &[RevocationEntry],
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        (**self).append(entries)
    }

    fn read(
        &self,
        after: Option<&LogPosition>,
    ) -> impl Future<Output = Result<LogBatch, StoreError>> + Send {
        (**self).read(after)
    }

    fn time(&self) -> impl Future<Output = Result<Option<i64>, StoreError>> + Send {
        (**self).time()
    }

    fn store_epoch(&self) -> impl Future<Output = Result<Option<StoreEpoch>, StoreError>> + Send {
        (**self).store_epoch()
    }
}

/// A part of a [`RevocationLog`].
#[derive(Clone, Debug)]
pub struct LogBatch {
    /// The entries, oldest first. Those that have expired may be left out.
    pub entries: Vec<RevocationEntry>,
    /// The position to read on from.
    pub position: Option<LogPosition>,
    /// True if this was all there was at some moment after the read had begun.
    pub complete: bool,
}

/// A position in a [`RevocationLog`], in a format of the log's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPosition(Box<str>);

impl LogPosition {
    /// A position with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into().into_boxed_str())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
