//! When to stop.

use std::io;

use tokio::signal;

/// Ends when the server is asked to stop: by Ctrl-C, or by SIGTERM where there is such a thing.
///
/// Call it before you say that the server listens: it hears what is asked from the call on, not
/// from the first poll.
///
/// # Errors
///
/// The system does not let us listen to signals.
///
/// # Panics
///
/// Outside of a tokio runtime.
#[cfg(unix)]
pub fn asked_to_stop() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Ends when the server is asked to stop: by Ctrl-C.
///
/// # Errors
///
/// None: where nobody can listen to signals, Ctrl-C ends the process by itself.
#[cfg(not(unix))]
pub fn asked_to_stop() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
