//! A connection of the pool, for the time of one call.

use sqlx::{Connection, PgConnection, Postgres, pool::PoolConnection};

use crate::settings::ACQUIRE;

/// A connection of the pool. When a call is given up half way, it goes back only if it still
/// answers: the pool by itself would wait for that until the network gives up, which takes minutes.
pub(super) struct Lease(Option<PoolConnection<Postgres>>);

impl Lease {
    pub(super) fn of(connection: PoolConnection<Postgres>) -> Self {
        Self(Some(connection))
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        // Only `end` and `drop` take it.
        self.0.as_mut().expect("a lease that has not ended")
    }

    pub(super) fn end(mut self) {
        self.0.take();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.0.take() else {
            return;
        };
        tokio::spawn(async move {
            let answer = tokio::time::timeout(ACQUIRE, connection.ping()).await;
            if !matches!(answer, Ok(Ok(()))) {
                connection.close_on_drop();
            }
        });
    }
}
