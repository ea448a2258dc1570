//! The reading of a ring's folder while the server runs.

use std::{
    convert::Infallible,
    fmt,
    future::{Future, poll_fn},
    mem,
    sync::{Arc, PoisonError},
    task::{Poll, Waker},
    thread,
    time::Duration,
};

use zeroize::Zeroizing;

use super::{ring::KeyFolder, signing_keys::SigningKeys};
use crate::{
    clock::Clock,
    error::ConfigError,
    future::BoxFuture,
    keys::{KeySource, KeysUnavailable},
    sync::{Mutex, MutexGuard},
};

impl SigningKeys {
    /// The usual time between two looks at a folder: 10 seconds.
    pub const RELOAD_INTERVAL: Duration = Duration::from_secs(10);

    /// The seconds for which requests wait for somebody who reads the folder.
    const PATIENCE: i64 = 5;

    /// Follows the folder for ever: a future to be spawned on the app's runtime.
    ///
    /// Whenever a future of `tick` ends, a thread looks whether the document has changed. A document that cannot be
    /// read, or must be [refused](Self::adopt), is refused as a whole: the log says so once at `warn`, and at `info` when
    /// it is over. Meanwhile the old ring goes on, and takes its turns.
    ///
    /// A ring without a folder just takes its turns.
    ///
    /// # Examples
    ///
    /// ```
    /// use countersign::{ConfigError, SigningKeys, issue::KeyFolder};
    ///
    /// # mod tokio {
    /// #     pub fn spawn<F: Future + Send + 'static>(_: F) {}
    /// #     pub mod time { pub async fn sleep(_: std::time::Duration) {} }
    /// # }
    /// fn keys() -> Result<SigningKeys, ConfigError> {
    ///     let keys = SigningKeys::open(KeyFolder::new("/etc/login/keys"))?;
    ///     tokio::spawn(keys.follow(|| tokio::time::sleep(SigningKeys::RELOAD_INTERVAL)));
    ///     Ok(keys)
    /// }
    /// # drop(keys);
    /// ```
    #[must_use = "a future does nothing until it is polled"]
    pub fn follow<T, F>(&self, mut tick: T) -> impl Future<Output = Infallible> + Send + use<T, F>
    where
        T: FnMut() -> F + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        let keys = self.clone();
        async move {
            loop {
                tick().await;
                // Also when nobody asks for a token, for the measurements.
                drop(keys.now());
                if let Some(followed) = keys.0.followed.as_ref().filter(|all| all.has_folder()) {
                    let round = keys.begin_reading(followed);
                    followed.finished(round).await;
                }
            }
        }
    }

    /// Looks now whether the document of the folder has changed, and waits for the disk.
    ///
    /// # Errors
    ///
    /// Those of [`KeyFolder::load`] and [`adopt`](Self::adopt), which the log has, too. The old ring goes on.
    pub fn reload(&self) -> Result<(), ConfigError> {
        drop(self.now());
        match &self.0.followed {
            Some(followed) => self.read(followed),
            None => Ok(()),
        }
    }

    /// Looks because of a token that names an unknown key: once a second at most, whoever asks.
    pub(super) fn reload_early(&self, id: &str) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        let followed = self.0.followed.as_ref().filter(|all| all.has_folder())?;
        let state = followed.state();
        let age = followed.now().saturating_sub(state.read_at);
        let is_stuck = state.is_reading && age > Self::PATIENCE;
        if is_stuck || (state.is_failing && age == 0) {
            // The key may be in a document that cannot be read: nobody can tell.
            return Some(Box::pin(async { Err(KeysUnavailable::default()) }));
        }
        if !state.is_reading && age == 0 {
            // It may have come since the token was looked at.
            let has_key = self.snapshot().is_ok_and(|set| set.has_key(id));
            return has_key.then(|| Box::pin(async { Ok(()) }) as BoxFuture<_>);
        }
        drop(state);
        let round = self.begin_reading(followed);
        let keys = self.clone();
        Some(Box::pin(async move {
            let followed = keys.0.followed.as_ref().ok_or(KeysUnavailable::default())?;
            followed.finished(round).await;
            match followed.state().is_failing {
                true => Err(KeysUnavailable::default()),
                false => Ok(()),
            }
        }))
    }

    /// Has a thread read the folder, unless one does already: a disk that hangs must not take the executor with it.
    /// Returns the number of the reading.
    fn begin_reading(&self, followed: &Followed) -> u64 {
        let mut state = followed.state();
        let round = state.round;
        if !mem::replace(&mut state.is_reading, true) {
            state.read_at = followed.now();
            drop(state);
            let keys = self.clone();
            let work = move || {
                if let Some(followed) = &keys.0.followed {
                    let _end = Reading(followed);
                    // The log has the error.
                    let _ = keys.read(followed);
                }
            };
            let name = "countersign-keys".to_owned();
            if thread::Builder::new().name(name).spawn(work).is_err() {
                // There are no threads here.
                let _end = Reading(followed);
                let _ = self.read(followed);
            }
        }
        round
    }

    fn read(&self, followed: &Followed) -> Result<(), ConfigError> {
        let result = self.adopt_changed(followed);
        let mut state = followed.state();
        let was_failing = mem::replace(&mut state.is_failing, result.is_err());
        drop(state);
        match &result {
            Err(error) if !was_failing => {
                tracing::warn!(target: "countersign", cause = %error, "the signing keys cannot be reloaded: the old ones go on");
            }
            Ok(()) if was_failing => {
                tracing::info!(target: "countersign", "the signing keys are reloaded again");
            }
            _ => {}
        }
        self.report_reading();
        result
    }

    /// Adopts the document of the folder if it is not the one that was adopted last.
    fn adopt_changed(&self, followed: &Followed) -> Result<(), ConfigError> {
        let Some((folder, adopted)) = &followed.folder else {
            return Ok(());
        };
        let mut adopted = adopted.lock().unwrap_or_else(PoisonError::into_inner);
        if folder.text()? == *adopted {
            return Ok(());
        }
        let (text, document) = folder.read()?;
        self.adopt(document)?;
        *adopted = text;
        Ok(())
    }

    /// Tells the gauge whether the folder is read.
    pub(super) fn report_reading(&self) {
        #[cfg(feature = "metrics")]
        if let Some(followed) = self.0.followed.as_ref().filter(|all| all.has_folder()) {
            let is_failing = followed.state().is_failing;
            self.0.ring.load().measure_reading(is_failing);
        }
    }
}

/// The clock that a ring follows, and the folder.
pub(super) struct Followed {
    clock: Arc<dyn Clock>,
    /// With the text of the document that was adopted.
    folder: Option<(KeyFolder, Mutex<Zeroizing<String>>)>,
    state: Mutex<ReadState>,
}

/// The reading of a folder.
struct ReadState {
    /// The time at which the last one began, in seconds since 1970.
    read_at: i64,
    is_reading: bool,
    is_failing: bool,
    /// The number of readings that threads have finished.
    round: u64,
    waiting: Vec<Waker>,
}

impl Followed {
    pub(super) fn clock(clock: impl Clock) -> Self {
        Self::new(Arc::new(clock), None)
    }

    pub(super) fn folder(folder: KeyFolder, text: Zeroizing<String>) -> Self {
        let clock = folder.shared_clock();
        Self::new(clock, Some((folder, Mutex::new(text))))
    }

    fn new(clock: Arc<dyn Clock>, folder: Option<(KeyFolder, Mutex<Zeroizing<String>>)>) -> Self {
        let state = ReadState {
            read_at: clock.now(),
            is_reading: false,
            is_failing: false,
            round: 0,
            waiting: Vec::new(),
        };
        Self {
            clock,
            folder,
            state: Mutex::new(state),
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now()
    }

    pub(super) fn has_folder(&self) -> bool {
        self.folder.is_some()
    }

    /// Nobody reads the disk while having this.
    fn state(&self) -> MutexGuard<'_, ReadState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a reading has been finished.
    async fn finished(&self, round: u64) {
        poll_fn(|cx| {
            let mut state = self.state();
            if state.round != round {
                return Poll::Ready(());
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
        .await;
    }
}

/// A reading that is under way. It ends when this is dropped, whatever happens.
struct Reading<'f>(&'f Followed);

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.is_reading = false;
        state.round = state.round.wrapping_add(1);
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed").finish_non_exhaustive()
    }
}
