//! Log events and counts of requests.

use std::error::Error;

use crate::error::{AuthError, AuthErrorKind};

/// Writes the refusal of a request to the log, as an event of `tracing`, and counts it.
///
/// For adapters that refuse a request themselves. Fields: `reason` (stable), `status`, and `cause`
/// where there is more to say. Clients' mistakes are `debug`, our own are `warn`. Without keys it is `debug`
/// too: a source of keys says so itself, once, and a flood of requests must not flood the log.
pub fn log(error: &AuthError) {
    #[cfg(feature = "metrics")]
    crate::metrics::handler_refusal(error.reason());
    write(error);
}

/// Says in the log why an authenticator refuses a request, and counts it. Nothing of it comes from the client.
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

/// The fields are computed within: nothing is, where nobody listens.
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
