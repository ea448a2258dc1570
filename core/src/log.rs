//! The log events, counters and spans of requests.

use std::error::Error;

use crate::error::{AuthError, AuthErrorKind, LineLimits, LogLevel};

/// Writes the refusal of a request to the log, as an event of `tracing`, and counts it.
///
/// For adapters that refuse a request themselves. Fields: `reason` (stable), `status`, and `cause`,
/// `principal`, `actor` and `subject` if there is one. Clients' mistakes are `debug`, or
/// [what is set](crate::Authenticator::log_refusals_at); our own are `warn`. Missing keys, a list of
/// revocations that is not up to date, issuers that nobody can decide about, opaque tokens that cannot be checked and
/// principals that cannot be found are as clients' mistakes: they are reported where they occur.
///
/// A flood of requests must not flood the log: there are ten lines for each reason in ten seconds, and the
/// next one has the number of those that were `left_out`.
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
    use AuthErrorKind::{
        IssuerUnavailable, KeysUnavailable, OpaqueTokenUnavailable, PrincipalUnavailable,
        RevocationUnavailable,
    };

    static LIMITS: LineLimits<{ AuthErrorKind::ALL.len() }> = LineLimits::new();

    let kind = error.kind();
    let cause = || error.source().map(tracing::field::display);
    macro_rules! write_at {
        ($level:ident, $text:literal) => {{
            // Without a subscriber there may be a logger, to which the event goes.
            let left_out = match tracing::enabled!(target: "countersign", tracing::Level::$level) {
                true => match LIMITS.admit(kind as usize) {
                    Some(left_out) => left_out,
                    None => return,
                },
                false => None,
            };
            tracing::event!(
                target: "countersign",
                tracing::Level::$level,
                reason = kind.reason(),
                status = kind.status(),
                cause = cause(),
                principal = error.principal(),
                actor = error.actor(),
                subject = error.subject(),
                left_out,
                $text
            );
        }};
    }
    if kind.status() >= 500
        && !matches!(
            kind,
            IssuerUnavailable
                | KeysUnavailable
                | OpaqueTokenUnavailable
                | PrincipalUnavailable
                | RevocationUnavailable
        )
    {
        write_at!(WARN, "cannot authenticate");
        return;
    }
    match error.params().map(|params| params.log_level) {
        None | Some(LogLevel::Debug) => write_at!(DEBUG, "request refused"),
        Some(LogLevel::Trace) => write_at!(TRACE, "request refused"),
        Some(LogLevel::Info) => write_at!(INFO, "request refused"),
        Some(LogLevel::Warn) => write_at!(WARN, "request refused"),
    }
}

/// Runs a future in a span, whose field `outcome` says how it ended.
#[cfg(feature = "spans")]
pub(crate) async fn in_span<T>(
    span: tracing::Span,
    outcome: impl FnOnce(&T) -> &'static str,
    work: impl Future<Output = T>,
) -> T {
    let result = tracing::Instrument::instrument(work, span.clone()).await;
    span.record("outcome", outcome(&result));
    result
}
