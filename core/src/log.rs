//! The log events and counters of requests.

use std::error::Error;

use crate::error::{AuthError, AuthErrorKind, LogLevel};

/// Writes the refusal of a request to the log, as an event of `tracing`, and counts it.
///
/// For adapters that refuse a request themselves. Fields: `reason` (stable), `status`, and `cause` if there
/// is one. Clients' mistakes are `debug`, or
/// [what is set](crate::Authenticator::log_refusals_at); our own are `warn`. Missing keys are as clients'
/// mistakes: a source of keys reports that itself, once, and a flood of requests must not flood the log.
pub fn log(error: &AuthError) {
    #[cfg(feature = "metrics")]
    crate::metrics::handler_refusal(error.reason());
    write(error);
}

/// Logs why an authenticator refuses a request, and counts it. Nothing in it comes from the client.
pub(crate) fn refusal(error: AuthError) -> AuthError {
    count(error.reason());
    write(&error);
    error
}

/// Counts the verdict on a request.
pub(crate) fn count(outcome: &'static str) {
    #[cfg(feature = "metrics")]
    crate::metrics::request(outcome);
    #[cfg(not(feature = "metrics"))]
    let _ = outcome;
}

/// Writes the event. The macros compute its fields only if somebody listens.
fn write(error: &AuthError) {
    let kind = error.kind();
    let cause = || error.source().map(tracing::field::display);
    if kind.status() >= 500 && kind != AuthErrorKind::KeysUnavailable {
        tracing::warn!(
            target: "countersign",
            reason = kind.reason(),
            status = kind.status(),
            cause = cause(),
            "cannot authenticate"
        );
        return;
    }
    macro_rules! refused {
        ($level:ident) => {
            tracing::event!(
                target: "countersign",
                tracing::Level::$level,
                reason = kind.reason(),
                status = kind.status(),
                cause = cause(),
                "request refused"
            )
        };
    }
    match error.params().map(|params| params.log_level) {
        None | Some(LogLevel::Debug) => refused!(DEBUG),
        Some(LogLevel::Trace) => refused!(TRACE),
        Some(LogLevel::Info) => refused!(INFO),
        Some(LogLevel::Warn) => refused!(WARN),
    }
}
