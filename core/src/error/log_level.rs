//! The level at which refusals are logged.

/// The level at which refused requests are logged: see
/// [`Authenticator::log_refusals_at`](crate::Authenticator::log_refusals_at).
///
/// The levels of [`tracing`](https://docs.rs/tracing). Errors of the server itself are `warn` in any case.
///
/// # Examples
///
/// ```
/// use countersign::LogLevel;
///
/// assert_eq!(LogLevel::default(), LogLevel::Debug);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogLevel {
    /// For whoever looks for a certain mistake.
    Trace,
    /// Off in production, as usual: anybody can cause a refusal, so a flood of requests is a flood of lines.
    #[default]
    Debug,
    /// Where the log is the only trace of a refusal, and the server limits requests.
    Info,
    /// Where clients are known, and none should ever be refused.
    Warn,
}
