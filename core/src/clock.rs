//! Where the time comes from.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place that may ask
    fn now(&self) -> i64 {
        // A clock set before 1970 tells nothing: with the far future, every token has expired.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|since_epoch| i64::try_from(since_epoch.as_secs()).ok())
            .unwrap_or(i64::MAX)
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> i64 {
        (**self).now()
    }
}

/// How far the clocks of two machines may be apart, at the very most.
pub(crate) const LARGEST_LEEWAY: Duration = Duration::from_secs(300);
