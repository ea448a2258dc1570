//! The state of accepting connections: told where it fails, and where it goes on.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};
#[cfg(any(feature = "actix", feature = "axum"))]
use std::time::Duration;

use tokio::time::Instant;
#[cfg(any(feature = "actix", feature = "axum"))]
use tracing::info;

/// Set once the socket is closed on purpose.
static STOPS: AtomicBool = AtomicBool::new(false);
/// The last failure, while accepting fails.
static FAILED: Mutex<Option<Instant>> = Mutex::new(None);
/// A connection this soon after a failure was accepted before it. The next try comes later.
#[cfg(any(feature = "actix", feature = "axum"))]
const BEFORE: Duration = Duration::from_millis(250);

/// Notes that a connection could not be accepted, which happens when a process runs out of file descriptors.
/// Returns whether this is news.
pub(crate) fn fails() -> bool {
    if STOPS.load(Ordering::Relaxed) {
        return false;
    }
    let mut failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
    failed.replace(Instant::now()).is_none()
}

/// Notes that from now on no connection should be accepted.
#[cfg(feature = "actix")]
pub(crate) fn stops() {
    STOPS.store(true, Ordering::Relaxed);
}

/// Notes that a connection was accepted.
#[cfg(any(feature = "actix", feature = "axum"))]
pub(crate) fn works() {
    let mut failed = FAILED.lock().unwrap_or_else(PoisonError::into_inner);
    if failed.is_some_and(|at| at.elapsed() > BEFORE) {
        *failed = None;
        info!("connections are accepted again");
    }
}
