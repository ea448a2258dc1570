//! When to stop.

use std::future::pending;

use tokio::signal;

/// Waits for Ctrl-C, or for SIGTERM where there is such a thing.
pub(crate) async fn asked_for() {
    let ctrl_c = async {
        // Without a handler the signal ends the process, which will do too.
        if signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
    };
    tokio::select! {
        () = ctrl_c => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    match signal::unix::signal(signal::unix::SignalKind::terminate()) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(_) => pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    pending().await
}
