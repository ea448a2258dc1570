//! The one task of a source: it waits until a fetch is due, fetches, publishes.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};

use super::state::State;
use crate::remote::document::{Endpoint, Failure};

/// Fetches for as long as it is polled.
pub(crate) struct RefreshTask {
    state: Arc<State>,
    endpoint: Endpoint,
}

impl RefreshTask {
    /// The longest time of a fetch, metadata included.
    const DEADLINE: Duration = Duration::from_secs(5);

    pub(crate) fn new(state: Arc<State>, endpoint: Endpoint) -> Self {
        Self { state, endpoint }
    }

    /// Runs for ever: the task is dropped with the last handle, or with the runtime.
    pub(crate) async fn run(mut self) {
        self.state.report_state();
        loop {
            Self::wait(&self.state).await;
            self.state.begin();
            let began = Instant::now();
            let fetched = timeout(Self::DEADLINE, self.endpoint.get()).await;
            let fetched = fetched.unwrap_or_else(|_| Err(Failure::timeout()));
            if fetched.is_err() {
                self.endpoint.forget_metadata();
            }
            self.state.end(fetched, began.elapsed());
        }
    }

    /// Waits until a fetch is due, or wanted and allowed.
    pub(super) async fn wait(state: &State) {
        loop {
            let next = state.next_fetch();
            let change = state.next_change().unwrap_or(next);
            tokio::select! {
                biased;
                () = state.wanted.notified() => {}
                () = sleep_until(next) => return,
                () = sleep_until(change) => state.report_state(),
            }
        }
    }
}

impl Drop for RefreshTask {
    fn drop(&mut self) {
        self.state.stop();
    }
}
