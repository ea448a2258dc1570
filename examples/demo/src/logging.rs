//! The log: lines on standard error, written by a thread of their own.

use std::{
    env::{self, VarError},
    io,
    sync::mpsc,
    thread,
    time::Duration,
};

use clap::ValueEnum;
use metrics::counter;
use serde::Deserialize;
use tokio::time::sleep;
use tracing::{Level, Metadata, warn};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, LevelFilter, dynamic_filter_fn},
    fmt,
    layer::SubscriberExt,
    registry,
    util::SubscriberInitExt,
};

use crate::accepting;

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// An object with a member for each field.
    Json,
    /// For people.
    #[default]
    Text,
}

/// A log that is being written. The lines that still wait are written when it is dropped, if somebody reads them.
#[must_use = "without it, nothing is written"]
#[derive(Debug)]
pub struct Log(Option<WorkerGuard>);

impl Drop for Log {
    /// In a thread of its own: a guard whose lines nobody reads writes that to standard output, which may be closed.
    fn drop(&mut self) {
        let guard = self.0.take();
        let (done, written) = mpsc::channel::<()>();
        thread::spawn(move || {
            drop(guard);
            drop(done);
        });
        let _ = written.recv_timeout(LAST_LINES);
    }
}

/// The time in which the last lines are written.
const LAST_LINES: Duration = Duration::from_secs(2);

/// The lines that may wait for somebody to read them. Those beyond are dropped, and counted.
const WAITING_LINES: usize = 4_096;
/// The time between looks at the number of lines that were dropped.
const TURN: Duration = Duration::from_secs(5);

/// Sends the log to standard error: `info` and above, unless `RUST_LOG` says otherwise.
///
/// Nobody waits for whoever reads it: lines that find no room are dropped, which the log says, and the counter
/// `log_lines_lost_total`. Needs a tokio runtime.
///
/// # Errors
///
/// One line for the operator: `RUST_LOG` cannot be read.
pub fn start(format: LogFormat) -> Result<Log, String> {
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(WAITING_LINES)
        .thread_name("log")
        .finish(io::stderr());
    let lost = writer.error_counter();
    let lines = fmt::layer()
        .with_writer(writer)
        // A standard error that nobody reads any more must not fail requests.
        .log_internal_errors(false);
    let lines = match format {
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Text => lines.boxed(),
    };
    let shown = shown()?.and(dynamic_filter_fn(|line, _| is_news(line)));
    // A log that is set up already stays.
    let _ = registry().with(lines.with_filter(shown)).try_init();
    tokio::spawn(count(lost));
    Ok(Log(Some(guard)))
}

/// Returns the levels that are shown.
fn shown() -> Result<EnvFilter, String> {
    let directives = match env::var(EnvFilter::DEFAULT_ENV) {
        Ok(directives) => directives,
        Err(VarError::NotPresent) => String::new(),
        Err(VarError::NotUnicode(_)) => return Err("RUST_LOG is not valid UTF-8".to_owned()),
    };
    EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(directives)
        .map_err(|error| format!("RUST_LOG cannot be read: {error}"))
}

/// Returns whether a line says something new. actix-web repeats twice a second that it cannot accept connections.
fn is_news(line: &Metadata<'_>) -> bool {
    line.target() != "actix_server::accept" || *line.level() != Level::ERROR || accepting::fails()
}

/// Tells how many lines were dropped.
async fn count(lost: ErrorCounter) {
    let mut told = 0;
    loop {
        sleep(TURN).await; // the recorder may be installed after the log
        let all = lost.dropped_lines();
        counter!("log_lines_lost_total").absolute(u64::try_from(all).unwrap_or(u64::MAX));
        if all > told {
            warn!(
                lines = all - told,
                "lines of the log were lost: standard error is read too slowly"
            );
            told = all;
        }
    }
}
