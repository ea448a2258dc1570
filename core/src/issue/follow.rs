//! The reading of a ring's folder while the server runs.

use std::{
    convert::Infallible,
    fmt,
    future::{Future, ready},
    mem,
    sync::{Arc, PoisonError},
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

    /// Follows the folder for ever: a future to be spawned on the app's runtime.
    ///
    /// Whenever a future of `tick` ends, it looks whether the document has changed. A document that cannot be read, or
    /// must be [refused](Self::adopt), is refused as a whole: the log says so once at `warn`, and at `info` when it is
    /// over. Meanwhile the old ring goes on, and takes its turns.
    ///
    /// It reads small files, and waits for the disk. A ring without a folder just takes its turns.
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
                // The log has the error.
                let _ = keys.reload();
            }
        }
    }

    /// Looks now whether the document of the folder has changed, for example when the process is told to (SIGHUP).
    ///
    /// # Errors
    ///
    /// Those of [`KeyFolder::load`] and [`adopt`](Self::adopt), which the log has, too. The old ring goes on.
    pub fn reload(&self) -> Result<(), ConfigError> {
        // Also when nobody asks for a token, for the measurements.
        drop(self.now());
        let Some((folder, mut state)) = self.folder() else {
            return Ok(());
        };
        self.read(folder, &mut state)
    }

    /// Looks because of a token that names an unknown key: once a second at most, whoever asks.
    pub(super) fn reload_early(&self, id: &str) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        // Waits for somebody who is reading just now.
        let (folder, mut state) = self.folder()?;
        if state.read_at != folder.now() {
            let _ = self.read(folder, &mut state);
        }
        let has_key = self.snapshot().is_ok_and(|set| set.has_key(id));
        match (has_key, state.is_failing) {
            (true, _) => Some(Box::pin(ready(Ok(())))),
            // The key may be in a document that cannot be read: nobody can tell.
            (false, true) => Some(Box::pin(ready(Err(KeysUnavailable::default())))),
            (false, false) => None,
        }
    }

    /// Tells the gauge whether the folder is read.
    pub(super) fn report_reading(&self) {
        #[cfg(feature = "metrics")]
        if let Some((_, state)) = self.folder() {
            self.0.ring.load().measure_reading(state.is_failing);
        }
    }

    fn folder(&self) -> Option<(&KeyFolder, MutexGuard<'_, ReadState>)> {
        let followed = self.0.followed.as_ref()?;
        let (folder, state) = followed.folder.as_ref()?;
        Some((folder, state.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    fn read(&self, folder: &KeyFolder, state: &mut ReadState) -> Result<(), ConfigError> {
        state.read_at = folder.now();
        let result = self.adopt_changed(folder, &mut state.text);
        let was_failing = mem::replace(&mut state.is_failing, result.is_err());
        match &result {
            Err(error) if !was_failing => {
                tracing::warn!(target: "countersign", cause = %error, "the signing keys cannot be reloaded: the old ones go on");
            }
            Ok(()) if was_failing => {
                tracing::info!(target: "countersign", "the signing keys are reloaded again");
            }
            _ => {}
        }
        #[cfg(feature = "metrics")]
        self.0.ring.load().measure_reading(state.is_failing);
        result
    }

    /// Adopts the document if it is not the one that was adopted last.
    fn adopt_changed(
        &self,
        folder: &KeyFolder,
        adopted: &mut Zeroizing<String>,
    ) -> Result<(), ConfigError> {
        if folder.text()? == *adopted {
            return Ok(());
        }
        let (text, document) = folder.read()?;
        self.adopt(document)?;
        *adopted = text;
        Ok(())
    }
}

/// The clock that a ring follows, and the folder.
pub(super) struct Followed {
    clock: Arc<dyn Clock>,
    folder: Option<(KeyFolder, Mutex<ReadState>)>,
}

/// The last reading of a folder.
struct ReadState {
    /// The document that was adopted.
    text: Zeroizing<String>,
    /// In seconds since 1970.
    read_at: i64,
    is_failing: bool,
}

impl Followed {
    pub(super) fn clock(clock: impl Clock) -> Self {
        Self {
            clock: Arc::new(clock),
            folder: None,
        }
    }

    pub(super) fn folder(folder: KeyFolder, text: Zeroizing<String>) -> Self {
        let state = ReadState {
            text,
            read_at: folder.now(),
            is_failing: false,
        };
        Self {
            clock: folder.shared_clock(),
            folder: Some((folder, Mutex::new(state))),
        }
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now()
    }

    pub(super) fn has_folder(&self) -> bool {
        self.folder.is_some()
    }
}

impl fmt::Debug for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Followed").finish_non_exhaustive()
    }
}
