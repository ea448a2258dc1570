//! The reading of a ring's document: one at a time, whoever asks.

use std::{
    fmt,
    future::poll_fn,
    mem,
    sync::{Arc, PoisonError},
    task::{Poll, Waker},
    thread,
};

use zeroize::Zeroizing;

use super::{
    ring::{KeyFolder, RingDocument, SealedRing},
    signing_keys::SigningKeys,
};
use crate::{
    clock::Clock,
    error::ConfigError,
    sync::{Mutex, MutexGuard},
};

/// The clock that a ring follows, and the place of its document.
pub(super) struct Followed {
    clock: Arc<dyn Clock>,
    pub(super) source: Option<Source>,
    /// What was there when the document was adopted, to see whether it has changed.
    seen: Mutex<Zeroizing<Vec<u8>>>,
    state: Mutex<ReadState>,
}

/// The place of a document that changes.
pub(super) enum Source {
    Folder(KeyFolder),
    Store(SealedRing),
}

/// What is in the place of the document, and the document.
type Found = (Zeroizing<Vec<u8>>, RingDocument);

/// The reading of the document.
pub(super) struct ReadState {
    /// The time at which the last one began, in seconds since 1970.
    pub(super) read_at: i64,
    pub(super) is_reading: bool,
    /// Why the last one failed.
    pub(super) failure: Option<ConfigError>,
    /// The number of readings that have ended.
    pub(super) round: u64,
    waiting: Vec<Waker>,
}

impl Followed {
    pub(super) fn clock(clock: impl Clock) -> Self {
        Self::new(Arc::new(clock), None, Zeroizing::default())
    }

    pub(super) fn source(source: Source, seen: Zeroizing<Vec<u8>>) -> Self {
        let clock = match &source {
            Source::Folder(folder) => folder.shared_clock(),
            Source::Store(ring) => ring.shared_clock(),
        };
        Self::new(clock, Some(source), seen)
    }

    fn new(clock: Arc<dyn Clock>, source: Option<Source>, seen: Zeroizing<Vec<u8>>) -> Self {
        let state = ReadState {
            read_at: clock.now(),
            is_reading: false,
            failure: None,
            round: 0,
            waiting: Vec::new(),
        };
        Self {
            clock,
            source,
            seen: Mutex::new(seen),
            state: Mutex::new(state),
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now()
    }

    pub(super) fn has_source(&self) -> bool {
        self.source.is_some()
    }

    fn seen(&self) -> MutexGuard<'_, Zeroizing<Vec<u8>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody reads the document while having this.
    pub(super) fn state(&self) -> MutexGuard<'_, ReadState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn round_under_way(&self) -> Option<u64> {
        let state = self.state();
        state.is_reading.then_some(state.round)
    }

    /// Waits until a reading has ended. `false` when whoever read has given up, and nobody reads.
    pub(super) async fn settled(&self, round: u64) -> bool {
        poll_fn(|cx| {
            let mut state = self.state();
            if state.round != round || !state.is_reading {
                return Poll::Ready(state.round != round);
            }
            if !state
                .waiting
                .iter()
                .any(|waker| waker.will_wake(cx.waker()))
            {
                state.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        })
        .await
    }
}

/// Who reads the document now.
pub(super) enum Turn {
    Own(Reading),
    /// Somebody else, with this number.
    Another(u64),
}

/// A reading that is under way. It ends when this is dropped, whatever happens.
pub(super) struct Reading {
    keys: SigningKeys,
    outcome: Option<Result<(), ConfigError>>,
}

impl Reading {
    pub(super) fn new(keys: &SigningKeys) -> Self {
        Self {
            keys: keys.clone(),
            // A panic is an error, too.
            outcome: None,
        }
    }

    pub(super) fn read_folder(self, folder: &KeyFolder) {
        if let Some(followed) = self.keys.followed_source() {
            let seen = followed.seen().clone();
            let found = folder.look(&seen);
            let _ = self.end(&seen, found);
        }
    }

    pub(super) async fn read_store(self) -> Result<(), ConfigError> {
        let followed = self.keys.followed_source();
        let Some((Some(Source::Store(ring)), seen)) =
            followed.map(|followed| (&followed.source, followed.seen().clone()))
        else {
            return Ok(());
        };
        let found = ring.look(&seen).await;
        self.end(&seen, found)
    }

    /// Adopts what was found in place of what was seen before, and tells the log where a failure begins, has another cause,
    /// and ends.
    fn end(
        mut self,
        seen: &[u8],
        found: Result<Option<Found>, ConfigError>,
    ) -> Result<(), ConfigError> {
        let Some(followed) = self.keys.followed_source() else {
            return Ok(());
        };
        let result = found.and_then(|found| self.adopt(followed, seen, found));
        let before = followed.state().failure.as_ref().map(without_numbers);
        match &result {
            Err(error) if before.as_deref() != Some(&*without_numbers(error)) => {
                tracing::warn!(target: "countersign", cause = %error, "the signing keys cannot be reloaded: the old ones go on");
            }
            Ok(()) if before.is_some() => {
                tracing::info!(target: "countersign", "the signing keys are reloaded again");
            }
            _ => {}
        }
        self.outcome = Some(result.clone());
        result
    }

    fn adopt(
        &self,
        followed: &Followed,
        before: &[u8],
        found: Option<Found>,
    ) -> Result<(), ConfigError> {
        let mut last = followed.seen();
        // An answer that comes late may be older than what somebody else has adopted meanwhile.
        if let Some((seen, document)) = found
            && **last == before
        {
            self.keys.adopt(document)?;
            *last = seen;
        }
        Ok(())
    }
}

/// Returns the text of a cause by which it is told from others. A time in it is another one at each reading.
fn without_numbers(error: &ConfigError) -> String {
    let text = error.to_string();
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

impl Drop for Reading {
    fn drop(&mut self) {
        let Some(followed) = self.keys.followed_source() else {
            return;
        };
        let crash = || ConfigError::Missing("the reading of the document has crashed".into());
        let crashed = thread::panicking().then(|| Err(crash()));
        let mut state = followed.state();
        state.is_reading = false;
        match self.outcome.take().or(crashed) {
            Some(outcome) => {
                state.failure = outcome.err();
                state.round = state.round.wrapping_add(1);
            }
            // It was dropped amid its work: nobody has looked.
            None => state.read_at = i64::MIN,
        }
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        self.keys.report_reading();
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed").finish_non_exhaustive()
    }
}
