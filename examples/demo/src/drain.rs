//! The end of a server, in steps that no client notices.

use std::{future::pending, io, time::Duration};

use tokio::{
    signal,
    sync::watch::{self, Receiver},
    time::timeout,
};
use tracing::info;

/// The way of a server to its end. Cheap to clone.
///
/// SIGTERM makes it drain: `/readyz` answers 503, answers close their connections, and requests are still
/// served, until balancers have noticed. Then it stops: nothing new is accepted, and requests under way may end.
#[derive(Clone, Debug)]
pub struct Drain(Receiver<Stage>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Serving,
    Draining,
    Stopped,
}

impl Drain {
    /// Listens to the signals from the call on: call it before you say that the server listens.
    ///
    /// SIGTERM drains for this time, or until it comes again. Ctrl-C stops at once. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The system does not let us listen to signals.
    pub fn on_signals(time: Duration) -> io::Result<Self> {
        let mut signals = Signals::new()?;
        let (stage, received) = watch::channel(Stage::Serving);
        tokio::spawn(async move {
            if signals.asked_to_drain().await && !time.is_zero() {
                let _ = stage.send(Stage::Draining);
                info!(seconds = time.as_secs(), "draining: not ready any more");
                let _ = timeout(time, signals.asked_to_drain()).await;
            }
            info!("stopping: requests under way may end");
            let _ = stage.send(Stage::Stopped);
            stage.closed().await;
        });
        Ok(Self(received))
    }

    /// A server that nobody stops.
    #[must_use]
    pub fn never() -> Self {
        Self(watch::channel(Stage::Serving).1)
    }

    /// Returns whether the server is on its way to its end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        *self.0.borrow() != Stage::Serving
    }

    /// Returns whether the server should stop.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        *self.0.borrow() == Stage::Stopped
    }

    /// Ends when the server should stop.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stages = self.0.clone();
        async move {
            let stopped = |stage: &Stage| *stage == Stage::Stopped;
            let has_stopped = stages.wait_for(stopped).await.is_ok();
            if !has_stopped {
                pending::<()>().await; // nobody can say so any more
            }
        }
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: signal::unix::Signal,
    terminate: signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for a signal, and returns whether it leaves time to drain.
    async fn asked_to_drain(&mut self) -> bool {
        tokio::select! {
            _ = self.interrupt.recv() => false,
            _ = self.terminate.recv() => true,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits for Ctrl-C. Where nobody can listen to it, it ends the process by itself.
    async fn asked_to_drain(&mut self) -> bool {
        if signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
        false
    }
}

/// Signals that ask to read the settings again: SIGHUP, where there is such a thing.
#[derive(Debug)]
pub struct Reloads(#[cfg(unix)] signal::unix::Signal);

impl Reloads {
    /// Listens to the signal from the call on, which then does not end the process any more.
    ///
    /// # Errors
    ///
    /// The system does not let us listen to signals.
    pub fn new() -> io::Result<Self> {
        #[cfg(unix)]
        return signal::unix::signal(signal::unix::SignalKind::hangup()).map(Self);
        #[cfg(not(unix))]
        Ok(Self())
    }

    /// Waits for the next one.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        self.0.recv().await;
        #[cfg(not(unix))]
        pending::<()>().await;
    }
}
