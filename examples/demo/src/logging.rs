//! The log.

use std::io;

use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    registry,
    util::SubscriberInitExt,
};

/// Sends the log to standard error: every refusal with its reason, and what others warn of.
///
/// A log that is set up already stays.
pub fn start() {
    let shown = Targets::new()
        .with_default(LevelFilter::WARN)
        .with_target("countersign", LevelFilter::DEBUG);
    let lines = fmt::layer()
        .with_writer(io::stderr)
        // A standard error that nobody reads any more must not fail requests.
        .log_internal_errors(false);
    let _ = registry().with(lines).with(shown).try_init();
}
