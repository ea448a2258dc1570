//! The one task of a source: waits until it is time, fetches, publishes.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};

use super::state::State;
use crate::remote::document::{Endpoint, Failure};

/// Fetches for as long as it is polled.
pub(crate) struct RefreshTask {
    shared: Arc<State>,
    endpoint: Endpoint,
}

impl RefreshTask {
    /// How long a fetch may take in all, metadata included.
    const DEADLINE: Duration = Duration::from_secs(5);

    pub(crate) fn new(shared: Arc<State>, endpoint: Endpoint) -> Self {
        Self { shared, endpoint }
    }

    /// Never ends by itself: it is dropped with the last handle, or with the runtime.
    pub(crate) async fn run(mut self) {
        self.shared.notice();
        loop {
            Self::wait(&self.shared).await;
            self.shared.begin();
            let began = Instant::now();
            let fetched = timeout(Self::DEADLINE, self.endpoint.get()).await;
            let fetched = fetched.unwrap_or_else(|_| Err(Failure::timeout()));
            if fetched.is_err() {
                self.endpoint.doubt();
            }
            self.shared.end(fetched, began.elapsed());
        }
    }

    /// Waits until a fetch is due, or wanted and allowed.
    pub(super) async fn wait(shared: &State) {
        loop {
            let next = shared.next_fetch();
            let change = shared.next_change().unwrap_or(next);
            tokio::select! {
                biased;
                () = shared.wanted.notified() => {}
                () = sleep_until(next) => return,
                () = sleep_until(change) => shared.notice(),
            }
        }
    }
}

impl Drop for RefreshTask {
    fn drop(&mut self) {
        self.shared.stop();
    }
}
