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
    /// For a server that limits requests, and has no other trace of a refusal.
    Info,
    /// For clients that are known, none of which should ever be refused.
    Warn,
}
