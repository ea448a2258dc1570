//! The settings of a store, for both databases.

use std::{future::Future, time::Duration};

use countersign::session::store::StoreError;

/// The longest wait for a free connection.
pub(crate) const ACQUIRE: Duration = Duration::from_secs(2);

/// The shortest interval of polls: none at all would keep the database busy with nothing.
const SHORTEST_POLL: Duration = Duration::from_millis(10);

/// The waiting times of a store.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    /// The interval between two looks at the revocation log.
    pub(crate) poll: Duration,
    /// The longest wait for an answer of the database.
    pub(crate) timeout: Duration,
}

impl Settings {
    pub(crate) fn poll(mut self, interval: Duration) -> Self {
        self.poll = interval.max(SHORTEST_POLL);
        self
    }

    pub(crate) fn timeout(mut self, longest: Duration) -> Self {
        self.timeout = longest;
        self
    }

    /// Gives up after the time that is set.
    pub(crate) async fn within<T>(
        self,
        work: impl Future<Output = sqlx::Result<T>>,
    ) -> Result<T, StoreError> {
        let answer = tokio::time::timeout(self.timeout, work).await;
        // As text: the debug form of an error of PostgreSQL may show the row.
        answer
            .map_err(StoreError::new)?
            .map_err(|error| StoreError::new(error.to_string()))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
        }
    }
}
