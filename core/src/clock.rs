//! The clock.

use std::time::Duration;
#[cfg(not(any(
    target_os = "linux",
    all(target_arch = "wasm32", target_os = "unknown")
)))]
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time, in whole seconds since 1970-01-01T00:00:00Z.
///
/// Everything that compares a time asks a `Clock`, so a test can move it.
///
/// # Examples
///
/// ```
/// use countersign::{Clock, SystemClock};
///
/// struct OneHourAhead;
///
/// impl Clock for OneHourAhead {
///     fn now(&self) -> i64 {
///         SystemClock.now() + 3_600
///     }
/// }
/// assert!(OneHourAhead.now() > SystemClock.now());
/// ```
pub trait Clock: Send + Sync + 'static {
    /// Seconds since the Unix epoch.
    fn now(&self) -> i64;
}

/// The operating system's clock. The default everywhere.
///
/// On Linux it is read from the last tick of the kernel, which is less than 10 milliseconds ago.
///
/// `wasm32-unknown-unknown` has no clock: there, every token has expired, and the log says why. Set a
/// clock of your own: see the guide [wasm](crate::guide::wasm).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[cfg(target_os = "linux")]
impl Clock for SystemClock {
    fn now(&self) -> i64 {
        // Whole seconds need no more than a tick, which costs an eighth of the exact time.
        let since_epoch = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        or_never(u64::try_from(since_epoch.tv_sec).ok())
    }
}

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
impl Clock for SystemClock {
    fn now(&self) -> i64 {
        static TOLD: std::sync::Once = std::sync::Once::new();
        TOLD.call_once(|| {
            tracing::error!(
                target: "countersign",
                "wasm32-unknown-unknown has no clock, so every token has expired: set `clock` on each builder"
            );
        });
        or_never(None) // the standard library would panic
    }
}

#[cfg(not(any(
    target_os = "linux",
    all(target_arch = "wasm32", target_os = "unknown")
)))]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the only reader of the system clock
    fn now(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        or_never(since_epoch.ok().map(|since_epoch| since_epoch.as_secs()))
    }
}

/// A clock set before 1970 tells nothing: with the far future, every token has expired.
fn or_never(seconds: Option<u64>) -> i64 {
    seconds
        .and_then(|seconds| i64::try_from(seconds).ok())
        .unwrap_or(i64::MAX)
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> i64 {
        (**self).now()
    }
}

/// The largest difference between the clocks of two machines that is tolerated.
pub(crate) const LARGEST_LEEWAY: Duration = Duration::from_secs(300);

/// Returns the whole seconds of a duration; of one that is far too long, the largest number.
pub(crate) fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
