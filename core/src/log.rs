//! The log events and counters of requests.

use std::error::Error;

use crate::error::{AuthError, AuthErrorKind};

/// Writes the refusal of a request to the log, as an event of `tracing`, and counts it.
///
/// For adapters that refuse a request themselves. Fields: `reason` (stable), `status`, and `cause` if there
/// is one. Clients' mistakes are `debug`, our own are `warn`. Missing keys are `debug`, too: a source of
/// keys reports that itself, once, and a flood of requests must not flood the log.
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
    } else {
        tracing::debug!(
            target: "countersign",
            reason = kind.reason(),
            status = kind.status(),
            cause = cause(),
            "request refused"
        );
    }
}
