//! The one task of a source: it waits until a fetch is due, fetches, publishes.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until, timeout};

use super::state::State;
use crate::remote::document::{Endpoint, Failure, Fetched};

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
            let asked = self.state.begin();
            let began = Instant::now();
            let fetched = self.fetch(&asked).await;
            if fetched.is_err() {
                self.endpoint.forget_metadata();
            }
            self.state.end(fetched, began.elapsed());
        }
    }

    /// Fetches in time, with the feature `spans` in a span of its own: no request is the parent.
    async fn fetch(&mut self, asked: &[Box<str>]) -> Result<Fetched, Failure> {
        let work = async {
            let fetched = timeout(Self::DEADLINE, self.endpoint.get(asked)).await;
            fetched.unwrap_or_else(|_| Err(Failure::timeout()))
        };
        #[cfg(feature = "spans")]
        let work = crate::log::in_span(
            tracing::info_span!(
                target: "countersign", parent: None, "countersign.fetch",
                source = self.state.source(), outcome = tracing::field::Empty
            ),
            |fetched: &Result<_, Failure>| {
                fetched.as_ref().map_or_else(Failure::reason, |_| "fetched")
            },
            work,
        );
        work.await
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
