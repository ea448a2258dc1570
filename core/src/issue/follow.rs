//! The reading of a ring's document again and again, while the server runs.

use std::{convert::Infallible, future::Future, mem, thread, time::Duration};

use tracing::{Dispatch, dispatcher};

#[cfg(doc)]
use super::ring::{KeyFolder, SealedRing};
use super::{
    reading::{Followed, Reading, Source, Turn},
    signing_keys::SigningKeys,
};
use crate::{
    error::ConfigError,
    future::BoxFuture,
    keys::{KeySource, KeysUnavailable},
};

impl SigningKeys {
    /// The usual time between two looks at a folder or a store: 10 seconds.
    pub const RELOAD_INTERVAL: Duration = Duration::from_secs(10);

    /// The seconds for which requests wait for somebody who reads the document.
    const PATIENCE: i64 = 5;

    /// Follows the folder or the store for ever: a future to be spawned on the app's runtime.
    ///
    /// Whenever a future of `tick` ends, it looks whether the document has changed; the disk is read by a thread. A
    /// document that cannot be read, or must be [refused](Self::adopt), is refused as a whole: the log says so once at
    /// `warn`, and at `info` when it is over. Meanwhile the old ring goes on, and takes its turns.
    ///
    /// A ring without a folder or a store just takes its turns.
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
                if let Some(followed) = keys.followed_source() {
                    // The log has the error.
                    let turn = keys.begin_reading(followed, Asker::Owner);
                    let _ = keys.finish_reading(turn).await;
                }
            }
        }
    }

    /// Looks now whether the document in the folder or the store has changed.
    ///
    /// # Errors
    ///
    /// Those of [`KeyFolder::load`] or [`SealedRing::load`], and of [`adopt`](Self::adopt), which the log has, too. The old
    /// ring goes on.
    pub async fn reload(&self) -> Result<(), ConfigError> {
        drop(self.now());
        let Some(followed) = self.followed_source() else {
            return Ok(());
        };
        // A thread that is under way may have missed the last change.
        let under_way = followed.round_under_way();
        if let (Some(round), Some(Source::Folder(_))) = (under_way, &followed.source) {
            followed.settled(round).await;
        }
        let turn = self.begin_reading(followed, Asker::Owner);
        self.finish_reading(turn).await
    }

    /// Looks because of a token that names an unknown key: once a second at most, whoever asks.
    pub(super) fn reload_early(&self, id: &str) -> Option<BoxFuture<Result<(), KeysUnavailable>>> {
        let followed = self.followed_source()?;
        let state = followed.state();
        let age = followed.now().saturating_sub(state.read_at);
        let is_stuck = state.is_reading && age > Self::PATIENCE;
        if is_stuck || (state.failure.is_some() && age == 0) {
            // The key may be in a document that cannot be read: nobody can tell.
            return Some(Box::pin(async { Err(KeysUnavailable::default()) }));
        }
        if !state.is_reading && age == 0 {
            // It may have come since the token was looked at.
            let has_key = self.snapshot().is_ok_and(|set| set.has_key(id));
            return has_key.then(|| Box::pin(async { Ok(()) }) as BoxFuture<_>);
        }
        drop(state);
        let turn = self.begin_reading(followed, Asker::Request);
        let keys = self.clone();
        Some(Box::pin(async move {
            let read = keys.finish_reading(turn).await;
            read.map_err(|_| KeysUnavailable::default())
        }))
    }

    /// Begins to read the document, unless somebody does already.
    ///
    /// A thread reads a folder: a disk that hangs must not take the executor with it. A store is read by the caller;
    /// its owner waits for no request, which may rest amid its work.
    fn begin_reading(&self, followed: &Followed, asker: Asker) -> Turn {
        let has_folder = matches!(followed.source, Some(Source::Folder(_)));
        let mut state = followed.state();
        let round = state.round;
        let joins = has_folder || asker == Asker::Request;
        if mem::replace(&mut state.is_reading, true) && joins {
            return Turn::Another(round);
        }
        state.read_at = followed.now();
        drop(state);
        let Some(Source::Folder(folder)) = &followed.source else {
            return Turn::Own(Reading::new(self));
        };
        let (keys, own) = (self.clone(), folder.clone());
        let log = dispatcher::get_default(Dispatch::clone);
        let work = move || {
            dispatcher::with_default(&log, || Reading::new(&keys).read_folder(&own));
        };
        let name = "countersign-keys".to_owned();
        if thread::Builder::new().name(name).spawn(work).is_err() {
            // There are no threads here.
            Reading::new(self).read_folder(folder);
        }
        Turn::Another(round)
    }

    /// Waits until the document was read, by the one who has begun or by the next one.
    async fn finish_reading(&self, mut turn: Turn) -> Result<(), ConfigError> {
        let Some(followed) = self.followed_source() else {
            return Ok(());
        };
        loop {
            match turn {
                Turn::Own(reading) => return reading.read_store().await,
                Turn::Another(round) if followed.settled(round).await => {
                    self.report_reading();
                    return followed.state().failure.clone().map_or(Ok(()), Err);
                }
                // The request that read it was dropped.
                Turn::Another(_) => turn = self.begin_reading(followed, Asker::Request),
            }
        }
    }

    /// Tells the gauge whether the document is read.
    pub(super) fn report_reading(&self) {
        #[cfg(feature = "metrics")]
        if let Some(followed) = self.followed_source() {
            let is_failing = followed.state().failure.is_some();
            self.0.ring.load().measure_reading(is_failing);
        }
    }

    pub(super) fn followed_source(&self) -> Option<&Followed> {
        self.0.followed.as_ref().filter(|all| all.has_source())
    }
}

/// Who asks for a reading.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asker {
    /// Whoever follows the document, or has it reloaded.
    Owner,
    /// A request with a token of an unknown key.
    Request,
}
